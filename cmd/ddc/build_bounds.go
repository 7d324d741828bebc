package main

import (
	"maps"

	"ddc/plugin/spec"
	"ddc/plugins"
	"ddc/proto/sitepb"
	"ddc/rpc"
)

// answersOf are the kinds of answers to the methods of all plugins, the site's
// own too.
func answersOf() map[string]spec.Answer {
	all := map[string]spec.Answer{}
	for _, s := range plugins.All() {
		maps.Copy(all, s.Answers)
	}
	for _, method := range []string{
		sitepb.SitePlugin_Markdown_FullMethodName, sitepb.SitePlugin_Html_FullMethodName, sitepb.SitePlugin_Shortcode_FullMethodName,
		sitepb.SitePlugin_Function_FullMethodName, sitepb.SitePlugin_Check_FullMethodName,
	} {
		all[method] = spec.Text
	}
	all[sitepb.SitePlugin_Files_FullMethodName] = spec.Whole
	return all
}

const (
	// largestMessage is the largest message, however much memory there is.
	largestMessage = 256 << 20
	noteBytes      = 1 << 20
	// manyFields is enough for a page's headings, links and code blocks, or all
	// texts of a site. Decoding that many takes a second or two.
	manyFields = 4 << 20
	fewFields  = 64
)

// replies bounds the replies to a method. A method that no Spec names may only
// answer with a spec.Note.
func (m memoryShares) replies() func(method string) rpc.Bounds {
	answers := answersOf()
	return func(method string) rpc.Bounds { return m.reply(answers[method]) }
}

// reply bounds an answer of a kind. Several answers are under way at once, so
// each may be only a part of the limit.
func (m memoryShares) reply(kind spec.Answer) rpc.Bounds {
	part := func(of int64) int64 { return min(m.limit/of, largestMessage) }
	switch kind {
	case spec.Text:
		return rpc.Bounds{Bytes: int(part(16)), Fields: manyFields, Decoded: m.limit / 8}
	case spec.Block:
		return rpc.Bounds{Bytes: int(part(4)), Fields: fewFields, Decoded: m.limit / 4}
	case spec.Whole:
		return rpc.Bounds{Bytes: int(part(4)), Fields: manyFields, Decoded: m.limit / 4}
	default:
		return rpc.Bounds{Bytes: noteBytes, Fields: noteBytes / 64, Decoded: 8 * noteBytes}
	}
}

// requests bounds what a plugin receives.
func (m memoryShares) requests() rpc.Bounds {
	return rpc.Bounds{Bytes: int(min(m.limit/4, largestMessage)), Fields: 2 * manyFields, Decoded: m.limit / 4}
}

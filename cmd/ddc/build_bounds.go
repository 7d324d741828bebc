package main

import (
	"ddc/plugins/code_execution/code_executionpb"
	"ddc/plugins/css/csspb"
	"ddc/plugins/fonts/fontspb"
	"ddc/plugins/html/htmlpb"
	"ddc/plugins/html_diff/html_diffpb"
	"ddc/plugins/image/imagepb"
	"ddc/plugins/js/jspb"
	"ddc/plugins/jxl/jxlpb"
	"ddc/plugins/linkcheck/linkcheckpb"
	"ddc/plugins/markdown/markdownpb"
	"ddc/plugins/minify/minifypb"
	"ddc/plugins/pagefind/pagefindpb"
	"ddc/plugins/sass/sasspb"
	"ddc/plugins/svgo/svgopb"
	"ddc/plugins/syntax_highlight/syntax_highlightpb"
	"ddc/plugins/webp/webppb"
	"ddc/rpc"
)

// answer is the kind of what answers a method: how large it may be.
type answer int

const (
	// note is short whatever was asked.
	note answer = iota + 1
	// text is made of one page, style sheet or drawing, and says what is in it.
	text
	// block is one run of bytes in a few fields: pixels, a picture, a font.
	block
	// whole is made of the whole site.
	whole
)

// answers are the kinds of all methods. A method that is not here answers with a note.
var answers = map[string]answer{
	code_executionpb.CodeExecution_Extract_FullMethodName: text,
	code_executionpb.CodeExecution_Execute_FullMethodName: text,

	csspb.Css_Rewrite_FullMethodName: text,

	fontspb.Fonts_Analyse_FullMethodName:    whole,
	fontspb.Fonts_ExtractCss_FullMethodName: text,
	fontspb.Fonts_Decompress_FullMethodName: block,
	fontspb.Fonts_Subset_FullMethodName:     block,
	fontspb.Fonts_Compress_FullMethodName:   block,

	htmlpb.Html_Rewrite_FullMethodName:         text,
	htmlpb.Html_ReplaceInline_FullMethodName:   text,
	htmlpb.Html_Inspect_FullMethodName:         text,
	htmlpb.Html_MarkDeadLinks_FullMethodName:   text,
	htmlpb.Html_InjectBuildInfo_FullMethodName: text,

	html_diffpb.HtmlDiff_Diff_FullMethodName: text,

	imagepb.Image_Decode_FullMethodName:    block,
	imagepb.Image_Resize_FullMethodName:    block,
	imagepb.Image_Thumbhash_FullMethodName: note,

	jspb.Js_Rewrite_FullMethodName: text,

	jxlpb.Jxl_Decode_FullMethodName: block,
	jxlpb.Jxl_Encode_FullMethodName: block,

	linkcheckpb.Linkcheck_Check_FullMethodName: whole,

	markdownpb.Markdown_ParseFrontMatter_FullMethodName: text,
	markdownpb.Markdown_Render_FullMethodName:           text,

	minifypb.Minify_Html_FullMethodName: text,

	pagefindpb.Pagefind_BuildIndex_FullMethodName: whole,

	sasspb.Sass_Compile_FullMethodName: text,

	svgopb.Svgo_Optimise_FullMethodName: text,

	syntax_highlightpb.SyntaxHighlight_Highlight_FullMethodName:  text,
	syntax_highlightpb.SyntaxHighlight_Languages_FullMethodName:  note,
	syntax_highlightpb.SyntaxHighlight_Stylesheet_FullMethodName: note,

	webppb.Webp_Decode_FullMethodName: block,
	webppb.Webp_Encode_FullMethodName: block,
}

const (
	// largestMessage is what a message may be, however much memory there is.
	largestMessage = 256 << 20
	noteBytes      = 1 << 20
	// manyFields are a page's headings, links and code blocks, and all texts of a site. It
	// takes a second or two to decode them.
	manyFields = 4 << 20
	fewFields  = 64
)

// replies bounds what answers a method. Several are under way at once, so each is a part of the limit.
func (m memoryShares) replies(method string) rpc.Bounds {
	part := func(of int64) int64 { return min(m.limit/of, largestMessage) }
	switch answers[method] {
	case text:
		return rpc.Bounds{Bytes: int(part(16)), Fields: manyFields, Decoded: m.limit / 8}
	case block:
		return rpc.Bounds{Bytes: int(part(4)), Fields: fewFields, Decoded: m.limit / 4}
	case whole:
		return rpc.Bounds{Bytes: int(part(4)), Fields: manyFields, Decoded: m.limit / 4}
	default:
		return rpc.Bounds{Bytes: noteBytes, Fields: noteBytes / 64, Decoded: 8 * noteBytes}
	}
}

// requests bounds what a plugin is sent.
func (m memoryShares) requests() rpc.Bounds {
	return rpc.Bounds{Bytes: int(min(m.limit/4, largestMessage)), Fields: 2 * manyFields, Decoded: m.limit / 4}
}

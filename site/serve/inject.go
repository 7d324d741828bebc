package serve

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"

	parser "golang.org/x/net/html"

	"ddc/internal/diagnostic"
)

// tagOf is the script that a page gets. Its address is relative, so that it is
// right behind a proxy that puts a folder before the site's addresses; and it
// is a file of this server, so that a page's policy can allow it by 'self'.
//
// The attributes tell the script what the page is: its name and version, what
// is wrong, and which of its links are dead.
func tagOf(address *url.URL, prefix, name string, v version) string {
	var tag strings.Builder
	fmt.Fprintf(&tag, `<script type="module" src="%s" data-ddc="%s" data-name="%s"`,
		html.EscapeString(relativeTo(address.EscapedPath(), prefix+own+"client.js")), v.page.hash, html.EscapeString(name))
	if len(v.faults) > 0 {
		fmt.Fprintf(&tag, ` data-faults="%s"`, attribute(shownFaults(v.faults)))
	}
	if len(v.dead) > 0 {
		fmt.Fprintf(&tag, ` data-dead="%s"`, attribute(v.dead))
	}
	return tag.String() + "></script>"
}

const (
	// mostFaults bounds how many faults are shown over a page.
	mostFaults = 20
	// mostNamed bounds how many files of one fault the script is told of: it
	// names four, and says whether there are more.
	mostNamed = 5
)

// shownFaults are faults as a page is told of them: fit to be shown, since a
// browser, too, turns text around, and hides it.
func shownFaults(faults diagnostic.Errors) []diagnostic.Problem {
	shown := slices.Clone(faults[:min(len(faults), mostFaults)])
	for i, p := range shown {
		p.Files = p.Files[:min(len(p.Files), mostNamed)]
		shown[i] = p.Printable()
	}
	return shown
}

// attribute is a value as JSON, in quotes of an attribute.
func attribute(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "[]" // of strings and numbers there is always JSON
	}
	return html.EscapeString(string(text))
}

// inject puts a script into a page, where it is the first thing in the head.
// The script takes itself out again; what is left is the very tree that the
// page alone would have given.
//
// That takes some care. Blanks before the head vanish, and those in it do not:
// so the script stands after the blanks, if nothing else has opened the head.
func inject(page, script string) string {
	at := 0
	tokens := parser.NewTokenizer(strings.NewReader(page))
	for {
		kind := tokens.Next()
		raw := tokens.Raw()
		switch kind {
		case parser.DoctypeToken, parser.CommentToken:
		case parser.TextToken:
			rest := strings.TrimLeft(string(raw), " \t\r\n\f")
			if at += len(raw) - len(rest); rest != "" {
				return page[:at] + script + page[at:]
			}
			continue
		case parser.StartTagToken:
			switch name, _ := tokens.TagName(); string(name) {
			case "html":
			case "head":
				at += len(raw)
				return page[:at] + script + page[at:]
			default:
				return page[:at] + script + page[at:]
			}
		case parser.EndTagToken:
			// Before a head, the parser passes over all but these.
			switch name, _ := tokens.TagName(); string(name) {
			case "head", "body", "html", "br":
				return page[:at] + script + page[at:]
			}
		default:
			return page[:at] + script + page[at:]
		}
		at += len(raw)
	}
}

// forbidsScripts says whether a page has a policy of its own.
func forbidsScripts(page string) bool {
	return strings.Contains(strings.ToLower(page), "content-security-policy")
}

// scriptsOf are a page's scripts, whole: if they differ, so does what a page
// does, and nothing short of loading it can tell.
func scriptsOf(text string) string {
	var scripts strings.Builder
	tokens := parser.NewTokenizer(strings.NewReader(text))
	inside := false
	for {
		switch kind := tokens.Next(); kind {
		case parser.ErrorToken:
			return scripts.String()
		case parser.StartTagToken, parser.EndTagToken, parser.SelfClosingTagToken:
			raw := string(tokens.Raw())
			name, _ := tokens.TagName()
			if string(name) != "script" {
				continue
			}
			inside = kind == parser.StartTagToken
			scripts.WriteString(raw)
		case parser.TextToken:
			if inside {
				scripts.Write(tokens.Raw())
			}
		}
	}
}

package syntax_highlight

import (
	"html"
	"strconv"
	"strings"
)

// block is the whole element of a piece of code, whose spans are as Highlight
// makes them. Its text is the code, but for hidden lines: numbers are made by
// the style sheet.
func (i info) block(spans string) string {
	if i.decorated() {
		spans = i.decorate(spans)
	}
	var out strings.Builder
	if i.title != "" {
		out.WriteString(`<figure class="code"><figcaption>` + html.EscapeString(i.title) + `</figcaption>`)
	}
	pre := "<pre>"
	if i.copied {
		pre = "<pre data-copy>"
	}
	switch {
	case i.language == "mermaid": // drawn in the browser
		return `<pre class="mermaid">` + spans + `</pre>`
	case i.language == "":
		out.WriteString(pre + "<code>" + spans + "</code></pre>")
	default:
		out.WriteString(pre + `<code class="language-` + html.EscapeString(i.language) + `">` + spans + `</code></pre>`)
	}
	if i.title != "" {
		out.WriteString("</figure>")
	}
	return out.String()
}

// decorate puts each line into an element of its own.
func (i info) decorate(spans string) string {
	all := strings.SplitAfter(spans, "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	marked, hidden := within(i.marked, len(all)), within(i.hidden, len(all))
	var out strings.Builder
	open := "" // the span that goes on from the line before
	for n, line := range all {
		text, end := strings.CutSuffix(line, "\n")
		text = open + text
		if at := strings.LastIndex(text, "<span"); at > strings.LastIndex(text, "</span>") {
			open = text[at : at+strings.IndexByte(text[at:], '>')+1]
			text += "</span>"
		} else {
			open = ""
		}
		if hidden[n] {
			continue
		}
		out.WriteString(`<span class="line">`)
		if i.numbered {
			out.WriteString(`<span class="line-number" data-line="` + strconv.Itoa(i.first+n) + `"></span>`)
		}
		if marked[n] {
			text = "<mark>" + text + "</mark>"
		}
		out.WriteString(text + "</span>")
		if end {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// decorations are the styles of lines. A marked one has a bar, too, since its
// background is pale.
var decorations = "pre>code:has(>.line){display:block;width:max-content;min-width:100%}\n" +
	"pre>code .line{display:inline-block;width:100%}\n" +
	"pre>code .line:has(>mark){background:color-mix(in srgb,currentColor " + strconv.Itoa(markedShare) + "%,transparent);box-shadow:inset 3px 0 currentColor}\n" +
	"@media (forced-colors:active){pre>code .line:has(>mark){outline:1px solid}}\n" +
	"pre>code mark{background:none;color:inherit}\n" +
	"pre>code .line-number::before{content:attr(data-line);display:inline-block;min-width:2em;margin-right:1em;text-align:right;opacity:.7}\n"

package html

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
	"ddc/plugins/html/htmlpb"
)

// What the buttons need, once per page: a style, and a script that shows the
// information in a dialog. They end without a line feed, which would become a
// text of the page.
var (
	//go:embed buildinfo_style.html
	popupStyle string
	//go:embed buildinfo_script.html
	popupScript string
)

// injectBuildInfo adds a button before the </pre> of each code that has
// information, and says how many it added. The style goes to the end of the
// head, if the page says where that is: HTML allows no style in a body.
func injectBuildInfo(source string, samples map[string]*htmlpb.BuildInfo) (string, int, error) {
	known := make(map[string]*htmlpb.BuildInfo, len(samples))
	for _, code := range slices.Sorted(maps.Keys(samples)) { // in order, in case two are the same but for spaces
		known[normalise(code)] = samples[code]
	}
	if len(known) == 0 {
		return source, 0, nil
	}
	p := &markup.Page{Source: source}
	count := 0
	var fault error
	walkCode(p, func(code string, end int) {
		info, ok := known[normalise(code)]
		if !ok {
			return
		}
		button, err := buildInfoButton(info)
		if err != nil {
			fault = cmp.Or(fault, err)
			return
		}
		p.Insert(end, button)
		count++
	})
	if fault != nil || count == 0 {
		return source, 0, fault
	}
	headEnd, bodyEnd := ends(p)
	p.Insert(headEnd, popupStyle)
	p.Insert(bodyEnd, popupScript)
	return p.Edited(), count, nil
}

// ends are where the head and the body of a page end: before their end tags.
// Without those, it is the last place that is not inside a comment, the text of
// a script or title, or an <svg>. If a page does not say where its head ends,
// both are the same.
func ends(p *markup.Page) (head, body int) {
	head, body = -1, -1
	atHead, last := true, 0
	p.Walk(func(t markup.Token) {
		if t.Foreign {
			return
		}
		switch {
		case t.Kind == html.EndTagToken && t.Name == "head" && atHead && head < 0:
			head = t.Start
		case t.Kind == html.EndTagToken && t.Name == "body":
			body = t.Start
		case t.Kind == html.StartTagToken && t.Name == "body":
			atHead = false
		}
		switch {
		case t.Kind == html.TextToken && strings.HasPrefix(p.Source[t.Start:t.End], "<![CDATA["): // which may have no end
		case t.Kind == html.EndTagToken && t.Name == "html":
		case t.Kind == html.EndTagToken, !t.RawText && (t.Kind == html.StartTagToken || t.Kind == html.TextToken):
			last = t.End
		}
	})
	if body < 0 {
		body = last
	}
	if head < 0 || head > body {
		head = body
	}
	return head, body
}

// walkCode visits the text of each <pre>, or of the <code> in it, with the
// offset of its </pre>.
func walkCode(p *markup.Page, visit func(code string, end int)) {
	var all, code strings.Builder
	inPre, inCode, hasCode := false, 0, false
	closed := 0 // elements that can hold no button
	p.Walk(func(t markup.Token) {
		switch {
		case t.Name == "button" || t.Name == "select":
			if t.Kind == html.StartTagToken {
				closed++
			} else {
				closed = max(0, closed-1)
			}
		case t.Name == "pre" && t.Kind == html.StartTagToken:
			inPre, inCode, hasCode = true, 0, false
			all.Reset()
			code.Reset()
		case !inPre:
		case t.Name == "pre":
			inPre = false
			if closed > 0 {
				return
			}
			if hasCode {
				visit(code.String(), t.Start)
			} else {
				visit(all.String(), t.Start)
			}
		case t.Name == "code" && t.Kind == html.StartTagToken:
			inCode, hasCode = inCode+1, true
		case t.Name == "code":
			inCode = max(0, inCode-1)
		case t.Kind == html.TextToken:
			text := html.UnescapeString(p.Source[t.Start:t.End])
			all.WriteString(text)
			if inCode > 0 {
				code.WriteString(text)
			}
		}
	})
}

// normalise makes two copies of the same code equal: it trims lines, and leaves
// out blank ones.
func normalise(code string) string {
	var lines []string
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func buildInfoButton(info *htmlpb.BuildInfo) (string, error) {
	details, err := json.Marshal(map[string]any{
		"compiler": info.GetCompiler(), "version": info.GetVersion(), "platform": info.GetPlatform(), "duration_ms": info.GetDurationMs(),
	})
	if err != nil {
		return "", err
	}
	version, _, _ := strings.Cut(info.GetVersion(), "\n")
	title := strings.TrimSpace("Verified: " + version)
	return fmt.Sprintf(`<button type="button" class="build-info-btn verified" data-pagefind-ignore title="%s" onclick="showBuildInfoPopup(%s)">✓</button>`,
		markup.Quoted(title), markup.Quoted(string(details))), nil
}

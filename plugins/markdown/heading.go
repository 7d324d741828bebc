package markdown

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"
	"golang.org/x/net/html"

	"ddc/plugins/markdown/markdownpb"
)

// headingIDs gives out each id once.
type headingIDs struct {
	taken map[string]bool
	// next is the first number that may be free after an id. Lower numbers are
	// taken, and stay taken.
	next map[string]int
}

func newHeadingIDs() headingIDs { return headingIDs{map[string]bool{}, map[string]int{}} }

// take notes the ids of raw HTML, so that no heading gets one of them.
func (h headingIDs) take(raw []byte) {
	if !bytes.Contains(bytes.ToLower(raw), []byte("id")) {
		return
	}
	z := html.NewTokenizer(bytes.NewReader(raw))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		for more := kind == html.StartTagToken || kind == html.SelfClosingTagToken; more; {
			var name, value []byte
			if name, value, more = z.TagAttr(); string(name) == "id" {
				h.taken[string(value)] = true
			}
		}
	}
}

// unique returns id, or id-1, id-2 and so on where it is taken.
func (h headingIDs) unique(id string) string {
	free, n := id, max(h.next[id], 1)
	for ; h.taken[free]; n++ {
		free = id + "-" + strconv.Itoa(n)
	}
	h.taken[free] = true
	h.next[id] = n
	return free
}

// nameHeadings gives out the ids that authors wrote before those made from
// titles, so that {#install} keeps its name whatever stands above it.
func (p *page) nameHeadings(headings []*ast.Heading) {
	ids := make([]string, len(headings))
	for i, h := range headings {
		if written := explicitID(h); written != "" {
			ids[i] = p.ids.unique(written)
		}
	}
	for i, h := range headings {
		title := plainText(h, p.source)
		if ids[i] == "" {
			ids[i] = p.ids.unique(slug(title))
		}
		h.SetAttributeString("id", []byte(ids[i]))
		p.anchor(h, ids[i])
		p.out.Headings = append(p.out.Headings, &markdownpb.Heading{Title: title, Id: ids[i], Level: int32(h.Level)})
	}
}

// anchor gives a heading a link to itself. One that has links already gets no
// link around it, but one behind it.
func (p *page) anchor(h *ast.Heading, id string) {
	href := append([]byte("#"), util.EscapeHTML([]byte(id))...)
	mark := ast.NewString([]byte(`<a class="zola-anchor" href="` + string(href) + `" aria-label="Link to this part">#</a>`))
	mark.SetCode(true) // written as it is
	switch {
	case p.anchors == "left" && h.HasChildren():
		h.InsertBefore(h, h.FirstChild(), mark)
	case p.anchors == "left", p.anchors == "right", p.anchors == "heading" && linked(h):
		h.AppendChild(h, mark)
	case p.anchors == "heading":
		link := ast.NewLink()
		link.Destination = []byte("#" + id)
		for c := h.FirstChild(); c != nil; {
			next := c.NextSibling()
			link.AppendChild(link, c)
			c = next
		}
		h.AppendChild(h, link)
	}
}

// linked says whether a heading has a link in it.
func linked(h *ast.Heading) (found bool) {
	_ = ast.Walk(h, func(n ast.Node, _ bool) (ast.WalkStatus, error) { // the function returns no error
		switch n.(type) {
		case *ast.Link, *ast.AutoLink, *ast.RawHTML, *extast.FootnoteLink:
			found = true
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	return found
}

func explicitID(h *ast.Heading) string {
	value, _ := h.AttributeString("id")
	switch id := value.(type) {
	case []byte:
		return string(id)
	case string:
		return id
	}
	return ""
}

// slug lower-cases a title, and puts one hyphen in the place of each run of
// characters that are neither letters nor digits.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	if len(words) == 0 {
		return "section"
	}
	return strings.Join(words, "-")
}

// plainText is what a reader sees of a heading: text and inline code, without
// markup or footnote marks.
func plainText(n ast.Node, source []byte) string {
	var out bytes.Buffer
	writeText(&out, n, source)
	return strings.TrimSpace(out.String())
}

func writeText(out *bytes.Buffer, n ast.Node, source []byte) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			value := c.Segment.Value(source)
			if !c.IsRaw() {
				value = unescape(value)
			}
			out.Write(value)
			if c.SoftLineBreak() || c.HardLineBreak() {
				out.WriteByte(' ')
			}
		case *ast.String:
			out.Write(c.Value)
		case *ast.AutoLink:
			out.Write(c.Label(source))
		case *ast.CodeSpan:
			for t := c.FirstChild(); t != nil; t = t.NextSibling() {
				if t, ok := t.(*ast.Text); ok {
					out.Write(bytes.ReplaceAll(t.Segment.Value(source), []byte("\n"), []byte(" ")))
				}
			}
		default:
			writeText(out, c, source)
		}
	}
}

// unescape resolves backslashes and character references; goldmark leaves both
// for the renderer.
func unescape(value []byte) []byte {
	var out bytes.Buffer
	for len(value) > 0 {
		i := bytes.IndexByte(value, '\\')
		if i < 0 || i+1 >= len(value) {
			break
		}
		out.Write(references(value[:i]))
		if !util.IsPunct(value[i+1]) {
			out.WriteByte('\\')
		}
		// An escaped & is a plain &, which begins no reference.
		out.WriteByte(value[i+1])
		value = value[i+2:]
	}
	out.Write(references(value))
	return out.Bytes()
}

func references(value []byte) []byte {
	return util.ResolveEntityNames(util.ResolveNumericReferences(value))
}

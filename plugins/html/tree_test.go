package html

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"ddc/internal/markup/markuptest"
	"ddc/plugins/html/htmlpb"
)

// A step is one thing that this plugin does to a page. without takes out of a
// tree what the step is for: the tree of the page before and that of the page
// after must be the same then.
type step struct {
	name    string
	do      func(page string) (string, error)
	without func(root *html.Node)
}

// hostile is what a new name of a file or a sample's compiler may hold at
// worst.
const hostile = `"'</script></style></title>--><!--<script>]]>&quot;&<b>`

func steps(t testing.TB) []step {
	base, err := parseBase("/guide/")
	require.NoError(t, err)
	service := New()
	return []step{
		{"rewrite", func(page string) (string, error) {
			res, err := service.Rewrite(context.Background(), &htmlpb.RewriteRequest{Html: page, Base: "/guide/",
				Urls: map[string]string{"/a.png": "/a.0.png?" + strings.ReplaceAll(hostile, " ", "")}})
			return res.GetHtml(), err
		}, func(root *html.Node) { eachElement(root, withoutAddresses) }},
		{"pictures", func(page string) (string, error) {
			res, err := service.Rewrite(context.Background(), &htmlpb.RewriteRequest{Html: page, Base: "/guide/",
				Pictures: map[string]*htmlpb.Picture{"/m.jpg": {Fallback: "/m.webp", Width: 9, Height: 9, Placeholder: "data:" + hostile,
					Sources: []*htmlpb.Picture_Source{{Type: "image/webp", Variants: []*htmlpb.Picture_Variant{{Url: "/m.webp", Width: 9}}}}}}})
			return res.GetHtml(), err
		}, withoutPictures},
		{"drawings", func(page string) (string, error) {
			res, err := service.Rewrite(context.Background(), &htmlpb.RewriteRequest{Html: page, Base: "/guide/",
				Urls: map[string]string{"/a.png": "/a.0.png?" + strings.ReplaceAll(hostile, " ", "")}, Ratios: map[string]string{"/a.png": "3/2"}})
			return res.GetHtml(), err
		}, func(root *html.Node) {
			eachElement(root, withoutAddresses)
			eachElement(root, withoutRatios)
		}},
		{"replace", func(page string) (string, error) {
			found := inspect(page)
			req := &htmlpb.ReplaceInlineRequest{Html: page}
			for _, text := range found.GetStyles() {
				req.Styles = append(req.Styles, text+hostile)
			}
			for _, text := range found.GetScripts() {
				req.Scripts = append(req.Scripts, text+hostile)
			}
			for _, text := range found.GetStyleAttributes() {
				req.StyleAttributes = append(req.StyleAttributes, text+hostile)
			}
			res, err := service.ReplaceInline(context.Background(), req)
			return res.GetHtml(), err
		}, func(root *html.Node) { eachElement(root, withoutInline) }},
		{"dead links", func(page string) (string, error) {
			marked, _ := markDeadLinks(page, base, []string{"/"})
			return marked, nil
		}, func(root *html.Node) {
			eachElement(root, func(n *html.Node) { drop(n, "data-dead") })
		}},
		{"build info", func(page string) (string, error) {
			res, err := service.InjectBuildInfo(context.Background(), &htmlpb.InjectBuildInfoRequest{Html: page,
				Samples: map[string]*htmlpb.BuildInfo{"a": {Compiler: hostile, Version: hostile, Platform: hostile}}})
			return res.GetHtml(), err
		}, withoutBuildInfo},
	}
}

func eachElement(root *html.Node, visit func(*html.Node)) {
	for _, n := range slices.Collect(root.Descendants()) {
		if n.Type == html.ElementNode {
			visit(n)
		}
	}
}

func drop(n *html.Node, names ...string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return slices.Contains(names, a.Key) })
}

// withoutAddresses makes an empty value of each that names the file, old or
// new, and leaves out JSON that does. A srcdoc is a document of its own.
func withoutAddresses(n *html.Node) {
	for i, a := range n.Attr {
		if strings.Contains(a.Val, "/a.") && (slices.Contains([]string{"href", "src", "srcset", "content", "srcdoc", "action", "formaction",
			"background", "cite", "longdesc", "ping"}, a.Key) || strings.HasPrefix(a.Key, "data-")) {
			n.Attr[i].Val = ""
		}
	}
	if child := n.FirstChild; n.Data == "script" && child != nil && strings.Contains(child.Data, "/a.") && json.Valid([]byte(child.Data)) {
		n.RemoveChild(child)
	}
}

// withoutPictures makes an <img> of each <picture> that has our source, without
// what came with it.
func withoutPictures(root *html.Node) {
	eachElement(root, func(n *html.Node) {
		ours := slices.ContainsFunc(n.Attr, func(a html.Attribute) bool {
			return slices.Contains([]string{"href", "src", "srcset", "srcdoc"}, a.Key) && strings.Contains(a.Val, "/m.")
		})
		if ours {
			drop(n, "href", "src", "srcset", "srcdoc", "width", "height", "loading", "decoding", "style")
		}
		if n.Data == "source" && ours {
			n.Parent.RemoveChild(n)
		}
	})
	eachElement(root, func(n *html.Node) {
		if n.Data != "picture" || n.Namespace != "" || n.Parent == nil {
			return
		}
		for n.FirstChild != nil {
			child := n.FirstChild
			n.RemoveChild(child)
			n.Parent.InsertBefore(child, n)
		}
		n.Parent.RemoveChild(n)
	})
}

// withoutRatios leaves out the rule for drawings.
func withoutRatios(n *html.Node) {
	if child := n.FirstChild; n.Data == "style" && child != nil && strings.HasPrefix(child.Data, "@layer{:where(img[src=") {
		n.Parent.RemoveChild(n)
	}
}

// withoutInline empties inline styles and scripts.
func withoutInline(n *html.Node) {
	kind, src := "", false
	for i, a := range n.Attr {
		switch a.Key {
		case "style":
			n.Attr[i].Val = ""
		case "type":
			kind = strings.ToLower(strings.TrimSpace(a.Val))
		case "src":
			src = true
		}
	}
	if !(n.Data == "style" && (kind == "" || kind == "text/css") || n.Data == "script" && isJavaScript(kind) && !src) {
		return
	}
	for child := n.FirstChild; child != nil; child = n.FirstChild {
		n.RemoveChild(child)
	}
}

func withoutBuildInfo(root *html.Node) {
	eachElement(root, func(n *html.Node) {
		text := ""
		if n.FirstChild != nil && n.FirstChild.NextSibling == nil {
			text = n.FirstChild.Data
		}
		ours := n.Data == "button" && len(n.Attr) > 1 && n.Attr[1].Val == "build-info-btn verified" && text == "✓" ||
			n.Data == "script" && text != "" && strings.Contains(popupScript, text) ||
			n.Data == "style" && text != "" && strings.Contains(popupStyle, text)
		if ours {
			n.Parent.RemoveChild(n)
		}
	})
}

func (s step) requireSameTree(t *testing.T, page string) (changed bool) {
	t.Helper()
	after, err := s.do(page)
	require.NoError(t, err, "%q", page)
	if after == page {
		return false
	}
	reading := markuptest.Reading{Change: s.without}
	want, err := reading.Outline(page)
	require.NoError(t, err)
	if slices.Contains(want, "<:frameset []>") { // a page of frames shows nothing else, and parsers keep its spaces as they like
		return false
	}
	got, err := reading.Outline(after)
	require.NoError(t, err)
	require.Equal(t, want, got, "%s:\n%q became\n%q", s.name, page, after)
	return true
}

func TestTreeOfEveryDocumentStays(t *testing.T) {
	for _, s := range steps(t) {
		t.Run(s.name, func(t *testing.T) {
			changed := 0
			for page := range markuptest.Documents() {
				if s.requireSameTree(t, page) {
					changed++
				}
			}
			assert.Greater(t, changed, 100, "documents in which the step had something to do")
		})
	}
}

func FuzzTreeStays(f *testing.F) {
	for _, seed := range markuptest.Seeds() {
		f.Add(seed)
	}
	all := steps(f)
	f.Fuzz(func(t *testing.T, page string) {
		if _, err := (markuptest.Reading{}).Outline(page); err != nil || !utf8.ValidString(page) { // no message holds such a page
			return
		}
		small := strings.ToLower(page)
		if strings.Contains(small, "<template") && (strings.Contains(small, "<svg") || strings.Contains(small, "<math")) {
			return // the parser reads nothing behind one in the other
		}
		for _, s := range all {
			s.requireSameTree(t, page)
		}
	})
}

package markdown

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugins/markdown/markdownpb"
)

// numbered repeats a format with the numbers from 0.
func numbered(format string, n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
	}
	return all.String()
}

// nested is a list in a list, so many deep.
func nested(n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(strings.Repeat("  ", i) + "- a\n")
	}
	return all.String()
}

// floods are pages that goldmark takes quadratic time or a stack for.
var floods = map[string]struct {
	page func(n int) string
	says string
}{
	"quotes":             {func(n int) string { return "a\n\n" + strings.Repeat(">", n) }, "3:1: quotes and lists are nested more than 100 deep"},
	"quotes with blanks": {func(n int) string { return strings.Repeat("> ", n) }, "1:1: quotes and lists are nested"},
	"lists on a line":    {func(n int) string { return strings.Repeat("- ", n) + "a" }, "1:1: quotes and lists are nested"},
	"numbered lists":     {func(n int) string { return strings.Repeat("1. ", n) + "a" }, "1:1: quotes and lists are nested"},
	"lists in quotes":    {func(n int) string { return strings.Repeat("> - ", n) }, "1:1: quotes and lists are nested"},
	"lists over lines":   {func(n int) string { return nested(min(n, 500)) }, "101:1: quotes and lists are nested"},
	"links not closed":   {func(n int) string { return strings.Repeat("[a](", n) }, "1:1: there are too many marks such as * and [ in one paragraph"},
	"brackets":           {func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }, "1:1: there are too many marks"},
	"emphasis crossed":   {func(n int) string { return "# x\n\n" + strings.Repeat("*a_ ", n) }, "3:1: there are too many marks"},
	"code not closed":    {func(n int) string { return "a\n===\n\n" + strings.Repeat("`a``", n) }, "4:1: there are too many marks"},
	"tags":               {func(n int) string { return "a " + strings.Repeat("<a ", n) }, "1:1: there are too many marks"},
	"a heading of marks": {func(n int) string { return "# " + strings.Repeat("*a_ ", n) }, "1:3: there are too many marks"},
	"a cell of marks":    {func(n int) string { return "|a|\n|-|\n|" + strings.Repeat("*a_ ", n) }, "3:2: there are too many marks"},
	"definitions":        {func(n int) string { return "a\n\n" + numbered("[r%d]: /u\n", n) }, "3:1: there are too many definitions of links"},
	"titles not closed":  {func(n int) string { return strings.Repeat("[a]: /u (\n", n) }, "1:1: there are too many definitions of links"},
	"footnotes":          {func(n int) string { return numbered("a[^%d]\n\n[^%d]: a\n\n", n) }, "1:1: there are too many footnotes"},
	"short rows": {func(n int) string {
		return strings.Repeat("a|", n) + "\n" + strings.Repeat("-|", n) + "\n" + strings.Repeat("a\n", n)
	}, "1:1: there are too many cells in this table"},
	"classes":               {func(n int) string { return "# a {" + strings.Repeat(".b ", n) + "}" }, "1:3: there are too many attributes on one heading"},
	"attributes":            {func(n int) string { return "# a {" + numbered("a%d=1\t", n) + "}" }, "1:3: there are too many attributes"},
	"attributes and commas": {func(n int) string { return "a\nb {" + numbered("a%d=1,", n) + "}\n===\n" }, "2:1: there are too many attributes"},
	"attributes nested":     {func(n int) string { return "# " + strings.Repeat("{a=", n) }, "1:3: there are too many attributes"},
	"a title of lines":      {func(n int) string { return "x [a](b \"" + strings.Repeat("a\n", n) + "\")" }, "1:1: there are too many lines in one paragraph with links"},
	"a label of lines":      {func(n int) string { return "x\n\n[" + strings.Repeat("a\n", n) + "]: b" }, "3:1: there are too many definitions of links, or lines beside them"},
	"addresses":             {func(n int) string { return strings.Repeat("[a](x", n/20) + strings.Repeat("x", n) }, "1:1: there are too many links whose addresses do not end"},
	"addresses in angles":   {func(n int) string { return strings.Repeat("[a]( <", n/20) + strings.Repeat("x ", n) }, "1:1: there are too many links whose addresses do not end"},
}

func renderFault(t *testing.T, body string) string {
	t.Helper()
	_, err := New().Render(t.Context(), &markdownpb.RenderRequest{Path: "p.md", Body: body, BodyLine: 1})
	if !assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err) {
		return ""
	}
	return status.Convert(err).Message()
}

func TestPageThatGoldmarkTakesTooLongForIsRefusedWithItsPlace(t *testing.T) {
	for name, c := range floods {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, renderFault(t, c.page(100_000)), "p.md:"+c.says)
		})
	}
}

func TestPageWithMuchOfAnythingThatIsLinearIsRendered(t *testing.T) {
	const n = 5000
	for name, page := range map[string]string{
		"quotes beside one another": strings.Repeat("> > > a\n\n", n),
		"a quote of many lines":     strings.Repeat("> a\n", n),
		"items":                     strings.Repeat("- a\n  - b\n    - c\n", n),
		"numbered items":            strings.Repeat("1. a\n\n   b\n", n),
		"rules":                     strings.Repeat("* * *\n\n- - -\n\n", n),
		"links":                     strings.Repeat("- [a](/b) *c* `d`\n", n),
		"links in a paragraph":      strings.Repeat("[a](/b)\n", n),
		"definitions":               numbered("[r%d]: /u\n", n),
		"definitions apart":         numbered("[r%d]: /u\n\n", 5*n),
		"rows":                      "|a|b|c|\n|-|-|-|\n" + strings.Repeat("|`a`|*b*|[c](d)|\n", n),
		"columns":                   "|" + strings.Repeat("a|", n) + "\n|" + strings.Repeat("-|", n) + "\n",
		"footnotes":                 numbered("a[^%d]\n\n[^%d]: a\n\n", n/5),
		"code":                      "```\n" + strings.Repeat("*_[`<!\n", 5*n) + "```\n",
		"HTML":                      "<div>\n" + strings.Repeat("<b>*_[\n", 5*n) + "</div>\n",
		"words in braces":           "{" + strings.Repeat("word ", n) + "}",
		"code in braces":            "```\n{" + strings.Repeat("a.b=", 20*n) + "}\n```\n",
		"links on a line":           strings.Repeat("[a](/b) ", n),
		"links in angles":           strings.Repeat("[a](</b>) ", n) + strings.Repeat("x", 100*n),
		"a tag":                     "x <a " + numbered("a%d=1 ", 20*n) + ">",
		"a tag that does not end":   "<a " + numbered("a%d=1 ", 20*n),
		"depth that is allowed":     nested(50) + strings.Repeat(">", 50),
	} {
		t.Run(name, func(t *testing.T) { renderBody(t, page) })
	}
}

// The steps are those of what goldmark reads twice.
func TestAddressesAreCountedToTheirEnd(t *testing.T) {
	for line, want := range map[string]int{
		"[a](b) [c](d)":                  4,
		"[a](b[a](b c":                   1 + 4 + 2,
		"[a]( b[a](b c":                  1,
		"[a](<b [a](<c>d":                9 + 2,
		`[a](  <b\>c> d`:                 5,
		"[a](":                           0,
		"[a](<":                          1,
		"x":                              0,
		"[a](x" + strings.Repeat("y", 7): 8,
	} {
		assert.Equal(t, want, addressBytes([]byte(line)), line)
	}
}

// Each id is looked for once: what was taken stays taken.
func TestHeadingsOfOneTitleAreNumberedInOnePass(t *testing.T) {
	ids := newHeadingIDs()
	const n = 50_000
	for i := range n {
		want := "a"
		if i > 0 {
			want = fmt.Sprintf("a-%d", i)
		}
		assert.Equal(t, want, ids.unique("a"))
	}
	assert.Equal(t, n, ids.next["a"])
	assert.Equal(t, "a-7-1", ids.unique("a-7"))
	page := renderBody(t, strings.Repeat("# a\n", n))
	assert.Len(t, page.Headings, n)
	assert.Equal(t, "a-49999", page.Headings[n-1].Id)
}

func TestPathsAreComparedForTheFirstDeadLinksOfAPageOnly(t *testing.T) {
	known := strings.Fields(numbered("guide/page-%d.md ", 1000))
	page := renderBody(t, numbered("- [a](@/guide/pgae-%d.md) [b](@/guide/page-%d.md)\n", 1000), known...)
	assert.Len(t, page.BrokenLinks, 1000)
	suggested := 0
	for _, b := range page.BrokenLinks {
		if b.Suggestion != "" {
			suggested++
		}
	}
	assert.Equal(t, mostSuggestions, suggested)
	page = renderBody(t, "[a](@/"+strings.Repeat("a", 1_000_000)+".md)", known...)
	assert.Empty(t, page.BrokenLinks[0].Suggestion)
}

func TestPlaceholderIsANameThatThePageDoesNotHave(t *testing.T) {
	assert.Equal(t, "CODE_BLOCK_PLACEHOLDER", placeholderMark([]byte("CODE_BLOCK")))
	assert.Equal(t, "CODE_BLOCK_1_PLACEHOLDER", placeholderMark([]byte("CODE_BLOCK_PLACEHOLDER CODE_BLOCK_2_PLACEHOLDER")))
	page := "CODE_BLOCK_PLACEHOLDER " + numbered("CODE_BLOCK_%d_PLACEHOLDER ", 50_000)
	assert.Equal(t, "CODE_BLOCK_50000_PLACEHOLDER", placeholderMark([]byte(page)))
}

// BenchmarkFlood shows the time for n and 2n.
func BenchmarkFlood(b *testing.B) {
	for name, page := range map[string]func(n int) string{
		"headings": func(n int) string { return strings.Repeat("# a\n", n) },
		"links":    func(n int) string { return strings.Repeat("- [a](/b)\n", n) },
		"rows":     func(n int) string { return "|a|b|\n|-|-|\n" + strings.Repeat("|`a`|*b*|\n", n) },
		"quotes":   func(n int) string { return strings.Repeat("> > > a\n\n", n) },
		"refused":  func(n int) string { return strings.Repeat("[a](", 10*n) },
	} {
		for _, n := range []int{5000, 10_000} {
			body := page(n)
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					_, _ = render(&markdownpb.RenderRequest{Path: "p.md", Body: body, BodyLine: 1})
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
			})
		}
	}
}

// What a page is said to cost at most is no less than what is counted.
func TestAPageCostsNoMoreThanItIsSaidToCost(t *testing.T) {
	for name, c := range floods {
		for _, n := range []int{1, 2, 3, 10, 50} {
			source := []byte(c.page(n))
			b := bounds{source: source, lines: newLineIndex(source, 1)}
			assert.NoError(t, b.paragraphs())
			assert.LessOrEqual(t, b.steps, b.atMost(), "%s, %d", name, n)
		}
	}
}

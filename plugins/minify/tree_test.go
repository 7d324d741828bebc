package minify

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/markup/markuptest"
)

// read is what minifying must keep of a page.
func read(t *testing.T, source string, scripting bool) []string {
	t.Helper()
	outline, err := markuptest.Reading{Scripting: scripting, Comments: true, HeadSpace: true, Scripts: true}.Outline(source)
	require.NoError(t, err)
	return outline
}

func TestTreeOfEveryDocumentStays(t *testing.T) {
	given, asWritten := 0, 0
	for source := range markuptest.Documents() {
		small := page(source)
		if small != source {
			requireSameTree(t, source, small)
		}
		given++
		if tried, s := shrink(source); tried != small && !s.frames {
			asWritten++
		}
	}
	assert.Greater(t, given, 10000)
	assert.Less(t, asWritten, given/200, "the check is there for what nobody thought of, not for what shrink gets wrong")
}

// Tokens may leave a page undecided, but never say yes where the trees say no.
func TestPagesOfTheSameTokensHaveTheSameTree(t *testing.T) {
	decided, given := 0, 0
	for source := range markuptest.Documents() {
		small := shrunk(source)
		given++
		if small == source || !sameTokens(source, small) {
			continue
		}
		decided++
		require.True(t, sameWhole(source, small), "%q became %q", source, small)
	}
	assert.Greater(t, decided, given/5, "tokens decide many, even of hostile pages")
}

func TestTokensOfOtherPagesAreNotTheSame(t *testing.T) {
	const page = "<!doctype html><html><head><title>a</title></head><body class=x><p>b<br>c</p><svg><path/></svg></body></html>"
	require.True(t, sameTokens(page, page))
	for _, change := range [][2]string{
		{"<title>a", "<title>b"}, {"<p>b", "<p>B"}, {"class=x", "class=y"}, {"class=x", ""}, {"class=x", "class=x id=y"}, {"<br>", ""}, {"<br>", "<hr>"},
		{"</p>", ""}, {"</html>", "</html>z"}, {"<path/>", "<path>"}, {"<!doctype html>", ""}, {"<!doctype html>", "<!doctype html5>"},
	} {
		other := strings.Replace(page, change[0], change[1], 1)
		assert.NotEqual(t, page, other)
		assert.False(t, sameTokens(page, other), "%s", other)
		assert.False(t, sameTokens(other, page), "%s", other)
	}
}

func TestPagesOfASiteAreDecidedByTheirTokens(t *testing.T) {
	for name, page := range pages(t) {
		assert.True(t, sameTokens(page, shrunk(page)), name)
	}
}

func requireSameTree(t *testing.T, source, small string) {
	t.Helper()
	for _, scripting := range []bool{false, true} {
		require.Equal(t, read(t, source, scripting), read(t, small, scripting), "%q became %q", source, small)
	}
}

func shrunk(source string) string {
	small, _ := shrink(source)
	return small
}

func TestPageThatWouldBeReadDifferentlyStays(t *testing.T) {
	for _, source := range []string{"<frameset><svg><style>a<!-- c -->b</style></svg></frameset>", "<table> <!-- c -->x</table>"} {
		require.False(t, sameTree(source, shrunk(source)), source)
		assert.Equal(t, source, page(source))
	}
}

func TestPageTooDeepForTheParserStays(t *testing.T) {
	source := strings.Repeat("<div class=\"a\">", 600)
	assert.Equal(t, source, page(source))
}

func TestLongPagesAreMinifiedWithoutComparing(t *testing.T) {
	long := strings.Repeat("<p class=\"a\">x</p>\n", maxCompared/18)
	small := page(long)
	assert.Equal(t, strings.ReplaceAll(long, `"`, ""), small)
	assert.Equal(t, long+"<svg/>", page(long+"<svg/>"), "what only a parser knows is not risked")
}

// The parser makes 20 million elements of this page, which has to be compared
// as a tree.
func TestPageThatMultipliesStays(t *testing.T) {
	source := "<noscript >a</noscript>"
	for i := range 400 {
		source += fmt.Sprintf("<b a=%d>", i)
	}
	source += strings.Repeat("<p >x", 50_000)
	assert.Equal(t, source, page(source))
}

func TestPageOfManyBodiesStays(t *testing.T) {
	source := strings.Repeat("<body class=\"a\">", maxRoots+1)
	assert.Equal(t, source, page(source))
}

// The parser joins texts one by one where the tags between them count for
// nothing, and looks through the attributes of the <body> for each <body> more.
// Past what is compared, the time for n doubles with n.
func BenchmarkHostilePages(b *testing.B) {
	for name, hostile := range map[string]func(n int) string{
		"texts":  func(n int) string { return strings.Repeat("a</b>", n) },
		"select": func(n int) string { return "<select>" + strings.Repeat("a<p>", n) },
		"bodies": func(n int) string {
			var page strings.Builder
			for i := range n {
				fmt.Fprintf(&page, "<body a%d>", i)
			}
			return page.String()
		},
		"formatting": func(n int) string { return strings.Repeat("<p><b a=\"b\"><i><a href=\"x\"></p>", n) },
	} {
		for _, n := range []int{25_000, 50_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				source := hostile(n)
				for b.Loop() {
					page(source)
				}
			})
		}
	}
}

func FuzzTreeStays(f *testing.F) {
	for _, seed := range markuptest.Seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		small := page(source)
		if small == source {
			return
		}
		requireSameTree(t, source, small)
	})
}

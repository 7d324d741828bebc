package fonts

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// A selector means what cascadia says that it means.
func TestSelectorsMatchAsCascadiaSays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for range 2000 {
		var page, text strings.Builder
		for range 1 + random.IntN(30) {
			page.WriteString(pick("<i>", "<b class=x>", "<p id=y>", "<div class='x z'>", "a", "<!--a-->", "</i>", "</b>", "</p>", "</div>", "<i title='a > b'>"))
		}
		for range 1 + random.IntN(4) {
			text.WriteString(pick("i", "b", "p", "*", ".x", "#y", "div.x", "i:first-child", ":nth-child(2n+1)", ":nth-last-child(odd)", ":not(.x)", ":not(i,.z)",
				`[title="a > b"]`, "b:last-of-type", ":empty", ":only-child", "p:nth-of-type( 2n + 1 )"))
			text.WriteString(pick(" ", " ", ">", " > ", "+", " ~ ", "  "))
		}
		written := strings.TrimRight(text.String(), " >+~")
		wanted, err := cascadia.Parse(written)
		require.NoError(t, err, written)
		got, err := parseSelector(written)
		require.NoError(t, err, written)
		assert.Equal(t, wanted.Specificity(), got.specificity)
		root, err := html.Parse(strings.NewReader(page.String()))
		require.NoError(t, err)
		e := newEffort()
		for n := range root.Descendants() {
			if n.Type == html.ElementNode {
				require.Equal(t, wanted.Match(n), got.matches(n, e), "%s of %s at %s", written, page.String(), n.Data)
			}
		}
	}
}

func TestSelectorsThatLookFurtherMayMatchAnything(t *testing.T) {
	for _, wide := range []string{":has(b)", "i:haschild(b)", ":contains(a)", ":matches(a)", "[title#=a]", ":not(i b)", ":not(i > b)", "p :not(:has(i))"} {
		_, err := parseSelector(wide)
		assert.Error(t, err, wide)
	}
	for _, fine := range []string{":not(.a, .b)", ":not([a=b])", ":not(:first-child)", "i:not(.a):not(.b) > p"} {
		_, err := parseSelector(fine)
		assert.NoError(t, err, fine)
	}
}

// What takes too much is not looked at to its end: the fonts stay whole.
func TestWhatTakesTooMuchLeavesTheFontsWhole(t *testing.T) {
	deep := strings.Repeat("<div>", 400) + "<i>a</i>"
	flat := strings.Repeat("<i>a</i>", 20_000)
	const face = "@font-face{font-family:F;src:url(/f)}"
	for name, c := range map[string]struct{ css, page string }{
		"ancestors":  {".x div div div div div div i{font-family:F}", deep},
		"siblings":   {".x ~ i ~ i ~ i{font-family:F}", flat},
		"children":   {"i:nth-last-child(7n){font-family:F}", flat},
		"rules":      {numbered(".a%d{font-family:F}", 20_000), flat},
		"contents":   {numbered(".a%d::before{content:'a'}", 20_000), flat},
		"nested":     {numbered(".a%d,", 900) + "b{" + numbered("&.c%d{font-family:F}", 50_000) + "}", "a"},
		"variables":  {numbered(":root{--a:var(--b) f%d}", 500) + ":root{--b:" + strings.Repeat("g ", 100_000) + "}i{font-family:var(--a)}", "<i>a</i>"},
		"attributes": {numbered(":root{--a:f%d}", 500), numbered(`<i style="font-family:var(--a),x%d">a</i>`, 5000)},
		"families":   {"i{font-family:" + numbered("f%d,", 100_000) + "F}", strings.Repeat("<i>abcdefghijklmnopqrstuvwxyz</i>", 100)},
		"paragraphs": {"", numbered("<b a=%d>", 400) + strings.Repeat("<p>x", 20_000)},
		"classes":    {numbered(".a%d{font-family:F}", 2_000), strings.Repeat(`<i class="`+strings.Repeat("long ", 20_000)+`">a</i>`, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			got := analyse(t, face+c.css, c.page, "<p>b")
			assert.True(t, got.Whole)
			assert.Empty(t, got.Characters)
			assert.NotEmpty(t, got.Faces)
		})
	}
	assert.False(t, analyse(t, face+"p i{font-family:F}", strings.Repeat("<p><i>한글</i>", 20_000)).Whole)
}

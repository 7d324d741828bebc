package fonts

import (
	"io/fs"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fixture"
	"ddc/plugins/fonts/fontspb"
)

func analyse(t testing.TB, css string, pages ...string) *fontspb.AnalyseResponse {
	t.Helper()
	response, err := New().Analyse(t.Context(), &fontspb.AnalyseRequest{Html: pages, Css: []string{css}})
	require.NoError(t, err)
	return response
}

func TestTextGoesToTheFamilyThatTheCascadeGivesIt(t *testing.T) {
	const other = `body{font-family:Other}`
	for name, c := range map[string]struct{ css, page string }{
		"by element":                 {`p{font-family:F}`, `<p>AB</p>`},
		"inherited":                  {`div{font-family:F}`, `<div><p><b>AB</b></p></div>`},
		"after a child":              {`p{font-family:F}`, `<p>A<i>B</i></p>`},
		"in every text node":         {`p{font-family:F}`, `<p><i></i>A<br>B</p>`},
		"the later of equals":        {`p{font-family:X} p{font-family:F}`, `<p>AB</p>`},
		"the more specific":          {`.c{font-family:F} p{font-family:X}`, `<p class=c>AB</p>`},
		"important":                  {`p{font-family:F !important} .c{font-family:X}`, `<p class=c>AB</p>`},
		"style attribute":            {`.c{font-family:X}`, `<p class=c style="font-family:F">AB</p>`},
		"shorthand":                  {`p{font:italic bold 12px/30px "F", serif}`, `<p>AB</p>`},
		"shorthand with a slash":     {`p{font: 700 clamp(1rem, 2vw, 3rem) / 1.5 F}`, `<p>AB</p>`},
		"shorthand with a word size": {`p{font: x-large F}`, `<p>AB</p>`},
		"variable":                   {`:root{--f:'F',serif} p{font-family:var(--f)}`, `<p>AB</p>`},
		"variable of a variable":     {`:root{--f:var(--g);--g:F} p{font:1em var(--f, X)}`, `<p>AB</p>`},
		"fallback of a variable":     {`p{font-family:var(--none, F, serif)}`, `<p>AB</p>`},
		"fallback family":            {`p{font-family:X, "F"}`, `<p>AB</p>`},
		"media query":                {`@media (min-width:1px){p{font-family:F}}`, `<p>AB</p>`},
		"media query, tight":         {`@media(min-width:1px){@supports(a:b){p{font-family:F}}}`, `<p>AB</p>`},
		"nested":                     {`.c{color:red;& p{font-family:F}}`, `<div class=c><p>AB</p></div>`},
		"hover":                      {`p:hover{font-family:F}`, `<p>AB</p>`},
		"not hovered":                {`p:not(:hover){font-family:F}`, `<p>AB</p>`},
		"first line":                 {`p::first-line{font-family:F}`, `<p>AB</p>`},
		"selector not understood":    {`p:new-thing(2 of .x){font-family:F}`, `<p>AB</p>`},
		"inherit":                    {`div{font-family:F} p{font-family:inherit}`, `<div><p>AB</p></div>`},
		"code by name":               {`code{font-family:F}`, `<p><code>AB</code></p>`},
		"content":                    {`p::before{font-family:F;content:"\41 B"}`, `<p></p>`},
		"content of an attribute":    {`p{font-family:F} p:after{content:attr(data-x)}`, `<p data-x=AB></p>`},
		"placeholder and value":      {`input{font-family:F}`, `<input value=A placeholder=B>`},
		"alternative text":           {`img{font-family:F}`, `<img alt=AB>`},
		"quotes around":              {`p{font-family: f}`, `<p>AB</p>`},
		"text-transform":             {`p{font-family:F;text-transform:uppercase}`, `<p>ab</p>`},
		"noscript":                   {`p{font-family:F}`, `<noscript><p>AB</p></noscript>`},
		"broken rule before":         {`x{]:;} @import "a"; p{font-family:F}`, `<p>AB</p>`},
		"unclosed":                   {`p{font-family:F`, `<p>AB</p>`},
	} {
		t.Run(name, func(t *testing.T) {
			got := analyse(t, other+`@font-face{font-family:"F";src:url(f.woff2)}`+c.css, c.page)
			assert.Contains(t, got.Characters["F"], "A")
			assert.Contains(t, got.Characters["F"], "B")
			assert.NotContains(t, got.Characters["F"], "C")
		})
	}
}

func TestCountersGetTheirLetters(t *testing.T) {
	for css, letters := range map[string]string{
		`ol{list-style:lower-greek}`:                       "αω",
		`ol{list-style-type:Upper-Roman}`:                  "IVXLCDM",
		`li::before{content:counter(x, upper-alpha) ") "}`: "AZ)",
	} {
		got := analyse(t, `@font-face{font-family:F;src:url(f.woff2)} html{font-family:F}`+css, `<ol><li>.</ol>`)
		for _, letter := range letters {
			assert.Contains(t, got.Characters["F"], string(letter), css)
		}
		assert.NotContains(t, got.Characters["F"], "q", css)
	}
}

func TestTextDoesNotGoToFamiliesThatLose(t *testing.T) {
	for name, c := range map[string]struct{ css, page string }{
		"earlier":             {`p{font-family:F} p{font-family:X}`, `<p>AB</p>`},
		"less specific":       {`.c{font-family:X} p{font-family:F}`, `<p class=c>AB</p>`},
		"another element":     {`code{font-family:F}`, `<p>AB</p>`},
		"script and style":    {`*{font-family:F}`, `<head><title>AB</title></head><script>AB</script><style>AB</style><template>AB</template>`},
		"keyframes":           {`@keyframes x{from{font-family:F}}`, `<p>AB</p>`},
		"comment":             {`/* p{font-family:F} */`, `<p>AB</p>`},
		"browser's own code":  {`body{font-family:F}`, `<body><code>AB</code>`},
		"attribute not shown": {`p{font-family:F}`, `<p title=AB data-x=AB></p>`},
	} {
		t.Run(name, func(t *testing.T) {
			got := analyse(t, c.css, c.page)
			assert.NotContains(t, got.Characters["F"], "A")
		})
	}
}

func TestCharactersAreSortedAndOnce(t *testing.T) {
	got := analyse(t, `p{font-family:F}`, `<p>cab`, "<p>b\n\tc😀é")
	assert.Equal(t, map[string]string{"F": " abcé😀"}, got.Characters)
}

func TestFacesAreListedWithTheirSheet(t *testing.T) {
	response, err := New().Analyse(t.Context(), &fontspb.AnalyseRequest{Css: []string{
		`p{}`,
		`@font-face{font-family:'A B';src:local("x"),url('/a b.woff2') format("woff2"),url(c.ttf);font-weight:100 900;font-style:italic}
		 @media print{@font-face{font-family:C;src:url( c.ttf )}} @font-face{src:url(nameless.ttf)}`,
	}})
	require.NoError(t, err)
	require.Len(t, response.Faces, 2)
	a, c := response.Faces[0], response.Faces[1]
	assert.Equal(t, []any{"A B", "/a b.woff2", "100 900", "italic", int32(1)}, []any{a.Family, a.Src, a.Weight, a.Style, a.Sheet})
	assert.Equal(t, []any{"C", "c.ttf"}, []any{c.Family, c.Src})
}

func TestVariablesThatMultiplyEnd(t *testing.T) {
	var css strings.Builder
	for _, name := range "abcdefghijkl" {
		for range 9 {
			css.WriteString(`x{--` + string(name) + `:var(--` + string(name+1) + `),var(--` + string(name) + `);}`)
		}
	}
	analyse(t, css.String()+`p{font-family:var(--a)}`, `<p>A`)
}

func TestExtractCssJoinsStyleElements(t *testing.T) {
	got, err := New().ExtractCss(t.Context(), &fontspb.ExtractCssRequest{Html: `<style>a > b{}</style><p><style media=print>c{}</style><style></style>`})
	require.NoError(t, err)
	assert.Equal(t, "a > b{}\nc{}", got.Css)
}

// pages are those of a site, and its style sheet.
func pages(t testing.TB, site fs.FS) (pages []string, css string) {
	t.Helper()
	for _, sheet := range fixture.Folder(t, site, "static/css") {
		css += sheet
	}
	for _, body := range fixture.Bodies(t, site) {
		pages = append(pages, `<body><article>`+body+`</article>`)
	}
	return pages, css
}

func TestSiteUsesBothItsFonts(t *testing.T) {
	type fonts struct {
		faces      int
		text, code string
	}
	known := map[string]fonts{"fixture": {2, "Go Text", "Go Code"}, "dodeca-docs/docs": {4, "Public Sans", "Iosevka"}}
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		t.Run(site.Name, func(t *testing.T) {
			fonts := known[site.Name]
			pages, css := pages(t, site)
			got := analyse(t, css, pages...)
			require.Len(t, got.Faces, fonts.faces)
			for _, family := range []string{fonts.text, fonts.code} {
				count := len([]rune(got.Characters[family]))
				assert.Greater(t, count, 50, family)
				assert.Less(t, count, 250, family)
				for _, r := range got.Characters[family] {
					assert.False(t, unicode.IsControl(r))
				}
			}
			assert.Contains(t, got.Characters[fonts.code], "{")
			again := analyse(t, css, pages...)
			assert.Equal(t, got.Characters, again.Characters)
		})
	}
}

func BenchmarkAnalyseRealSite(b *testing.B) {
	pages, css := pages(b, fixture.RealOrSkip(b, "dodeca-docs/docs"))
	for b.Loop() {
		analyse(b, css, pages...)
	}
}

func FuzzAnalyseNeverPanics(f *testing.F) {
	f.Add(`@media(x){a:not(:hover)::before{content:"\41";font:1em/2 var(--x,F)}} :root{--x:var(--x)}`, `<p style="font:x">a<li>b`)
	f.Add(`a{b:var(`, `<p style="}{">`)
	f.Fuzz(func(t *testing.T, css, page string) { analyse(t, css, page) })
}

func FuzzFontsNeverPanic(f *testing.F) {
	f.Add([]byte("wOFF\x00\x01\x00\x00\x00\x00\x00\x2c\x00\x01"))
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x10\x00\x00\x00\x00glyf\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if sfnt, err := unpack(data); err == nil {
			_ = check(sfnt)
		}
	})
}

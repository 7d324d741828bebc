package css

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/plugins/css/csspb"
)

var renamed = map[string]string{
	"/img/a.png":       "/img/a.0c.png",
	"/img/a b.png":     "/img/a b.0c.png",
	"/css/reset.css":   "/css/reset.0c.css",
	"/fonts/x.woff2":   "/fonts/x.0c.woff2",
	"https://x.org/i":  "/mirror/i",
	"/img/quote's.png": "/img/quote's.0c.png",
	"/img/sprite.svg":  "/img/sprite.0c.svg",
	"/img/ünï.png":     "/img/ünï.0c.png",
}

func call(t *testing.T, sheet string, small bool) (string, error) {
	t.Helper()
	got, err := New().Rewrite(t.Context(), &csspb.RewriteRequest{Path: "css/style.css", Css: sheet, Urls: renamed, Base: "/css/style.css", Minify: small})
	return got.GetCss(), err
}

func TestURLsAreReplacedAndNothingElse(t *testing.T) {
	for sheet, want := range map[string]string{
		`a{b:url(/img/a.png)}`:                                                `a{b:url(/img/a.0c.png)}`,
		`a { b : URL(  "/img/a.png"  ) x }`:                                   `a { b : URL(  "/img/a.0c.png"  ) x }`,
		`a{b:url('../img/a.png')}`:                                            `a{b:url('/img/a.0c.png')}`,
		`a{b:url(../img/./a.png?v=1#x)}`:                                      `a{b:url(/img/a.0c.png?v=1#x)}`,
		`a{b:url("../img/sprite.svg#icon")}`:                                  `a{b:url("/img/sprite.0c.svg#icon")}`,
		`@import "reset.css" screen;`:                                         `@import "/css/reset.0c.css" screen;`,
		`@IMPORT/**/ 'reset.css';`:                                            `@IMPORT/**/ '/css/reset.0c.css';`,
		`@import url(reset.css) layer(x);`:                                    `@import url(/css/reset.0c.css) layer(x);`,
		`a{b:url(../img/a\ b.png)}`:                                           `a{b:url("/img/a b.0c.png")}`,
		`a{b:url("../img/a%20b.png")}`:                                        `a{b:url("/img/a b.0c.png")}`,
		`a{b:url("\2f img/a.png")}`:                                           `a{b:url("/img/a.0c.png")}`,
		`a{b:url('/img/quote\'s.png')}`:                                       `a{b:url('/img/quote\'s.0c.png')}`,
		`a{b:url(/img/ünï.png)}`:                                              `a{b:url(/img/ünï.0c.png)}`,
		`a{b:url(https://x.org/i)}`:                                           `a{b:url(/mirror/i)}`,
		`a{b:image-set("/img/a.png" 1x type("/img/a.png"))}`:                  `a{b:image-set("/img/a.0c.png" 1x type("/img/a.png"))}`,
		`:root{--i: url(/img/a.png) }`:                                        `:root{--i: url(/img/a.0c.png) }`,
		`@font-face{src:url(/fonts/x.woff2) format("woff2"),url(/img/a.png)}`: `@font-face{src:url(/fonts/x.0c.woff2) format("woff2"),url(/img/a.0c.png)}`,
	} {
		got, err := call(t, sheet, false)
		require.NoError(t, err, sheet)
		assert.Equal(t, want, got)
	}
}

func TestWhatIsNoReferenceOfTheMapStays(t *testing.T) {
	for _, sheet := range []string{
		"", "/* url(/img/a.png) */\n", `a::before{content:"/img/a.png"}`, `a{b:url(/img/a.png.map)}`, `a{b:url(img/a.png)}`,
		`a{b:url(https://cdn.org/img/a.png)}`, `a{b:url(//cdn.org/img/a.png)}`, `a{b:url(data:image/png;base64,aGk=)}`, `a{b:url(#clip)}`, `a{b:url()}`,
		`a{b:curl(/img/a.png)}`, `@namespace svg "http://www.w3.org/2000/svg";`, "a{color red;unknown:1}\r\n<!-- b{} -->", `a{b:"\"/img/a.png\" \
x"}`,
	} {
		got, err := call(t, sheet, false)
		require.NoError(t, err, sheet)
		assert.Equal(t, sheet, got)
	}
}

func TestReferencesThatTheMapLacksAreListedWithTheirPlace(t *testing.T) {
	got, err := New().Rewrite(t.Context(), &csspb.RewriteRequest{Css: "@import 'gone.css';\na{b:url(../no%20ne.png?x) url(https://x.org/a.png) url(#a) url(data:,x) url(//x.org/b) url(/img/a.png)}", Urls: renamed, Base: "/css/style.css"})
	require.NoError(t, err)
	require.Len(t, got.Unknown, 2)
	assert.Equal(t, []any{"gone.css", "/css/gone.css", int32(1), int32(9)}, []any{got.Unknown[0].Url, got.Unknown[0].Path, got.Unknown[0].Line, got.Unknown[0].Column})
	assert.Equal(t, []any{"../no%20ne.png?x", "/no ne.png", int32(2), int32(9)}, []any{got.Unknown[1].Url, got.Unknown[1].Path, got.Unknown[1].Line, got.Unknown[1].Column})
}

func TestAbsoluteURLOfTheSiteItselfIsReplaced(t *testing.T) {
	got, err := New().Rewrite(t.Context(), &csspb.RewriteRequest{Css: "a{b:url(https://me.org/img/a.png) url(https://you.org/img/a.png)}", Urls: renamed, Base: "https://me.org/css/style.css"})
	require.NoError(t, err)
	assert.Equal(t, "a{b:url(/img/a.0c.png) url(https://you.org/img/a.png)}", got.Css)
}

func TestByteOrderMarkIsDropped(t *testing.T) {
	got, err := call(t, "\ufeffa{b:c}", false)
	require.NoError(t, err)
	assert.Equal(t, "a{b:c}", got)
}

func TestBrokenSheetNamesItsPlace(t *testing.T) {
	for sheet, want := range map[string]string{
		"a {\n  b: c;\n":  "css/style.css:1:3: { is never closed",
		"a{}\n/* ö */ }":  "css/style.css:2:9: } closes nothing",
		"a{b:c(d}":        "css/style.css:1:8: } does not close the (\n  css/style.css:1:5: it begins here",
		"a{b:'x\n}":       "css/style.css:1:5: string is not closed on its line",
		`a{b:"x}`:         "css/style.css:1:5: string is never closed",
		`a{b:"x\"`:        "css/style.css:1:5: string is never closed",
		"\n\n a{} /* x *": "css/style.css:3:6: comment is never closed",
		"/*/":             "css/style.css:1:1: comment is never closed",
		"a{b:url(x\"y)}":  "css/style.css:1:5: url() cannot be read; put the URL in quotes",
		"a{b:url(x":       "css/style.css:1:5: url( is never closed",
		"a{b:url('x'":     "css/style.css:1:5: url( is never closed",
		"a[b{c:d}":        "css/style.css:1:2: [ is never closed",
	} {
		for _, small := range []bool{false, true} {
			_, err := call(t, sheet, small)
			assert.Equal(t, codes.InvalidArgument, status.Code(err), sheet)
			assert.Equal(t, want, status.Convert(err).Message(), sheet)
		}
	}
}

func TestMinifyKeepsMeaningAndLicences(t *testing.T) {
	got, err := call(t, "/*! MIT */\n@layer base {\n  .é > b::after { content: \"→\"; color: #ff0000; &:hover { margin: 0px 0px; } }\n}\n:root { --gap: 1px; background: url( '/img/a.png' ); }\n/* gone */\n", true)
	require.NoError(t, err)
	assert.Equal(t, "/*! MIT */@layer base{.é>b:after{content:\"→\";color:red;&:hover{margin:0}}}:root{--gap: 1px;background:url(/img/a.0c.png)}", got)
}

func TestSheetIsRewrittenAndMinified(t *testing.T) {
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		for name, sheet := range fixture.Folder(t, site, "static/css") {
			t.Run(site.Name+"/"+name, func(t *testing.T) { rewritesAndMinifies(t, sheet) })
		}
	}
}

// ownURL is a URL from the site's root in a sheet.
var ownURL = regexp.MustCompile(`url\(\s*['"]?(/[^'")\s]+)`)

func rewritesAndMinifies(t *testing.T, sheet string) {
	t.Helper()
	urls := map[string]string{}
	for _, found := range ownURL.FindAllStringSubmatch(sheet, -1) {
		urls[found[1]] = found[1] + ".0123456acdeo"
	}
	require.NotEmpty(t, urls)
	req := &csspb.RewriteRequest{Path: "css/style.css", Css: sheet, Urls: urls, Base: "/css/style.css"}
	whole, err := New().Rewrite(t.Context(), req)
	require.NoError(t, err)
	req.Minify = true
	small, err := New().Rewrite(t.Context(), req)
	require.NoError(t, err)
	for _, renamed := range urls {
		assert.Contains(t, whole.Css, renamed)
		assert.Contains(t, small.Css, renamed)
	}
	assert.Equal(t, sheet, strings.ReplaceAll(whole.Css, ".0123456acdeo", ""))
	assert.Less(t, len(strings.ReplaceAll(small.Css, ".0123456acdeo", "")), len(sheet)*3/4)
	again, err := New().Rewrite(t.Context(), &csspb.RewriteRequest{Css: small.Css, Minify: true})
	require.NoError(t, err)
	assert.Equal(t, small.Css, again.Css, "minifying what is minified changes nothing")
}

func FuzzRewrite(f *testing.F) {
	for _, seed := range []string{`@import "a";b{c:url( 'd' )e(f)}/**/`, `a{b:url(\61\20 )}`, "url(\"\\\n\")", `image-set("a" 1x)`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sheet string) {
		same, err := rewrite(sheet, nil, "/")
		if err != nil {
			return
		}
		require.Equal(t, strings.TrimPrefix(sheet, "\ufeff"), same.sheet)
		found, err := scan(same.sheet)
		require.NoError(t, err)
		urls := map[string]string{}
		for _, ref := range found.found {
			urls[ref.value] = `/n'e"w).x`
		}
		changed, err := rewrite(same.sheet, urls, "/")
		require.NoError(t, err)
		after, err := scan(changed.sheet)
		require.NoError(t, err, changed.sheet)
		require.Len(t, after.found, len(found.found), changed.sheet)
		for _, ref := range after.found {
			require.Equal(t, `/n'e"w).x`, ref.value, changed.sheet)
		}
	})
}

func BenchmarkRewriteRealSheet(b *testing.B) {
	sheet := fixture.Read(b, fixture.RealOrSkip(b, "dodeca-docs/docs"), "static/css/style.css")
	for _, small := range []bool{false, true} {
		b.Run(map[bool]string{false: "rewrite", true: "minify"}[small], func(b *testing.B) {
			b.SetBytes(int64(len(sheet)))
			for b.Loop() {
				if _, err := New().Rewrite(b.Context(), &csspb.RewriteRequest{Css: sheet, Urls: renamed, Base: "/css/style.css", Minify: small}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

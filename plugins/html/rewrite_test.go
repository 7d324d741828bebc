package html

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/plugins/html/htmlpb"
)

// frame is the base template of a site: a whole page, with inline SVG and a
// script.
func frame(t testing.TB, site fs.FS) string {
	t.Helper()
	return fixture.Read(t, site, "templates/base.html")
}

func rewritten(t *testing.T, req *htmlpb.RewriteRequest) string {
	t.Helper()
	res, err := New().Rewrite(context.Background(), req)
	require.NoError(t, err)
	return res.GetHtml()
}

func TestPageWithoutChangesStaysByteForByte(t *testing.T) {
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		page := frame(t, site) + "<P CLASS = a  >&nbsp;&copy <img src='/a.png' / ><br/></i></p\n><!-- <a href=/x> -->"
		assert.Equal(t, page, rewritten(t, &htmlpb.RewriteRequest{Html: page, Urls: map[string]string{"/x": "/y"}}), site.Name)
	}
}

func TestURLsOfAPageFollowTheirFiles(t *testing.T) {
	page := frame(t, fixture.Text())
	out := rewritten(t, &htmlpb.RewriteRequest{Html: page, Base: "/guide/", Urls: map[string]string{
		"/css/harbour.css": "/css/harbour.0a1c2d.css", "/favicon.svg": "/favicon.aa00.svg", "/js/harbour.js": "/js/harbour.11.js"}})
	assert.Contains(t, out, `<link rel="stylesheet" href="/css/harbour.0a1c2d.css">`)
	assert.Contains(t, out, `<link rel="icon" type="image/svg+xml" href="/favicon.aa00.svg">`)
	assert.Contains(t, out, `<script src="/js/harbour.11.js"></script>`)
	assert.Equal(t, page, strings.NewReplacer(".0a1c2d", "", ".aa00", "", ".11", "").Replace(out), "all else stays")
}

func TestURLIsReplacedInEachAttributeThatHoldsOne(t *testing.T) {
	urls := map[string]string{"/a.png": "/a.0.png", "/b.png": "/b.0.png", "/guide/c d.png": "/guide/c d.0.png", "/s.svg": "/s.0.svg"}
	for source, want := range map[string]string{
		`<a href="/a.png">`:                                `<a href="/a.0.png">`,
		`<a href='/a.png'>`:                                `<a href='/a.0.png'>`,
		`<a href=/a.png>`:                                  `<a href="/a.0.png">`,
		`<A HREF = "/a.png" >`:                             `<A HREF = "/a.0.png" >`,
		`<a href=" /a.png ">`:                              `<a href="/a.0.png">`,
		`<a href="../a.png">`:                              `<a href="/a.0.png">`,
		`<a href="/x/../a.png?v=1&amp;w=2#top">`:           `<a href="/a.0.png?v=1&amp;w=2#top">`,
		`<a href="c%20d.png">`:                             `<a href="/guide/c%20d.0.png">`,
		`<a href="https://else.org/a.png">`:                `<a href="https://else.org/a.png">`,
		`<a href="//else.org/a.png">`:                      `<a href="//else.org/a.png">`,
		`<a href="#a.png">`:                                `<a href="#a.png">`,
		`<a href="/a.png" href="/b.png">`:                  `<a href="/a.0.png" href="/b.png">`,
		`<img srcset="/a.png 1x,/b.png 2x, /c.png 3x">`:    `<img srcset="/a.0.png 1x,/b.0.png 2x, /c.png 3x">`,
		`<img srcset="data:a,b 1x, /b.png 200w 100h ">`:    `<img srcset="data:a,b 1x, /b.0.png 200w 100h ">`,
		`<img srcset="/a.png, /b.png">`:                    `<img srcset="/a.0.png, /b.0.png">`,
		`<img srcset="/a.png (x, /b.png), /b.png 2x">`:     `<img srcset="/a.0.png (x, /b.png), /b.0.png 2x">`,
		`<link imagesrcset="/a.png 1x">`:                   `<link imagesrcset="/a.0.png 1x">`,
		`<video poster="/a.png">`:                          `<video poster="/a.0.png">`,
		`<object data="/s.svg">`:                           `<object data="/s.0.svg">`,
		`<div data="/s.svg">`:                              `<div data="/s.svg">`,
		`<use xlink:href="/s.svg#home"/>`:                  `<use xlink:href="/s.0.svg#home"/>`,
		`<meta property="og:image" content="/a.png">`:      `<meta property="og:image" content="/a.0.png">`,
		`<meta name="twitter:image" content="/a.png">`:     `<meta name="twitter:image" content="/a.0.png">`,
		`<meta name="description" content="/a.png">`:       `<meta name="description" content="/a.png">`,
		`<noscript><img src="/s.svg"></noscript>`:          `<noscript><img src="/s.0.svg"></noscript>`,
		`<script>"<img src='/a.png'>"</script>`:            `<script>"<img src='/a.png'>"</script>`,
		`<textarea><img src="/a.png"></textarea>`:          `<textarea><img src="/a.png"></textarea>`,
		`<!-- <img src="/a.png"> -->`:                      `<!-- <img src="/a.png"> -->`,
		`<base href="/a.png">`:                             `<base href="/a.png">`,
		`<img alt="a>b" src="/s.svg"`:                      `<img alt="a>b" src="/s.svg"`,
		`<a title="?a=1&copy=2" href="/a.png?a=1&copy=2">`: `<a title="?a=1&copy=2" href="/a.0.png?a=1&amp;copy=2">`,
	} {
		assert.Equal(t, want, rewritten(t, &htmlpb.RewriteRequest{Html: source, Base: "/guide/", Urls: urls}))
	}
}

func TestAbsoluteURLOfTheSiteItselfIsReplaced(t *testing.T) {
	req := &htmlpb.RewriteRequest{Base: "https://me.org/guide/", Urls: map[string]string{"/a.png": "/a.0.png"},
		Html: `<meta property="og:image" content="https://me.org/a.png"><a href="https://you.org/a.png">`}
	assert.Equal(t, `<meta property="og:image" content="https://me.org/a.0.png"><a href="https://you.org/a.png">`, rewritten(t, req))
}

func mountain() map[string]*htmlpb.Picture {
	return map[string]*htmlpb.Picture{"/mountain.jpg": {
		Sources: []*htmlpb.Picture_Source{
			{Type: "image/jxl", Variants: []*htmlpb.Picture_Variant{{Url: "/m-320w.jxl", Width: 320}, {Url: "/m.jxl", Width: 1920}}},
			{Type: "image/webp", Variants: []*htmlpb.Picture_Variant{{Url: "/m-320w.webp", Width: 320}, {Url: "/m.webp", Width: 1920}}},
		},
		Fallback: "/m.webp", Width: 1920, Height: 1280, Placeholder: "data:image/png;base64,AA+/==",
	}}
}

const mountainSources = `<source srcset="/m-320w.jxl 320w, /m.jxl 1920w" sizes="(max-width:1920px) 100vw, 1920px" type="image/jxl">` +
	`<source srcset="/m-320w.webp 320w, /m.webp 1920w" sizes="(max-width:1920px) 100vw, 1920px" type="image/webp">`

func TestImageBecomesAPicture(t *testing.T) {
	const more = ` width="1920" height="1280" decoding="async"` +
		` style="background:url(data:image/png;base64,AA+/==) center/contain no-repeat content-box"`
	for source, want := range map[string]string{
		`<p><img src="/mountain.jpg" alt="A"></p>`: `<p><picture>` + mountainSources + `<img src="/m.webp" alt="A"` + more + `></picture></p>`,
		`<img src=/mountain.jpg />`:                `<picture>` + mountainSources + `<img src="/m.webp"` + more + ` /></picture>`,
		`<img src=../mountain.jpg>`:                `<picture>` + mountainSources + `<img src="/m.webp"` + more + `></picture>`,
	} {
		assert.Equal(t, want, rewritten(t, &htmlpb.RewriteRequest{Html: source, Base: "/guide/", Pictures: mountain()}))
	}
}

// A moving picture has no variants, but a page leaves room for it.
func TestAnImageWithoutVariantsHasItsSize(t *testing.T) {
	r := &htmlpb.RewriteRequest{
		Html: `<img src=a.gif><img src=a.gif width=20>`, Urls: map[string]string{"a.gif": "/a.0.gif"},
		Pictures: map[string]*htmlpb.Picture{"a.gif": {Width: 40, Height: 30}},
	}
	assert.Equal(t, `<img src="/a.0.gif" width="40" height="30"><img src="/a.0.gif" width=20 height="15">`, rewritten(t, r))
}

func TestAttributesOfTheAuthorWin(t *testing.T) {
	source := `<img src="/mountain.jpg" width="300" height="200" loading="eager" decoding="sync" style="color:red">`
	want := `<picture>` + strings.ReplaceAll(mountainSources, "(max-width:1920px) 100vw, 1920px", "300px") + `<img src="/m.webp" width="300" height="200" loading="eager" decoding="sync" style="color:red"></picture>`
	assert.Equal(t, want, rewritten(t, &htmlpb.RewriteRequest{Html: source, Pictures: mountain()}))
}

func TestOneSideGivenTheOtherKeepsTheRatio(t *testing.T) {
	assert.Contains(t, rewritten(t, &htmlpb.RewriteRequest{Html: `<img width=300 src=/mountain.jpg>`, Pictures: mountain()}), ` height="200"`)
	assert.Contains(t, rewritten(t, &htmlpb.RewriteRequest{Html: `<img height=200 src=/mountain.jpg>`, Pictures: mountain()}), ` width="300"`)
	assert.NotContains(t, rewritten(t, &htmlpb.RewriteRequest{Html: `<img width=50% src=/mountain.jpg>`, Pictures: mountain()}), ` height=`)
}

// A height of the picture's own would stretch an image whose style has a width.
func TestSizeFollowsTheStyleOfAnImage(t *testing.T) {
	for style, want := range map[string]string{
		`width:300px`:                  `style="width:300px" width="300" height="200"`,
		`max-width: 300px; color:red`:  `style="max-width: 300px; color:red" width="300" height="200"`,
		`width:3000px;max-width:300px`: `style="width:3000px;max-width:300px" width="300" height="200"`,
		`max-width:5000px`:             `style="max-width:5000px" width="1920" height="1280"`,
		`height:200px`:                 `style="height:200px" width="300" height="200"`,
		`width:90px;height:90px`:       `style="width:90px;height:90px" width="1920" height="1280"`,
		`width:50%;`:                   `style="width:50%;aspect-ratio:1920/1280"`,
		`max-width:100%`:               `style="max-width:100%;aspect-ratio:1920/1280" width="1920"`,
		`width:300px;max-width:100%`:   `style="width:300px;max-width:100%;aspect-ratio:1920/1280"`,
		`width:10em;aspect-ratio:1`:    `style="width:10em;aspect-ratio:1"`,
	} {
		out := rewritten(t, &htmlpb.RewriteRequest{Html: `<img src=/mountain.jpg style="` + style + `">`, Pictures: mountain()})
		assert.Contains(t, out, `<img src="/m.webp" `+want+` decoding="async">`, style)
	}
}

func TestLinkThatSavesAFileHasTheSitesFolder(t *testing.T) {
	req := &htmlpb.RewriteRequest{Prefix: "/sub", Urls: map[string]string{"/a.pdf": "/sub/a.0.pdf"},
		Html: `<a href="/a.pdf" download><a href="a.pdf" download><a href="/sub/a.pdf" download><a href="//x.org/a.pdf" download><a href="/a.pdf">`}
	assert.Equal(t, `<a href="/sub/a.pdf" download><a href="a.pdf" download><a href="/sub/a.pdf" download><a href="//x.org/a.pdf" download><a href="/sub/a.0.pdf">`, rewritten(t, req))
}

func TestSizesOfAnImageCountForItsSources(t *testing.T) {
	out := rewritten(t, &htmlpb.RewriteRequest{Html: `<img sizes="50vw" src=/mountain.jpg>`, Pictures: mountain()})
	assert.Contains(t, out, `/m.webp 1920w" sizes="50vw" type="image/webp">`)
}

// A picture that is shown small is not fetched large.
func TestSizesFollowTheAuthorsWidth(t *testing.T) {
	for attributes, want := range map[string]string{
		``:                                     "(max-width:1920px) 100vw, 1920px",
		`width=50`:                             "50px",
		`width="50px"`:                         "50px",
		`width=4000`:                           "(max-width:1920px) 100vw, 1920px",
		`height=100`:                           "150px",
		`width=100 height=200`:                 "300px", // object-fit: cover shows all of its height
		`width=300 height=20`:                  "300px",
		`width="50%"`:                          "(max-width:3840px) 50vw, 1920px",
		`width=auto`:                           "(max-width:1920px) 100vw, 1920px",
		`style="width:64px"`:                   "64px",
		`style="color:red; WIDTH : 64.5px "`:   "65px",
		`style="width:64px!important" width=9`: "64px",
		`style="width:25%"`:                    "(max-width:7680px) 25vw, 1920px",
		`style="width:10vw"`:                   "(max-width:19200px) 10vw, 1920px",
		`style="max-width:300px"`:              "(max-width:300px) 100vw, 300px",
		`style="width:100%;max-width:300px"`:   "(max-width:300px) 100vw, 300px",
		`style="width:calc(1px + 2em)"`:        "(max-width:1920px) 100vw, 1920px",
		`style="color:red" width=80`:           "80px",
		`style="width:64px" sizes="3em"`:       "3em",
	} {
		out := rewritten(t, &htmlpb.RewriteRequest{Html: `<img ` + attributes + ` src=/mountain.jpg>`, Pictures: mountain()})
		assert.Contains(t, out, `/m.webp 1920w" sizes="`+want+`" type="image/webp">`, attributes)
	}
}

// A style sheet says img{width:auto}: an icon of 64 pixels must be 64 wide, not
// as wide as the window.
func TestSmallPictureKeepsItsNaturalWidth(t *testing.T) {
	icon := map[string]*htmlpb.Picture{"/icon.png": {Fallback: "/icon.webp", Width: 64, Height: 64, Sources: []*htmlpb.Picture_Source{
		{Type: "image/webp", Variants: []*htmlpb.Picture_Variant{{Url: "/icon.webp", Width: 64}}}}}}
	assert.Contains(t, rewritten(t, &htmlpb.RewriteRequest{Html: `<img src="/icon.png">`, Pictures: icon}),
		`<picture><source srcset="/icon.webp" type="image/webp"><img src="/icon.webp" width="64" height="64"`)
	icon["/icon.png"].Sources[0].Variants[0].Width = 32 // the own width did not come out
	assert.Contains(t, rewritten(t, &htmlpb.RewriteRequest{Html: `<img src="/icon.png">`, Pictures: icon}),
		`<source srcset="/icon.webp 32w" sizes="(max-width:64px) 100vw, 64px" type="image/webp">`)
}

// An <img> ends the <svg> that it is in, a <picture> does not: it would become
// an element of SVG that shows nothing.
func TestImageThatEndsAnSVGIsNotWrapped(t *testing.T) {
	for _, source := range []string{`<svg><img src="/mountain.jpg">`, `<svg><g><path/><img src="/mountain.jpg">`, `<math><mrow><img src="/mountain.jpg">`} {
		out := rewritten(t, &htmlpb.RewriteRequest{Html: source, Pictures: mountain()})
		assert.NotContains(t, out, "<picture>")
		assert.Contains(t, out, `<img src="/m.webp" width="1920"`)
	}
	for _, source := range []string{`<svg></svg><img src="/mountain.jpg">`, `<svg><foreignObject><img src="/mountain.jpg">`, `<div><svg><path></div><img src="/mountain.jpg">`} {
		assert.Contains(t, rewritten(t, &htmlpb.RewriteRequest{Html: source, Pictures: mountain()}), "<picture>")
	}
}

func TestImageInAPictureGetsItsSourcesThere(t *testing.T) {
	source := `<picture><source srcset="/night.svg" media="(prefers-color-scheme: dark)"><img src="/mountain.jpg"></picture><img src="/mountain.jpg">`
	out := rewritten(t, &htmlpb.RewriteRequest{Html: source, Pictures: mountain()})
	assert.Contains(t, out, `(prefers-color-scheme: dark)">`+mountainSources+`<img src="/m.webp"`)
	assert.Contains(t, out, `</picture><picture>`+mountainSources)
}

func TestImageWithASrcsetOfItsOwnIsNotWrapped(t *testing.T) {
	out := rewritten(t, &htmlpb.RewriteRequest{Html: `<img src="/mountain.jpg" srcset="/mountain.jpg 1x, /big.jpg 2x">`, Pictures: mountain()})
	assert.NotContains(t, out, "<picture>")
	assert.Contains(t, out, `srcset="/m.webp 1x, /big.jpg 2x" width="1920"`)
}

func TestWhatElseRefersToAPictureGetsItsFallback(t *testing.T) {
	source := `<link rel="icon" href="/mountain.jpg"><a href="/mountain.jpg">`
	assert.Equal(t, `<link rel="icon" href="/m.webp"><a href="/m.webp">`, rewritten(t, &htmlpb.RewriteRequest{Html: source, Pictures: mountain()}))
}

func TestBaseThatIsNoURLIsRefused(t *testing.T) {
	_, err := New().Rewrite(context.Background(), &htmlpb.RewriteRequest{Base: "http://[::1"})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
}

func FuzzPageWithoutChangesStays(f *testing.F) {
	f.Add("<a href=x y='z' w>t</a><script>a</script><!-- c -->")
	f.Add("<picture><img src=a><noscript><b x=\"&amp;\"></noscript>")
	f.Add("<svg><![CDATA[ x ]]><a b=c/></svg><plaintext><a>")
	f.Fuzz(func(t *testing.T, source string) {
		assert.Equal(t, source, rewritten(t, &htmlpb.RewriteRequest{Html: source, Urls: map[string]string{"/\x00none": "/y"}}))
		inspect(source)
		markDeadLinks(source, mustBase(t), nil)
	})
}

func BenchmarkRewrite(b *testing.B) {
	page := frame(b, fixture.RealOrSkip(b, "dodeca-docs/docs"))
	service := New()
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		if _, err := service.Rewrite(context.Background(), &htmlpb.RewriteRequest{Html: page, Urls: map[string]string{"/css/style.css": "/c"}}); err != nil {
			b.Fatal(err)
		}
	}
}

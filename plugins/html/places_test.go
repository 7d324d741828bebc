package html

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/plugins/html/htmlpb"
)

// places is a request for a page of a site with a picture, a drawing and
// modules.
func places(page string) *htmlpb.RewriteRequest {
	return &htmlpb.RewriteRequest{Html: page, Base: "https://me.org/guide/",
		Urls: map[string]string{"/p.svg": "/p.0.svg", "/q.svg": "/q.0.svg", "/js/lib.js": "/js/lib.0.js", "/js/dir/d.js": "/js/dir/d.0.js",
			"/f.ttf": "/f.0.woff2", "/s.css": "/s.0.css", "/guide/here.js": "/guide/here.0.js"},
		Pictures:  map[string]*htmlpb.Picture{"/m.jpg": {Fallback: "/m.0.webp"}},
		Originals: map[string]string{"/m.jpg": "/m.0.jpg"},
		Integrity: map[string]string{"/js/lib.0.js": "sha384-new", "/s.0.css": "sha384-css", "/f.0.woff2": ""},
		Types:     map[string]string{"/f.0.woff2": "font/woff2"},
	}
}

func TestURLIsReplacedInEachPlaceThatOnlyScriptsOrServersRead(t *testing.T) {
	for source, want := range map[string]string{
		`<img data-src="/p.svg">`:                                              `<img data-src="/p.0.svg">`,
		`<img data-src="../p.svg">`:                                            `<img data-src="/p.0.svg">`,
		`<img data-lazy-srcset="/p.svg 1x, /q.svg 2x">`:                        `<img data-lazy-srcset="/p.0.svg 1x, /q.0.svg 2x">`,
		`<i data-bg="/p.svg" data-x="/q.svg">`:                                 `<i data-bg="/p.0.svg" data-x="/q.0.svg">`,
		`<i data-name="../p.svg">`:                                             `<i data-name="../p.svg">`,
		`<i data-json='{"a":"/p.svg"}'>`:                                       `<i data-json='{"a":"/p.0.svg"}'>`,
		`<meta http-equiv="refresh" content="5; url=/p.svg">`:                  `<meta http-equiv="refresh" content="5; url=/p.0.svg">`,
		`<meta http-equiv="Refresh" content="0;URL='../p.svg'">`:               `<meta http-equiv="Refresh" content="0;URL='/p.0.svg'">`,
		`<meta http-equiv="refresh" content="5">`:                              `<meta http-equiv="refresh" content="5">`,
		`<meta name="msapplication-square70x70logo" content="/p.svg">`:         `<meta name="msapplication-square70x70logo" content="/p.0.svg">`,
		`<meta property="og:image" content="https://me.org/p.svg">`:            `<meta property="og:image" content="https://me.org/p.0.svg">`,
		`<iframe srcdoc="<img src='/p.svg'>"></iframe>`:                        `<iframe srcdoc="<img src='/p.0.svg'>"></iframe>`,
		`<form action="/p.svg"><input formaction="/q.svg">`:                    `<form action="/p.0.svg"><input formaction="/q.0.svg">`,
		`<a ping="/p.svg /x">`:                                                 `<a ping="/p.0.svg /x">`,
		`<svg><image href="/p.svg" xlink:href="/q.svg"/></svg>`:                `<svg><image href="/p.0.svg" xlink:href="/q.0.svg"/></svg>`,
		`<script type="application/ld+json">{"image":["/p.svg"]}</script>`:     `<script type="application/ld+json">{"image":["/p.0.svg"]}</script>`,
		`<script type="application/ld+json">{"image":"/m.jpg"}</script>`:       `<script type="application/ld+json">{"image":"/m.0.jpg"}</script>`,
		`<script type="application/json">{"/p.svg":"/p.svg?a"}</script>`:       `<script type="application/json">{"/p.svg":"/p.0.svg?a"}</script>`,
		`<script type="application/json">{"a":"see /p.svg"</script>`:           `<script type="application/json">{"a":"see /p.svg"</script>`,
		`<script type="application/json">["\/p.svg", "x\"/p.svg"]</script>`:    `<script type="application/json">["/p.0.svg", "x\"/p.svg"]</script>`,
		`<script type="speculationrules">[{"urls":["../js/lib.js"]}]</script>`: `<script type="speculationrules">[{"urls":["/js/lib.0.js"]}]</script>`,
		`<script type="text/x-template"><img src="/p.svg"></script>`:           `<script type="text/x-template"><img src="/p.svg"></script>`,
	} {
		assert.Equal(t, want, rewritten(t, places(source)))
	}
}

func TestImportMapFollowsItsModules(t *testing.T) {
	for source, want := range map[string]string{
		`{"imports":{"lib":"/js/lib.js","rel":"./here.js","/js/lib.js":"./../js/lib.js"}}`: `{"imports":{"lib":"/js/lib.0.js","rel":"/guide/here.0.js","/js/lib.0.js":"/js/lib.0.js"}}`,
		`{"scopes":{"/x/":{"lib":"/js/lib.js"}}}`:                                          `{"scopes":{"/x/":{"lib":"/js/lib.0.js"}}}`,
		`{"integrity":{"/js/lib.js":"sha384-old","/else.js":"sha384-e"}}`:                  `{"integrity":{"/js/lib.0.js":"sha384-new","/else.js":"sha384-e"}}`,
		// Everything in the folder has a new name: each file gets an entry.
		`{"imports":{"dir/":"/js/dir/","x":"https://x.org/"}}`: `{"imports":{"dir/":"/js/dir/","dir/d.js":"/js/dir/d.0.js","x":"https://x.org/"}}`,
	} {
		assert.Equal(t, `<script type="importmap">`+want+`</script>`, rewritten(t, places(`<script type="importmap">`+source+`</script>`)))
	}
}

func TestAttributesDerivedFromBytesFollowThem(t *testing.T) {
	for source, want := range map[string]string{
		`<script src="/js/lib.js" integrity="sha384-old"></script>`:                   `<script src="/js/lib.0.js" integrity="sha384-new"></script>`,
		`<link rel=stylesheet integrity=sha384-old href=../s.css>`:                    `<link rel=stylesheet integrity="sha384-css" href="/s.0.css">`,
		`<link rel=preload as=font type="font/ttf" href="/f.ttf" integrity="x">`:      `<link rel=preload as=font type="font/woff2" href="/f.0.woff2" >`,
		`<script src="https://x.org/js/lib.js" integrity="sha384-old"></script>`:      `<script src="https://x.org/js/lib.js" integrity="sha384-old"></script>`,
		`<object data="/m.jpg" type="image/jpeg"></object>`:                           `<object data="/m.0.jpg" type="image/jpeg"></object>`,
		`<picture><source srcset="/m.jpg 1x" type="image/jpeg"></picture>`:            `<picture><source srcset="/m.0.jpg 1x" type="image/jpeg"></picture>`,
		`<object data="/m.jpg"></object>`:                                             `<object data="/m.0.webp"></object>`,
		`<a href="/m.jpg" download="photo.jpg">x</a> <a href="/p.svg" download>y</a>`: `<a href="/m.jpg" download="photo.jpg">x</a> <a href="/p.svg" download>y</a>`,
	} {
		assert.Equal(t, want, rewritten(t, places(source)))
	}
	assert.True(t, inspect(`<a href="/p.svg" download>`).GetLinks()[0].GetDownload())
}

// What is in sight at once is not made to wait, and a policy may forbid
// handlers.
func TestFirstPictureIsNotLazyAndNoneHasAHandler(t *testing.T) {
	out := rewritten(t, &htmlpb.RewriteRequest{Html: `<img src="/mountain.jpg"><img src="/mountain.jpg">`, Pictures: mountain()})
	assert.Equal(t, `<picture>`+mountainSources+`<img src="/m.webp" width="1920" height="1280" decoding="async" style="background:url(data:image/png;base64,AA+/==) center/contain no-repeat content-box"></picture>`+
		`<picture>`+mountainSources+`<img src="/m.webp" width="1920" height="1280" loading="lazy" decoding="async" style="background:url(data:image/png;base64,AA+/==) center/contain no-repeat content-box"></picture>`, out)
}

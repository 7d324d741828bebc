package site_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site"
)

const drawing = `<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>`

// logged builds with a log, and gives what it says.
func (p *project) logged() string {
	p.t.Helper()
	var log bytes.Buffer
	_, err := p.build(site.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(p.t, err)
	return log.String()
}

func TestFileThatOthersKnowByItsNameKeepsIt(t *testing.T) {
	names := []string{"robots.txt", "CNAME", "_headers", "_redirects", "404.html", "sw.js", "feed.xml", "atom.xml", "manifest.webmanifest", "favicon.ico",
		"humans.txt", "files/paper.pdf", "files/program.zip", ".nojekyll", ".well-known/security.txt", "js/push-worker.js", "data/table.csv", "unused.css", "unused.js"}
	files := []string{"templates/index.html", `<!DOCTYPE html><html><head><link rel="alternate" type="application/atom+xml" href="/feed.xml"><link rel="manifest" href="/manifest.webmanifest">
<link rel="icon" href="/favicon.ico"><script>navigator.serviceWorker.register("/sw.js"); navigator.serviceWorker.register(debug ? "/x" : "/js/push-worker.js")</script></head>
<body><a href="/files/paper.pdf">paper</a> <a href="/files/program.zip" download>get</a> <a href="data/table.csv">table</a> <a href="/robots.txt">robots</a></body></html>`}
	for _, name := range names {
		text := "x"
		if strings.HasSuffix(name, ".js") {
			text = "self.skipWaiting()"
		}
		if strings.HasSuffix(name, "manifest") {
			text = "{}"
		}
		if strings.HasSuffix(name, ".css") {
			text = "p{color:red}"
		}
		files = append(files, "static/"+name, text)
	}
	p := newProject(t, files...)
	p.mustBuild()
	assert.ElementsMatch(t, append(names, "index.html"), p.output())
	page := p.read("index.html")
	for _, name := range []string{"/sw.js", "/js/push-worker.js", "/feed.xml", "/manifest.webmanifest", "/files/program.zip", "data/table.csv"} {
		assert.Contains(t, page, name)
	}
}

// A file that keeps its name has the site's folder before it all the same.
func TestFileThatKeepsItsNameIsFoundBelowTheSitesFolder(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", configured(`base_url "https://ex.org/sub"`), "static/sw.js", "self.skipWaiting()", "static/a.zip", "x", "static/app.js", `navigator.serviceWorker?.register("/sw.js", { scope: "/" })`,
		"templates/index.html", `<!DOCTYPE html><script>navigator.serviceWorker.register('/sw.js', {scope: '/app/'})</script><script src="/app.js"></script><a href="/a.zip" download>x</a> <a href="a.zip" download>y</a>`)
	p.mustBuild()
	page := p.read("index.html")
	assert.Contains(t, page, `register("/sub/sw.js",{scope:"/sub/app/"})`)
	assert.Contains(t, page, `<a href=/sub/a.zip download>x</a> <a href=a.zip download>y</a>`)
	assert.Contains(t, p.read("sw.js"), "skipWaiting")
	assert.Contains(t, p.read("a.zip"), "x")
	script := regexp.MustCompile(`/sub/(app\.[^.]*\.js)`).FindStringSubmatch(page)
	require.NotNil(t, script, page)
	assert.Contains(t, p.read(script[1]), `register("/sub/sw.js", { scope: "/sub/" })`)
}

// Each text names one drawing in a place where a browser, or another program,
// looks for addresses.
func TestEveryPlaceThatNamesAFileFollowsItsNewName(t *testing.T) {
	head := func(html string) []string {
		return []string{"templates/index.html", "<!DOCTYPE html><html><head>" + html + "</head><body></body></html>"}
	}
	for place, files := range map[string][]string{
		"import map":                     head(`<script type="importmap">{"imports":{"x":"/d.svg"},"scopes":{"/a/":{"y":"./d.svg"}}}</script>`),
		"linked data":                    head(`<script type="application/ld+json">{"image":"/d.svg","logo":["/d.svg"]}</script>`),
		"json":                           head(`<script type="application/json">{"a":{"b":["/d.svg"]}}</script>`),
		"speculation rules":              head(`<script type="speculationrules">{"prefetch":[{"urls":["/d.svg"]}]}</script>`),
		"data-src":                       head(`<img data-src="/d.svg" data-srcset="/d.svg 1x">`),
		"data-bg":                        head(`<i data-bg="/d.svg"></i>`),
		"refresh":                        head(`<meta http-equiv="refresh" content="9; url=/d.svg">`),
		"srcdoc":                         head(`<iframe srcdoc="<img src='/d.svg'>"></iframe>`),
		"formaction":                     head(`<form action="/d.svg"><button formaction="/d.svg">x</button></form>`),
		"drawing in a page":              head(`<svg><image href="/d.svg"/><use xlink:href="/d.svg#a"/></svg>`),
		"import with a type":             {"static/m.js", `import d from "/d.svg" with { type: "json" }`},
		"URL relative to a module":       {"static/js/m.js", `new URL("../d.svg", import.meta.url)`},
		"script that only browsers read": {"static/m.js", "var a = 010; function f(a, a) {}\nif (1) function h() {}\nvar z = \"/d.svg\""},
		"manifest":                       {"static/site.webmanifest", `{"icons":[{"src":"/d.svg"},{"src":"./d.svg"}]}`},
		"browserconfig":                  {"static/browserconfig.xml", `<browserconfig><tile><square150x150logo src="/d.svg"/></tile></browserconfig>`},
		"drawing":                        {"static/e.svg", `<svg xmlns="http://www.w3.org/2000/svg"><style>a{fill:url(d.svg#x)}</style><image href="d.svg"/></svg>`},
		"style sheet":                    {"static/s.css", `@import url(d.svg); a{b:image-set("d.svg" 1x);--c:url(/d.svg)}`},
	} {
		p := newProject(t, append([]string{"static/d.svg", drawing}, files...)...)
		assert.Empty(t, p.mustBuild(), place)
		assert.Contains(t, p.output(), "d.*.svg", place)
		assert.NotContains(t, p.output(), "d.svg", place)
		name := "index.html"
		if written, isFile := strings.CutPrefix(files[0], "static/"); isFile {
			name = written
		}
		text := p.read(name)
		assert.Regexp(t, `/d\.[0-9acdeo]{12}\.svg`, text, place)
		assert.NotRegexp(t, `d\.svg`, text, place)
	}
}

// Nobody can know what a script makes of a piece of a path.
func TestFileStaysWhereATextThatCannotBeRewrittenNamesIt(t *testing.T) {
	const page = `<!DOCTYPE html><html><body><img src="/img/d.svg"></body></html>`
	for text, files := range map[string][]string{
		"static/m.js":        {"static/m.js", `load("img/d.svg")`},
		"static/n.js":        {"static/n.js", `load(base + "d.svg")`},
		"static/list.txt":    {"static/list.txt", "https://any.org/img/d.svg"},
		"static/404.html":    {"static/404.html", `<img src="img/d.svg">`},
		"a script in a page": {"content/_index.md", "+++\ntitle = \"x\"\n+++\n<script>load(`./img/d.svg`)</script>\n"},
		"content/_index.md":  {"content/_index.md", "+++\ntitle = \"x\"\n+++\n<p title=\"/img/d.svg\">x</p>\n"},
		"static/data/x.json": {"static/data/x.json", `{"a":"..\/img\/d.svg"}`},
	} {
		p := newProject(t, append([]string{"static/img/d.svg", drawing, "templates/index.html", page}, files...)...)
		if strings.HasPrefix(text, "content") || strings.HasPrefix(text, "a script") {
			p.write("templates/index.html", strings.Replace(page, "<body>", "<body>{{ section.content | safe }}", 1))
		}
		log := p.logged()
		assert.Contains(t, p.output(), "img/d.svg", text)
		assert.Contains(t, p.output(), "img/d.*.svg", text)
		assert.Equal(t, p.read("img/d.*.svg"), p.read("img/d.svg"), text)
		assert.Regexp(t, `stays at its old address too" file=img/d.svg "named by"="?`+regexp.QuoteMeta(text), log)
	}
	p := newProject(t, "static/img/d.svg", drawing, "templates/index.html", page, "static/m.js", `load("img/dd.svg", "g/d.svg", "img/d.svgz")`)
	assert.NotContains(t, p.logged(), "old address")
	assert.NotContains(t, p.output(), "img/d.svg")
}

func TestIntegrityIsThatOfTheWrittenBytes(t *testing.T) {
	p := newProject(t, "static/s.css", ".a  { color : #ff0000 ; }", "static/m.js", `import "./n.js"`, "static/n.js", "let n",
		"templates/index.html", `<!DOCTYPE html><html><head><link rel="stylesheet" href="/s.css" integrity="sha384-old"><script type="importmap">{"integrity":{"/m.js":"sha384-old"}}</script>
<script type="module" src="/m.js" integrity="sha384-old" crossorigin></script></head></html>`)
	p.mustBuild()
	page := p.read("index.html")
	digest := func(name string) string {
		sum := sha512.Sum384([]byte(p.read(name)))
		return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
	}
	assert.Equal(t, 1, strings.Count(page, digest("s.*.css")), page)
	assert.Equal(t, 2, strings.Count(page, digest("m.*.js")), page)
	assert.NotContains(t, page, "sha384-old")
}

func TestDownloadAndTypeSayWhatTheFileIs(t *testing.T) {
	p := newProject(t, "static/p.png", pngFile(20, 20),
		"templates/index.html", `<!DOCTYPE html><a href="/p.png" download="photo.png">get</a><object data="/p.png" type="image/png"></object><img src="/p.png">`)
	p.mustBuild()
	page := hash.ReplaceAllString(p.read("index.html"), ".*.")
	assert.Contains(t, page, `<a href=/p.png download=photo.png>`)
	assert.Contains(t, page, `<object data=/p.*.png type=image/png>`)
	assert.Contains(t, page, `<img src=/p.*.webp`)
	assert.Equal(t, pngFile(20, 20), p.read("p.png"))
	assert.Equal(t, pngFile(20, 20), p.read("p.*.png"))
}

func TestReferencesOfStyleSheetsAndScriptsThatLeadNowhereAreWarnedOf(t *testing.T) {
	p := newProject(t,
		"static/css/s.css", "@import \"gone.css\";\nbody { background: url(../img/gone.png), url(/there.svg), url(/) }", "static/there.svg", drawing,
		"static/js/m.js", "import './gone.js';\nnew URL('gone.bin', import.meta.url); import 'bare'",
		"content/_index.md", "+++\ntitle = \"x\"\n+++\n\n<style>\na { b: url(gone.gif) }\n</style>\n",
	)
	warnings := strings.Join(p.mustBuild(), "\n")
	for _, want := range []string{
		`static/css/s.css:1:9: "gone.css" leads nowhere: the site has neither a page nor a file /css/gone.css`,
		`static/css/s.css:2:24: "../img/gone.png" leads nowhere: the site has neither a page nor a file /img/gone.png`,
		`static/js/m.js:1:9: "./gone.js" leads nowhere: the site has neither a page nor a file /js/gone.js`,
		`static/js/m.js:2:10: "gone.bin" leads nowhere`,
		`content/_index.md:6:12: "gone.gif" leads nowhere`,
	} {
		assert.Contains(t, warnings, want)
	}
	assert.NotContains(t, warnings, "there.svg")
	assert.NotContains(t, warnings, "bare")
	assert.NotContains(t, warnings, `"/"`)
	assert.Len(t, p.faults(site.Options{Strict: true}), 5)
}

func TestScriptWithASyntaxErrorIsTold(t *testing.T) {
	p := newProject(t, "static/js/m.js", "let a\nlet = = 1\n", "content/_index.md", "+++\ntitle = \"x\"\n+++\n\n<script>\nf(\n</script>\n")
	warnings := p.mustBuild()
	require.Len(t, warnings, 2)
	assert.Contains(t, warnings[0], "content/_index.md:7:1: Unexpected end of file (browsers don't run a script with a syntax error)")
	assert.Contains(t, warnings[1], "static/js/m.js:2:7: Unexpected \"=\"")
	assert.Equal(t, "let a\nlet = = 1\n", p.read("js/m.js"))
	assert.Contains(t, strings.Join(p.faults(site.Options{Strict: true}), "\n"), "static/js/m.js:2:7: Unexpected \"=\"")
}

// What is stable is written as it is, whatever could be made of it.
func TestStableFilesAreNotTouched(t *testing.T) {
	needTools(t, "hb-subset", "woff2_compress")
	files := map[string]string{
		"f.ttf": goFont, "d.svg": "<svg xmlns=\"http://www.w3.org/2000/svg\">\n  <!-- a comment -->\n<image href=\"/e.svg\"/></svg>\n",
		"p.png": pngFile(20, 20), "s.css": "a  { color : red }\n", "m.js": "let  a\n",
	}
	p := newProject(t, "static/e.svg", drawing, "static/u.css", "@font-face{font-family:F;src:url(f.ttf)}body{font-family:F}",
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nstable_assets { path \"f.ttf\"; path \"d.svg\"; path \"p.png\"; path \"s.css\"; path \"m.js\" }\n",
		"templates/index.html", `<!DOCTYPE html><link rel="stylesheet" href="/u.css"><img src="/d.svg"><img src="/e.svg">abc`)
	for name, text := range files {
		p.write("static/"+name, text)
	}
	assert.Empty(t, p.mustBuild())
	for name, text := range files {
		assert.Equal(t, text, p.read(name), name)
	}
	assert.Contains(t, p.output(), "e.svg", "the stable drawing names it")
}

func TestWholeAddressesOfTheSiteFollowTheirFiles(t *testing.T) {
	p := newProject(t, "static/d.svg", drawing, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nbase_url \"https://me.org\"\n",
		"templates/index.html", `<!DOCTYPE html><head><meta property="og:image" content="https://me.org/d.svg"><meta name="twitter:image" content="https://you.org/x/d.svg"><img src="/d.svg"></head>`)
	p.mustBuild()
	page := hash.ReplaceAllString(p.read("index.html"), ".*.")
	assert.Contains(t, page, "content=https://me.org/d.*.svg")
	assert.Contains(t, page, "content=https://you.org/x/d.svg")
}

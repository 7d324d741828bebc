package js

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"

	"ddc/internal/fixture"
	"ddc/plugins/js/jspb"
)

var renamed = map[string]string{
	"/a.png":      "/a.0c.png",
	"/a.png.map":  "/a.png.1d.map",
	"/js/lib.js":  "/js/lib.0c.js",
	"/js/q'.js":   "/js/q'.0c.js",
	"/ünï.png":    "/ünï.0c.png",
	"/odd`${.png": "/odd`${.0c.png",
	"/sp ace.png": "/sp ace.0c.png",
	"":            "/never",
}

func call(t *testing.T, script string) string {
	t.Helper()
	got, err := New().Rewrite(t.Context(), &jspb.RewriteRequest{Path: "js/main.js", Js: script, Urls: renamed, Base: "/js/main.js"})
	require.NoError(t, err, script)
	return got.Js
}

func TestPathsInStringsAreReplaced(t *testing.T) {
	for script, want := range map[string]string{
		`f("/a.png")`:                            `f("/a.0c.png")`,
		`f('/a.png', "x")`:                       `f('/a.0c.png', "x")`,
		"f(`/a.png`)":                            "f(`/a.0c.png`)",
		"f(`${b}/a.png?${`/a.png`}/a.png`)":      "f(`${b}/a.0c.png?${`/a.0c.png`}/a.0c.png`)",
		`el.innerHTML = '<img src="/a.png">'`:    `el.innerHTML = '<img src="/a.0c.png">'`,
		`el.style = "url(/a.png) , url(/a.png)"`: `el.style = "url(/a.0c.png) , url(/a.0c.png)"`,
		`f("/a.png.map", "/a.png")`:              `f("/a.png.1d.map", "/a.0c.png")`,
		`f("see /a.png.")`:                       `f("see /a.0c.png.")`,
		`f("/a.png?v=1#x")`:                      `f("/a.0c.png?v=1#x")`,
		`import x from "/js/lib.js"; export * from '/js/lib.js'; import("/js/lib.js"); export { x }`: `import x from "/js/lib.0c.js"; export * from '/js/lib.0c.js'; import("/js/lib.0c.js"); export { x }`,
		`({ "/a.png": 1, ["/a.png"]: 2 })`:             `({ "/a.0c.png": 1, ["/a.0c.png"]: 2 })`,
		`f("\/a.png", "\x2fa\u002e\u{70}ng\n")`:        `f("/a.0c.png", "/a.0c.png\n")`,
		"f(\"/a\\\n.png\")":                            `f("/a.0c.png")`,
		`f('/js/q\'.js', "/js/q'.js")`:                 `f('/js/q\'.0c.js', "/js/q'.0c.js")`,
		"f(\"/odd`${.png\", `/odd\\`\\${.png`)":        "f(\"/odd`${.0c.png\", `/odd\\`\\${.0c.png`)",
		`f("/ünï.png", '/sp ace.png')`:                 `f("/ünï.0c.png", '/sp ace.0c.png')`,
		"#!/usr/bin/env node /a.png\nf('/a.png')":      "#!/usr/bin/env node /a.png\nf('/a.0c.png')",
		"a = b\n/c/g.exec('/a.png')":                   "a = b\n/c/g.exec('/a.0c.png')",
		`if (x) /"/.test("/a.png")`:                    `if (x) /"/.test("/a.0c.png")`,
		`x = y / 2; z = "/a.png" / 3`:                  `x = y / 2; z = "/a.0c.png" / 3`,
		"x = { f() {} } / 1; `${ {a: '/a.png'}.a }`":   "x = { f() {} } / 1; `${ {a: '/a.0c.png'}.a }`",
		`switch (a) { case /'/.test(b): f('/a.png') }`: `switch (a) { case /'/.test(b): f('/a.0c.png') }`,
		`class A extends B { static #p = /["]/; "/a.png"() { return /'/ } static { f("/a.png") } }`: `class A extends B { static #p = /["]/; "/a.0c.png"() { return /'/ } static { f("/a.0c.png") } }`,
		`const { a = /"/, ...b } = await c?.d ?? 1n; f("/a.png", 1_000, (x = /'/) => x)`:            `const { a = /"/, ...b } = await c?.d ?? 1n; f("/a.0c.png", 1_000, (x = /'/) => x)`,
	} {
		assert.Equal(t, want, call(t, script), script)
	}
}

func TestRelativeSpecifiersFollowTheirModule(t *testing.T) {
	script := "import a from './lib.js'; import '../js/lib.js'; export * from /* x */ \"./lib.js\"; await import(`./lib.js`, await import('./lib.js')); f('./lib.js'); Array.from('./lib.js'); import './other.js'"
	want := "import a from '/js/lib.0c.js'; import '/js/lib.0c.js'; export * from /* x */ \"/js/lib.0c.js\"; await import(`./lib.js`, await import('/js/lib.0c.js')); f('./lib.js'); Array.from('./lib.js'); import './other.js'"
	assert.Equal(t, want, call(t, script))
	inline, err := New().Rewrite(t.Context(), &jspb.RewriteRequest{Path: "guide/intro.md", Js: script, Urls: renamed, Base: "/guide/intro/"})
	require.NoError(t, err)
	assert.Equal(t, script, inline.Js, "a page's own scripts are relative to its URL")
	inline, err = New().Rewrite(t.Context(), &jspb.RewriteRequest{Path: "guide/intro.md", Js: `import "../../js/lib.js?v=1"`, Urls: renamed, Base: "/guide/intro/"})
	require.NoError(t, err)
	assert.Equal(t, `import "/js/lib.0c.js?v=1"`, inline.Js)
}

// A regular expression that the tree walk missed would be read as a division,
// and its quote would open a string.
func TestRegularExpressionsAreFoundWhereverGrammarAllowsThem(t *testing.T) {
	for _, place := range []string{
		"R", "x = R", "x = [, R, ...R]", "x = { a: R, [R]: R, b(c = R) { R }, get d() { return R } }", "f(R, ...R)", "new F(R)", "new (R.constructor)",
		"R.test(a)", "R?.[R]", "a[R]", "a?.b?.(R)", "`x${R}y${R}`", "tag`${R}`", "(R)", "(a, R)", "a ? R : R", "a ?? R", "a = b || R && !R", "typeof R", "void R",
		"if (R) R; else R", "for (let i = R; R; R) R", "for (const a of R) R", "for (const a in R) R", "while (R) R", "do R; while (R)", "switch (R) { case R: R; default: R }",
		"try { R } catch { R } finally { R }", "throw R", "label: R", "(a = R) => R", "async (a = R) => { R }", "async () => { for await (const a of R) R }", "async () => await R",
		"function f(a = R, { b = R, [R]: c } = R, [d = R] = R) { return R }", "function* g() { yield R; yield* R }", "let { a = R } = b, [c = R] = d", "({ a = R } = b)", "var v = R",
		"class A extends R { a = R; static b = R; [R]() { R } static { R } #p = R }", "export default R", "export const e = R", "x = class { static async *m(a = R) { R } }",
		"{ }\nR.test(a)", "x = function () {}\n;R", "import(R)", "with (R) { R }", "x = a\n/ R", "debugger; R", "delete R.x, R in R, R instanceof R", "x **= R",
	} {
		script := strings.ReplaceAll(place, "R", `/['"]/g`) + "\nf('/a.png')"
		assert.Equal(t, strings.Replace(script, "/a.png", "/a.0c.png", 1), call(t, script), script)
	}
}

// A browser refuses a worker whose scope is not below the folder of its script.
func TestScopeOfAServiceWorkerHasTheSitesFolder(t *testing.T) {
	for script, want := range map[string]string{
		`navigator.serviceWorker.register("/sw.js", { scope: "/" })`:                                       `navigator.serviceWorker.register("/sw.js", { scope: "/sub/" })`,
		`navigator.serviceWorker?.register(x(1), {type: 'module', "scope": '/app/'})`:                      `navigator.serviceWorker?.register(x(1), {type: 'module', "scope": '/sub/app/'})`,
		`const {serviceWorker} = navigator; serviceWorker.register('/sw.js',{scope:"./"})`:                 "",
		`navigator.serviceWorker.register("/sw.js", {scope: "/sub/app"})`:                                  "",
		`navigator.serviceWorker.register("/sw.js", {scope: "//x.org/"})`:                                  "",
		`other.register("/sw.js", {scope: "/"}); f({scope: "/"}); serviceWorker.register(f({scope: "/"}))`: "",
	} {
		if want == "" {
			want = script
		}
		got, err := New().Rewrite(t.Context(), &jspb.RewriteRequest{Path: "js/main.js", Js: script, Urls: renamed, Prefix: "/sub"})
		require.NoError(t, err)
		assert.Equal(t, want, got.Js)
	}
	const script = `navigator.serviceWorker.register("/sw.js", { scope: "/" })`
	assert.Equal(t, script, call(t, script), "a site of its own")
}

func TestAllElseStays(t *testing.T) {
	for _, script := range []string{
		"", "// '/a.png'\n/* \"/a.png\" */ f('x')", `/"\/a.png"/.test(a); f("/other.png")`, `f("/lib/a.png", "./a.png", "https://x.org/a.png", "/a.pngx", "/a.png/b", "x/a.png")`,
		`if (x) /["'/a.png]/.test(y)`,
	} {
		assert.Equal(t, script, call(t, script))
	}
}

func TestBrokenScriptNamesItsPlace(t *testing.T) {
	for script, want := range map[string]string{
		`f("/other.png"`:         `1:15:0 Expected ")" but found end of file`,
		"x;\nlet = = '/o.png'":   `2:7:1 Unexpected "="`,
		"\n/* ö */ f('/a.png)":   "2:19:0 Unterminated string literal",
		"`/o.png${":              "1:10:0 Unexpected end of file",
		"<!DOCTYPE html>":        "1:1:1 The JSX syntax extension is not currently enabled",
		"throw\nf('/other.png')": `1:6:0 Unexpected newline after "throw"`,
	} {
		got, err := New().Rewrite(t.Context(), &jspb.RewriteRequest{Path: "js/main.js", Js: script, Urls: renamed})
		require.NoError(t, err)
		assert.Equal(t, script, got.Js)
		if f := got.Fault; assert.NotNil(t, f, script) {
			assert.Equal(t, want, fmt.Sprintf("%d:%d:%d %s", f.Line, f.Column, f.Length, f.Message), script)
		}
	}
}

// The parser refuses all of these, and browsers run them: each was met on a
// page.
func TestPathsAreReplacedInScriptsThatTheParserRefuses(t *testing.T) {
	for _, script := range []string{
		`import data from "/x.json" with { type: "json" };`, `export * from "/x.json" with { type: "json" };`, "var a = 010, b = 1_0;", "function f(a, a) {}", "if (1) function h() {}",
		"with (a) { b } 010", "var await = 2", "var a = 010; a = a++ / 2; b = '/'", "var a = 010\n; a / b / '/'", "010; if (a) /'/.test(b)", "010; x = { a: 1 } / 2; y = '/'",
		"010; function f() {}\n/'/.test(a)", "010; a = b ? /'/ : /\"/", "010; return_ = a.return / 2; '/'", "010; for (a of /'/.exec(b)) c", "010; x = `${ a / 1 } ' ${ /`/.test(`'`) }`",
		"010; x = [/[/']/, /\\/'/]", "010 // it's\n/* it's */\n<!-- it's\n--> it's", "010; y = x => { '\\'' }\n/'/.test(y)", "010; (a) / b / '/'; a[0] / 2 / '/'",
	} {
		_, err := regularExpressions(script)
		if !assert.ErrorIs(t, err, errNoScript, script) {
			continue
		}
		script += "\nf('/a.png', /['\"]/)"
		assert.Equal(t, strings.Replace(script, "/a.png", "/a.0c.png", 1), call(t, script), script)
		assert.Nil(t, check(script), script)
	}
}

func TestNamesThatCountFromTheScriptFollowTheirFiles(t *testing.T) {
	for script, want := range map[string]string{
		`new Worker(new URL("./lib.js", import.meta.url))`: `new Worker(new URL("/js/lib.0c.js", import.meta.url))`,
		`new URL("../a.png#x", import.meta.url)`:           `new URL("/a.0c.png#x", import.meta.url)`,
		`new URL("lib.js", import.meta.url)`:               `new URL("/js/lib.0c.js", import.meta.url)`,
		`new URL("lib.js", location)`:                      `new URL("lib.js", location)`,
		`importScripts("lib.js", f("lib.js"), '../a.png')`: `importScripts("/js/lib.0c.js", f("lib.js"), '/a.0c.png')`,
		`import "lib.js"; a.import("./lib.js")`:            `import "lib.js"; a.import("./lib.js")`,
	} {
		assert.Equal(t, want, call(t, script))
	}
}

func TestNamesThatTheMapLacksAreListedWithTheirPlace(t *testing.T) {
	got, err := New().Rewrite(t.Context(), &jspb.RewriteRequest{Js: "import 'bare'; import './lib.js'\nexport * from './gone.js'; f('./gone.js'); import('https://x.org/a.js')", Urls: renamed, Base: "/js/main.js"})
	require.NoError(t, err)
	require.Len(t, got.Unknown, 1)
	assert.Equal(t, []any{"./gone.js", "/js/gone.js", int32(2), int32(16)}, []any{got.Unknown[0].Url, got.Unknown[0].Path, got.Unknown[0].Line, got.Unknown[0].Column})
}

func TestEmptyMapChangesNothing(t *testing.T) {
	got, err := New().Rewrite(t.Context(), &jspb.RewriteRequest{Js: `f("\/a.png")`})
	require.NoError(t, err)
	assert.Equal(t, `f("\/a.png")`, got.Js)
}

func TestScriptsKeepAllButTheirPaths(t *testing.T) {
	for _, site := range fixture.Sites("dodeca-docs/docs", "sample-site") {
		for name, source := range fixture.Folder(t, site, "static/js") {
			script := source + "\nconst asset = '/a.png';\n"
			assert.Equal(t, strings.Replace(script, "/a.png", "/a.0c.png", 1), call(t, script), site.Name+"/"+name)
			chunks, fault, err := scan(source)
			require.NoError(t, err, site.Name+"/"+name)
			assert.Nil(t, fault)
			assert.NotEmpty(t, chunks, site.Name+"/"+name)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add("f('/a.png', `x${ {a:/}`/} }/a.png`) / 2 // '")
	f.Add("import '/js/lib.js'; a = b\n/'/\n")
	f.Add(`x("\u{2f}a.png\x2f")`)
	f.Fuzz(func(t *testing.T, script string) {
		_, err := regularExpressions(script)
		exact := err == nil
		chunks, _, err := scan(script)
		if err != nil {
			require.ErrorIs(t, err, errNoScript)
			return
		}
		for _, c := range chunks {
			require.True(t, 0 < c.start && c.start <= c.end && c.end < len(script))
			l := decode(script[c.start:c.end])
			require.Equal(t, l.text, decode(encode(l.text, c.quote)).text)
		}
		got, err := rewrite(script, renamed, "/js/main.js", "/sub")
		require.NoError(t, err)
		if exact {
			_, err = js.Parse(parse.NewInputString(got.script), js.Options{})
			require.NoError(t, err, "%q became %q", script, got.script)
		}
	})
}

func BenchmarkRewrite(b *testing.B) {
	source := fixture.Read(b, fixture.RealOrSkip(b, "dodeca-docs/docs"), "static/js/dodeca.js")
	script := strings.Repeat("{\n"+source+"\nf('/a.png')}\n", 100)
	b.SetBytes(int64(len(script)))
	for b.Loop() {
		if _, err := rewrite(script, renamed, "/js/main.js", "/sub"); err != nil {
			b.Fatal(err)
		}
	}
}

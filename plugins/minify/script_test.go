package minify

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/markup"
)

// snippets print what they find. Each was made to notice a way in which a
// minifier may change a script.
var snippets = []string{
	"function f(first) { return eval('first') } print(f(1))",
	"function f() { var inner = 2; return eval('inner' + '+ 1') } print(f())",
	"try { throw 1 } catch (e) { var e = 2; print(e) } print(e)",
	"try { throw 1 } catch (e) { for (var e of [3]); print(typeof e) } print(typeof e)",
	"var f = function named() {}; print(f.name, (() => {}).name, class Inner {}.name)",
	"function f(a, b = 1, ...c) {} print(f.length, f.name)",
	"var g = { method() {}, get x() { return 1 }, ['a' + 'b']: () => {} }; print(g.method.name, g.ab.name)",
	"with ({ x: 5 }) { print(x) }",
	"var x = 1; { function x2() { return 1 } } print(typeof x2)",
	"if (true) { function h() { return 1 } } else { function h() { return 2 } } print(h())",
	"print(typeof hoisted, hoisted()); function hoisted() { return 'up' }",
	"print(this === globalThis, (function () { return this === undefined })(), (function () { 'use strict'; return this === undefined })())",
	"'use strict'; try { undeclared = 1 } catch (e) { print(e.name) }",
	"function f() { /* a comment is no return value */ return\n1 } print(f())",
	"var a = 1, b = 2; a\n++b; print(a, b)",
	"var i = 3; var r = i\n/2/1; print(r)",
	"print(0.1 + 0.2, 1e21, 1e-7, 0x1F, 0b11, 0o17, 1_000, 010, .5, 5.)",
	"print(-0 === 0, Object.is(-0, 0), 1 / -0, - -1, + +1, 1 - -1)",
	"print(9007199254740993n, 2n ** 64n, typeof 1n)",
	"print('\\u2028'.length, '\\0'.length, '\\x00\\n'.length, 'a\\\nb', '\\ud83d\\ude00'.length, '\\ud83d'.length)",
	"print(`a ${1 + 1} \n b \\` ${`c`}`, String.raw`\\n${1}`)",
	"function tag(s) { return s.raw.join('|') + s.length } print(tag`a${1}\\u0041\r\nb`)",
	"print(/[/\\]]/.test('/'), /<\\/script>/i.test('<' + '/script>'), /\\x3C!--/u.test('<!--'))",
	"print('<\\/script>', \"<\\/SCRIPT>\", `<\\/script>`, '<!-\\u002d<scr' + 'ipt>', '\\x3c!--')",
	"var x = 5, script = { test: 1 }; print(x < /script/.test('script'), x<!--\n 1)",
	"outer: for (var i = 0; i < 3; i++) { for (;;) { if (i) break outer; continue outer } } print(i)",
	"switch (3) { case 1: print('a'); default: print('d'); case 2: print('b') }",
	"var o = { a: 1, 'b-c': 2, 3: 4, __proto__: { z: 1 } }; print(JSON.stringify(o), o.z, Object.keys(o).join())",
	"var o = { ['__proto__']: 1 }; print(Object.keys(o).join())",
	"class A { static #p = 1; static has(o) { return #p in o } static { A.x = A.#p } } print(A.has(A), A.x)",
	"class A { constructor() { this.n = new.target.name } } class B extends A {} print(new B().n)",
	"function* g() { var x = yield 1; print(x); yield* [2, 3] } print([...g()].join())",
	"var { a = 1, ...rest } = { b: 2, c: 3 }; print(a, JSON.stringify(rest))",
	"print(null ?? 'n', undefined?.x, (0 || null) ?? 1, 2 ** 3 ** 2, (-2) ** 2)",
	"var f = async () => 1; print(f() instanceof Promise, Object.prototype.toString.call(f))",
	"print((function () { return arguments.length + (function (a) { a = 2; return arguments[0] })(1) })(1, 2))",
	"print([,1,,].length, [,].length, 1 in [,1], 0 in [,1])",
	"var undefined2 = void 0; print(undefined2 === undefined, typeof undefined, (function (undefined) { return undefined })(7))",
	"var NaN2 = NaN, Infinity2 = Infinity; print(NaN2, Infinity2, -Infinity, (function (Infinity) { return Infinity })(1))",
	"if (0) { var ghost = 1 } print(typeof ghost, 'ghost' in globalThis)",
	"var top1 = 1; let top2 = 2; print('top1' in globalThis, 'top2' in globalThis, eval('top2'))",
	"print(new Function('a', 'b', 'return a + b // c')(1, 2), Function('return this')() === globalThis)",
	"var s = ''; for (const k in { b: 1, a: 2, 1: 3 }) s += k; print(s)",
	"var fns = []; for (let i = 0; i < 3; i++) fns.push(() => i); print(fns.map(f => f()).join())",
	"debugger; ; ;; print('a'), print('b'); (function () { print('c') })()\n;[1].forEach(print)",
	"do print(1); while (0) print(2)\nif (1) ; else print(3)",
	"var let_ = 1, async = 2, of = 3, get = 4, await = 5; print(async, of, get, await)",
	"label: { print(1); break label; print(2) } a: b: print(3)",
	"var é = 'ü', \\u0061b = 1; print(é, ab)",
	"delete globalThis.nothing; print(typeof nothing, delete [].length === false, (() => { try { nothing } catch (e) { return e.message } })())",
	"print(((a, b) => a + b).toString === undefined, (1, 2), !function () {}(), +!!1, typeof typeof 1, void 1)",
	"<!-- an old way to hide\nprint('shown')\n--> the end",
	"var a = 1; var b = a --> 0; print(b, a)",
	"print(eval('var q = 1; q'), typeof q, (0, eval)('typeof q'))",
	"var x = 'outer'; (function () { print(x); var x = 'inner' })(); print(x)",
	"var process = { env: { NODE_ENV: 'own' } }; print(process.env.NODE_ENV, typeof require)",
	"print(Number.MAX_SAFE_INTEGER, 1.0e0, 100000000, 0.000001, 1e3, 0xffffffff)",
}

// run starts each script in a context of its own and returns what it printed.
func run(t *testing.T, scripts []string) []string {
	t.Helper()
	node, err := exec.LookPath("node")
	require.NoError(t, err, "this test needs node in PATH: what a script does is known by running it")
	const runner = `const vm = require('vm');
const scripts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(scripts.map(script => {
	const seen = [];
	const context = vm.createContext({ print: (...what) => { seen.push(what.map(String).join(' ')) } });
	try { vm.runInContext(script, context, { timeout: 10000 }) } catch (e) { seen.push(String(e)) }
	return seen.join('\n');
})));`
	input, err := json.Marshal(scripts)
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), node, "-e", runner)
	command.Stdin = bytes.NewReader(input)
	output, err := command.Output()
	require.NoError(t, err)
	var seen []string
	require.NoError(t, json.Unmarshal(output, &seen))
	require.Len(t, seen, len(scripts))
	return seen
}

func TestMinifiedScriptDoesTheSame(t *testing.T) {
	var small []string
	for _, script := range snippets {
		small = append(small, javaScript.minify(script))
	}
	before, after := run(t, snippets), run(t, small)
	shrunk := 0
	for i, script := range snippets {
		assert.NotEmpty(t, before[i], script)
		assert.Equal(t, before[i], after[i], "%s\nbecame %s", script, small[i])
		assert.True(t, markup.Contains("script", small[i]), small[i])
		if len(small[i]) < len(script) {
			shrunk++
		}
	}
	assert.Greater(t, shrunk, len(snippets)/2, "most of them become smaller")
}

func TestScriptNeverEndsItsElement(t *testing.T) {
	for _, kind := range []string{"", " async", " type=module", ` type="text/javascript"`, " type=application/javascript", " type=text/ecmascript"} {
		for _, script := range []string{
			`const a = "<\/script>" , b = "\x3c/script>" , c = '<\/SCRIPT>' , d = ` + "`<\\/script>`;", `f( /<\/script>/ , "<\/script" )`, `f( "\x3c!--<script>" )`, `f( String.raw` + "`\\x3c/script>` )",
			`let x = a < /script>/.source`, `/*! <\/script> */ f( 1 )`, `f( "<\!--" , "<script>" )`, `f( '<scr' + 'ipt><\/scr' + 'ipt>' )`,
		} {
			source := "<script" + kind + ">" + script + "</script><p>after</p>"
			requireSameTree(t, source, minified(t, source))
			requireSameTree(t, source, shrunk(source))
			assert.Equal(t, 1, strings.Count(strings.ToLower(minified(t, source)), "</script"), minified(t, source))
		}
	}
}

func TestEscapedScriptShrinksToo(t *testing.T) {
	assert.Equal(t, `<script type=module>const a="<\/script>",b="<\/script>";f(a,/<\/script>/);</script>`,
		minified(t, `<script type="module"> const a = "<\/script>", b = "\x3c/script>"; /* c */ f( a, /<\/script>/ ) </script>`))
}

func TestJSONKeepsNumbersAndEscapes(t *testing.T) {
	for source, want := range map[string]string{
		`<script type="application/ld+json">{ "a": "\u003c/script>", "b": "<\/script>", "c": 1.0, "d": 1e400, "e": "\u2028" }</script>`: `<script type=application/ld+json>{"a":"\u003c/script>","b":"<\/script>","c":1.0,"d":1e400,"e":"\u2028"}</script>`,
		`<script type=importmap>{ "imports" : { } }</script>`:                                                                           `<script type=importmap>{"imports":{}}</script>`,
		`<script type=application/json>{ "a": 1, }</script>`:                                                                            `<script type=application/json>{ "a": 1, }</script>`,
		`<script type="text/x-template"> <b>  x </b></script>`:                                                                          `<script type=text/x-template> <b>  x </b></script>`,
	} {
		assert.Equal(t, want, minified(t, source))
	}
}

func TestHandlersAndScriptURLsStay(t *testing.T) {
	source := `<b onclick="javascript: f( '</' + 'script>' ) ;" onload=" ">x</b><a href="javascript: void  0 ;">y</a>`
	assert.Equal(t, source, minified(t, source))
}

// Each took minutes, or all memory, and its page was the end of the build.
func TestScriptsThatTakeTooLongStayAsWritten(t *testing.T) {
	deep := strings.Repeat
	for name, script := range map[string]string{
		"arrows":      "x = " + deep("a=>", 4000) + "1",
		"functions":   deep("function a(){", 2000) + " " + deep("}", 2000),
		"loops":       deep("for(let a;;)", 2000) + " a",
		"conditions":  "x = " + deep("a?b:", 200_000) + "c",
		"many arrows": "x = " + deep("a=>", 300_000) + "1",
	} {
		source := "<p>a</p><script>" + script + "</script>"
		assert.Equal(t, source, minified(t, source), name)
	}
	one := "<script>x = " + deep(" a => ", 300) + "1</script>"
	many := minified(t, deep(one, 1000))
	assert.True(t, strings.HasPrefix(many, "<script>x=a=>a"), many[:40])
	assert.True(t, strings.HasSuffix(many, one), "a page has a bound for all of its scripts")

	ordinary := "<script>f( " + deep("function ( a ) { if ( a ) { b( a ) } }, ", 60) + "1 )</script>"
	assert.Less(t, len(minified(t, deep(ordinary, 10))), 10*len(ordinary)*3/4)
}

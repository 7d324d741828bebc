package js

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
)

// names are so many statements, each of a name of its own.
func names(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "a%d;", i)
	}
	return all.String()
}

// deepScripts take minutes, or all memory, of a parser that is not kept from
// them: esbuild compares a name with those of all scopes around it, for each of
// them, and the other parser lists a name in each.
func deepScripts() map[string]string {
	deep := strings.Repeat
	return map[string]string{
		"functions":            deep("function a(){", 4000) + deep("}", 4000),
		"arrows":               "x=" + deep("a=>", 20_000) + "1",
		"many arrows":          "x=" + deep("a=>", 300_000) + "1",
		"arrows with values":   "x=" + deep("(a=", 10_000) + "1" + deep(")=>1", 10_000),
		"conditions":           "x=" + deep("a?b:", 200_000) + "c",
		"ifs":                  deep("if(a)", 10_000) + "b",
		"classes":              "x=" + deep("class{a=", 2000) + "1" + deep("}", 2000),
		"templates":            "x=" + deep("`${", 10_000) + "1" + deep("}`", 10_000),
		"names in functions":   deep("(function(){", 400) + names(40_000) + deep("})()", 400),
		"names in blocks":      deep("{", 900) + names(40_000) + deep("}", 900),
		"names in arrows":      "x=" + deep("a=>", 900) + "{" + names(40_000) + "}",
		"names, hidden":        deep("x=function(){}/1;(function(){/1;", 400) + names(40_000) + deep("})()", 400),
		"names, and no lexer":  "b:{}/'/.x;" + deep("(function(){", 400) + names(40_000) + deep("})()", 400),
		"names behind a break": "a:for(;;){break a /'/}" + deep("{", 900) + names(40_000) + deep("}", 900) + "//'",
		"classes of letters":   deep("/[", 1_000_000),
		"names in loops":       deep("for(;;)", 900) + names(40_000),
		"names in brackets":    "x=" + deep("(", 450) + strings.ReplaceAll(names(20_000), ";", ",") + "1" + deep(")", 450),
		"the same names":       deep(deep("{", 900)+names(1000)+deep("}", 900), 300),
		"names in strings":     "a:{}/'/.x;" + deep("{", 900) + names(40_000) + deep("}", 900) + "{}/'/.x",
		"names of escapes":     "a:{}/'/.x;'" + "\n" + deep("{", 900) + strings.ReplaceAll(names(40_000), "a", `\u{61}`) + deep("}", 900),
		"names in odd blanks":  "x=1." + "/'" + deep("{", 900) + strings.ReplaceAll(names(40_000), ";", "\u2028") + deep("}", 900) + "/1'",
	}
}

func TestDeepScriptsCostWhatTheirLengthDoes(t *testing.T) {
	for name, script := range deepScripts() {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			_, _, err := scan(script)
			if err != nil {
				require.ErrorIs(t, err, errNoScript)
			}
			t.Logf("%d bytes: %v", len(script), time.Since(begun).Round(time.Millisecond))
			assert.Less(t, time.Since(begun), 2*time.Minute, "the time of its call is over")
		})
	}
}

func TestListedCountsEachNameOnceInEachScopeAroundIt(t *testing.T) {
	for script, want := range map[string]int{
		"":                               0,
		"a; b; a":                        0,
		"{ a; { b; a } c }":              1 + 2 + 1 + 1,
		"{ { a } { a } }":                2 + 1,
		"{ { a } { a; a } b; { c; b } }": 2 + 1 + 1 + 2 + 1,
		"x = a => b => (c, d)":           0 + 0 + 1 + 3 + 3,
		"f(a => 1, b)":                   1 + 1,
		"for (;;) for (a;;) b, c; d":     1 + 2 + 3 + 2 + 1 + 0, // a for is in its own scope
		"for (;;) {} d":                  1 + 0,
		"for (;;) if (a) {} else b":      1 + 1 + 2 + 1 + 1,
		"a = /x{1}=>/; b":                0,
		"`${a}` + {b: 1}":                1,
		"'{{{' /* {{{ */; a // {":        0,
	} {
		assert.Equal(t, want, listed(script), script)
	}
	assert.Equal(t, 4*2, listed("a{ b{ 'c d"), "each of the words may be in all scopes")
}

// Whatever the lexer may take for something else, it is not sure of.
func TestLexerIsSureOnlyOfWhatTheParserSees(t *testing.T) {
	for script, sure := range map[string]bool{
		"a / b": true, "(a) / b": true, "if (a) /b/.c": true, "a[0] / b": true, "x = /a/ / 2": true, "'a' / 2": true, "`a` / 2": true, "f(...typeof /a/)": false, "a.of / 2": false,
		"a\n/ b": false, "{} / b /": false, "break /a/": false, "continue a /b/": false, "debugger /a/": false, "of / 2": false, "await / 2": false, "yield / 2": false,
		"a++ / 2": false, "import 'a' /b/": false, "export * from 'a' /b/": false, "export var a /b/": false, "var a": true, "export let b": true, "1. / 2": false,
		`\u{61}`: false, "a\u2028/ b": false, "a\u00a0/ b": true, "let a, b\n/c/": false, "x.for\nawait (y) / 2": true,
	} {
		l := newLexer(script)
		for l.at < len(script) {
			require.NoError(t, l.next(), script)
		}
		assert.Equal(t, sure, !l.unsure, script)
		checkSure(t, script)
	}
}

// checkSure fails if the parser sees other expressions than a lexer that is
// sure, or lists more names than are counted.
func checkSure(t *testing.T, script string) {
	t.Helper()
	l := newLexer(script)
	for l.at < len(script) {
		if l.next() != nil {
			return
		}
	}
	tree, err := js.Parse(parse.NewInputString(script), js.Options{})
	if err != nil {
		return
	}
	names := listedIn(reflect.ValueOf(tree).Elem())
	require.LessOrEqual(t, names, listed(script)+len(script), script) // with those of the whole, and of functions in their own scope
	if l.unsure {
		return
	}
	want, err := regularExpressions(script)
	require.NoError(t, err)
	got := map[int]bool{}
	for _, token := range l.tokens {
		if token.kind == expression {
			got[token.start] = true
		}
	}
	require.Equal(t, want, got, script)
}

// listedIn is how many names the scopes of a tree list.
func listedIn(v reflect.Value) (sum int) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if _, name := v.Interface().(*js.Var); !name && !v.IsNil() {
			return listedIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			sum += listedIn(v.Index(i))
		}
	case reflect.Struct:
		if s, scope := v.Interface().(js.Scope); scope {
			return len(s.Declared) + len(s.Undeclared)
		}
		for i := range v.NumField() {
			if _, scope := v.Field(i).Interface().(*js.Scope); !scope {
				sum += listedIn(v.Field(i))
			}
		}
	}
	return sum
}

// pieces are what scripts are made of that a lexer could get wrong.
var pieces = strings.Split("a b c of await yield async let var const for if else while do function class return typeof import export from break continue debugger static get in new try catch finally switch case default "+
	"( ) ( ) [ ] { } { } ; , , : ? . ... ?. => => = == + ++ - -- * ! ~ / / / /= ' \" ` ${ } < > <!-- --> // /* */ 1 1. .5 0x1 # @ \\ \\u{61} \n \u00a0 \u2028 'a' \"b\" `c` /d/ /[/]/ /'/ (a)", " ")

func FuzzLexerIsSureOnlyOfWhatTheParserSees(f *testing.F) {
	f.Add([]byte("0123456789"))
	f.Fuzz(func(t *testing.T, choice []byte) {
		var script strings.Builder
		for _, c := range choice {
			script.WriteString(strings.NewReplacer(`\n`, "\n").Replace(pieces[int(c)%len(pieces)]))
			if c < 128 {
				script.WriteByte(' ')
			}
		}
		checkSure(t, script.String())
	})
}

package js

import (
	"errors"
	"fmt"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"

	"ddc/internal/diagnostic"
)

// chunk is text between quotes, as written. The quote is ", ' or `. The text of
// a template ends at each ${.
type chunk struct {
	start, end int
	quote      byte
	role       role
}

// role says what a chunk is to the browser.
type role int

const (
	plain     role = iota
	specifier      // names a module: import "x", export ... from "x", import("x")
	// own counts from the script's own address, as one of importScripts or
	// new URL("x", import.meta.url) does.
	own
	scope // of a service worker that is registered
)

// errNoScript says that a text cannot be read as a script.
var errNoScript = errors.New("not a script")

// maxChecked is up to how many bytes a script that the parser refuses is given
// to esbuild, which takes a stack frame for each level of nesting.
const maxChecked = 64 << 10

// scan finds the strings and template texts of a script, and says what is wrong
// with one that no browser runs. It is errNoScript where not even the strings
// can be told apart.
//
// A slash may divide or begin a regular expression, depending on the grammar.
// So the parser says where the regular expressions are. It reads modules, and
// not all of them: where it cannot, the lexer guesses, and esbuild says whether
// there is a fault.
func scan(script string) (found []chunk, fault *diagnostic.Problem, err error) {
	var expressions map[int]bool
	err = errNoScript
	if !listsTooMuch(script) {
		expressions, err = regularExpressions(script)
	}
	isExpression := func(offset int) bool { return expressions[offset] }
	switch {
	case errors.Is(err, errNoScript):
		fault = check(script)
		isExpression = nil
	case err != nil:
		return nil, nil, err
	}
	tokens, err := lex(script, isExpression)
	if err != nil {
		return nil, fault, fmt.Errorf("%w: %w", errNoScript, err)
	}
	return chunks(tokens), fault, nil
}

// check says what is wrong with a script that the parser refuses, or nil.
// Minified, esbuild's time is that of its length: names of its own choice are
// not compared with those of all scopes around them, and nothing is set in. It
// says nothing of await as a name, which esbuild refuses everywhere, and
// browsers in modules alone.
func check(script string) *diagnostic.Problem {
	if len(script) > maxChecked {
		return nil
	}
	result := api.Transform(script, api.TransformOptions{Loader: api.LoaderJS, MinifyWhitespace: true, MinifyIdentifiers: true, LogLevel: api.LogLevelSilent})
	for _, e := range result.Errors {
		switch at := e.Location; {
		case strings.HasPrefix(e.Text, `Cannot use "await" as an identifier`):
		case at == nil:
			return &diagnostic.Problem{Message: e.Text}
		default:
			return diagnostic.InLine(script, at.Line, at.Column+1, at.Length, e.Text) // it counts bytes
		}
	}
	return nil
}

// chunks picks the strings and templates out of the tokens.
func chunks(tokens []token) []chunk {
	var found []chunk
	var calls []string // for each parenthesis that is open, what is called
	at := func(i int) string {
		if i >= 0 && i < len(tokens) {
			return tokens[i].text
		}
		return ""
	}
	within := func(call string) bool { return len(calls) > 0 && calls[len(calls)-1] == call }
	for i, t := range tokens {
		switch {
		case t.text == "(":
			calls = append(calls, at(i-1))
			if of := at(i - 3); at(i-1) == "register" && of != "serviceWorker" && !(of == "?" && at(i-4) == "serviceWorker") {
				calls[len(calls)-1] = "" // it is another's
			}
		case t.text == ")" && len(calls) > 0:
			calls = calls[:len(calls)-1]
		case t.kind == str:
			c := chunk{t.start + 1, t.end - 1, t.text[0], plain}
			switch {
			case at(i-1) == "from", at(i-1) == "import", at(i-1) == "(" && at(i-2) == "import" && at(i-3) != ".":
				c.role = specifier
			case at(i-1) == "(" && at(i-2) == "URL" && at(i+1) == "," && at(i+2) == "import" && at(i+4) == "meta" && at(i+6) == "url",
				within("importScripts"):
				c.role = own
			case at(i-1) == ":" && strings.Trim(at(i-2), `"'`) == "scope" && within("register"):
				c.role = scope
			}
			found = append(found, c)
		case t.kind == template:
			end := t.end - 1
			if t.text[len(t.text)-1] == '{' {
				end--
			}
			found = append(found, chunk{t.start + 1, end, '`', plain})
		}
	}
	return found
}

// regularExpressions returns the offsets at which the parser found regular
// expressions.
//
// The tree has no positions. But its texts are slices of the parser's own copy
// of the source: what the visitor writes into them shows in the copy, at the
// offset that is asked for.
func regularExpressions(script string) (map[int]bool, error) {
	input := parse.NewInputString(script)
	scratch := input.Bytes()
	tree, err := js.Parse(input, js.Options{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoScript, err)
	}
	var marks marker
	js.Walk(&marks, tree)
	offsets := map[int]bool{}
	for i := range len(script) {
		if script[i] == '/' && scratch[i] == mark {
			offsets[i] = true
		}
	}
	if len(offsets) != marks.count {
		return nil, fmt.Errorf("%d of %d regular expressions were not found in the source", marks.count-len(offsets), marks.count)
	}
	return offsets, nil
}

const mark = 0

// marker overwrites the first byte of each regular expression.
type marker struct{ count int }

// Enter marks n where it is a regular expression.
func (m *marker) Enter(n js.INode) js.IVisitor {
	if literal, ok := n.(*js.LiteralExpr); ok && literal.TokenType == js.RegExpToken && literal.Data[0] == '/' {
		literal.Data[0] = mark
		m.count++
	}
	return m
}

// Exit has nothing to do.
func (m *marker) Exit(js.INode) {}

package js

import (
	"errors"
	"fmt"
	"io"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"
)

// chunk is text between quotes, as written. The quote is ", ' or `. The text of
// a template ends at each ${. A specifier names a module: import "x", export
// ... from "x", import("x").
type chunk struct {
	start, end int
	quote      byte
	specifier  bool
}

// errNoScript says that the parser cannot parse a text as a script.
var errNoScript = errors.New("not an ES module")

// scan finds the strings and template texts of a script.
//
// A slash may divide or begin a regular expression, depending on the grammar.
// So the parser says where the regular expressions are. The tree leaves out
// some tokens (specifiers, property names); these come from a second pass over
// the tokens alone.
func scan(script string) ([]chunk, error) {
	expressions, err := regularExpressions(script)
	if err != nil {
		return nil, err
	}
	var found []chunk
	// before has the last two tokens that are neither blanks nor comments.
	var before [2]js.TokenType
	lexer := js.NewLexer(parse.NewInputString(script))
	for offset := shebang(script, lexer); ; {
		kind, text := lexer.Next()
		if expressions[offset] && (kind == js.DivToken || kind == js.DivEqToken) {
			kind, text = lexer.RegExp()
		}
		if kind == js.ErrorToken {
			if lexer.Err() == io.EOF && offset == len(script) {
				return found, nil
			}
			return nil, fmt.Errorf("%w: %v", errNoScript, lexer.Err())
		}
		end := offset + len(text)
		switch kind {
		case js.StringToken:
			found = append(found, chunk{offset + 1, end - 1, text[0], namesModule(before)})
		case js.TemplateToken, js.TemplateEndToken:
			found = append(found, chunk{offset + 1, end - 1, '`', false})
		case js.TemplateStartToken, js.TemplateMiddleToken:
			found = append(found, chunk{offset + 1, end - 2, '`', false})
		}
		offset = end
		switch kind {
		case js.WhitespaceToken, js.LineTerminatorToken, js.CommentToken, js.CommentLineTerminatorToken:
		default:
			before = [2]js.TokenType{before[1], kind}
		}
	}
}

// namesModule says whether a string after these two tokens is a specifier.
func namesModule(before [2]js.TokenType) bool {
	return before[1] == js.FromToken || before[1] == js.ImportToken || before[0] == js.ImportToken && before[1] == js.OpenParenToken
}

// shebang skips a first line of #! in the lexer, as the parser does, and
// returns its length.
func shebang(script string, lexer *js.Lexer) int {
	if len(script) < 2 || script[:2] != "#!" {
		return 0
	}
	length := 0
	for length < len(script) && script[length] != '\n' && script[length] != '\r' {
		length++
	}
	*lexer = *js.NewLexer(parse.NewInputString(script[length:]))
	return length
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
		return nil, fmt.Errorf("%w: %v", errNoScript, err)
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

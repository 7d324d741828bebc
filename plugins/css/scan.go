package css

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"

	"ddc/internal/diagnostic"
	"ddc/internal/markup"
)

// reference is a URL that a sheet names: its value, and where it is written. A
// quote of zero means that it is bare.
type reference struct {
	value      string
	start, end int
	quote      byte
}

// scanner reads a sheet once, collects its references, and checks that every
// bracket closes.
type scanner struct {
	sheet string
	found []reference
	// open are the brackets not closed yet.
	open []bracket
	// selectors counts what is before braces: of a list each.
	selectors int
	// commas are those since the last block, declaration or statement.
	commas int
	// importing is set between @import and the next token.
	importing bool
}

type bracket struct {
	offset   int
	closer   css.TokenType
	imageSet bool
}

// maxDepth bounds nested blocks and brackets: esbuild takes a stack frame for
// each, and quadratic time.
const maxDepth = 128

// closerOf is the token that closes what kind opens.
func closerOf(kind css.TokenType) css.TokenType {
	switch kind {
	case css.LeftBraceToken:
		return css.RightBraceToken
	case css.LeftBracketToken:
		return css.RightBracketToken
	}
	return css.RightParenthesisToken
}

// scan finds every url(), every @import of a string and every string that
// stands for an image in image-set().
func scan(sheet string) (*scanner, error) {
	s := &scanner{sheet: sheet}
	lexer := css.NewLexer(parse.NewInputString(sheet))
	for offset := 0; ; {
		kind, text := lexer.Next()
		if kind == css.ErrorToken {
			if err := lexer.Err(); !errors.Is(err, io.EOF) {
				return nil, faultAt(sheet, offset, offset+1, "cannot be read: %v", err)
			}
			break
		}
		if err := s.token(kind, string(text), offset); err != nil {
			return nil, err
		}
		offset += len(text)
	}
	if len(s.open) > 0 {
		last := s.open[len(s.open)-1]
		return nil, faultAt(sheet, last.offset, last.offset+1, "%s is never closed", opener(sheet, last))
	}
	return s, nil
}

func (s *scanner) token(kind css.TokenType, text string, offset int) error {
	switch kind {
	case css.WhitespaceToken:
		return nil
	case css.CommentToken:
		if len(text) < 4 || !strings.HasSuffix(text, "*/") {
			return faultAt(s.sheet, offset, offset+len(text), "comment is never closed")
		}
		return nil
	case css.BadStringToken:
		return faultAt(s.sheet, offset, offset+len(text), "string is not closed on its line")
	case css.BadURLToken:
		return faultAt(s.sheet, offset, offset+len(text), "url() cannot be read; put the URL in quotes")
	case css.StringToken:
		if err := s.str(text, offset); err != nil {
			return err
		}
	case css.URLToken:
		if err := s.url(text, offset); err != nil {
			return err
		}
	case css.FunctionToken, css.LeftBraceToken, css.LeftBracketToken, css.LeftParenthesisToken:
		if len(s.open) == maxDepth {
			return faultAt(s.sheet, offset, offset+len(text), "blocks and brackets are nested more than %d deep", maxDepth)
		}
		if kind == css.LeftBraceToken {
			s.selectors += 1 + s.commas
			s.commas = 0
		}
		name := strings.ToLower(text)
		s.open = append(s.open, bracket{offset, closerOf(kind), name == "image-set(" || name == "-webkit-image-set("})
	case css.CommaToken:
		s.commas++
	case css.SemicolonToken:
		s.commas = 0
	case css.RightBraceToken, css.RightBracketToken, css.RightParenthesisToken:
		if kind == css.RightBraceToken {
			s.commas = 0
		}
		if err := s.close(kind, text, offset); err != nil {
			return err
		}
	}
	s.importing = kind == css.AtKeywordToken && strings.EqualFold(text, "@import")
	return nil
}

func (s *scanner) close(kind css.TokenType, text string, offset int) error {
	if len(s.open) == 0 {
		return faultAt(s.sheet, offset, offset+len(text), "%s closes nothing", text)
	}
	last := s.open[len(s.open)-1]
	if last.closer != kind {
		opened := diagnostic.At(s.sheet, last.offset, last.offset+1, "")
		fault := diagnostic.At(s.sheet, offset, offset+len(text), fmt.Sprintf("%s does not close the %s", text, opener(s.sheet, last)))
		fault.Related = []diagnostic.Note{{Line: opened.Line, Col: opened.Col, Length: opened.Length, Message: "it begins here"}}
		return fault
	}
	s.open = s.open[:len(s.open)-1]
	return nil
}

func (s *scanner) str(text string, offset int) error {
	value, closed := unquote(text)
	if !closed {
		return faultAt(s.sheet, offset, offset+len(text), "string is never closed")
	}
	inImageSet := len(s.open) > 0 && s.open[len(s.open)-1].imageSet
	if s.importing || inImageSet {
		s.found = append(s.found, reference{value, offset, offset + len(text), text[0]})
	}
	return nil
}

// url reads a whole url( ... ), which is one token.
func (s *scanner) url(text string, offset int) error {
	from := strings.IndexByte(text, '(') + 1
	inner := text[from:]
	from += len(inner) - len(strings.TrimLeft(inner, blanks))
	inner = strings.TrimLeft(inner, blanks)
	if inner != "" && (inner[0] == '"' || inner[0] == '\'') {
		length, closed := markup.QuotedLength(inner)
		if !closed || !strings.HasPrefix(strings.TrimLeft(inner[length:], blanks), ")") {
			return faultAt(s.sheet, offset, offset+len(text), "url( is never closed")
		}
		value, _ := unquote(inner[:length])
		s.found = append(s.found, reference{value, offset + from, offset + from + length, inner[0]})
		return nil
	}
	bare, closed := strings.CutSuffix(inner, ")")
	if !closed {
		return faultAt(s.sheet, offset, offset+len(text), "url( is never closed")
	}
	bare = trimBlanks(bare)
	s.found = append(s.found, reference{unescape(bare), offset + from, offset + from + len(bare), 0})
	return nil
}

func opener(sheet string, b bracket) string {
	if b.closer == css.RightParenthesisToken {
		return "("
	}
	return sheet[b.offset : b.offset+1]
}

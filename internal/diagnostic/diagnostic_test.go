package diagnostic_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
)

func TestProblemSaysOnlyWhatIsKnown(t *testing.T) {
	for want, p := range map[string]diagnostic.Problem{
		"m":                                   {Message: "m"},
		"1:2: m":                              {Line: 1, Col: 2, Message: "m"},
		"f: m":                                {File: "f", Message: "m"},
		"f:1: m":                              {File: "f", Line: 1, Message: "m"},
		"f:1:2: m (do it)":                    {File: "f", Line: 1, Col: 2, Message: "m", Hint: "do it"},
		"f: m\n  n\n  (do it)":                {File: "f", Message: "m\nn", Hint: "do it"},
		"f: m (on the page a)":                {File: "f", Message: "m", Pages: 1, Page: "a"},
		"f: m\n  g:3: first":                  {File: "f", Message: "m", Related: []diagnostic.Note{{File: "g", Line: 3, Message: "first"}}},
		`\u001b[2J: \u001b (\u202ex)`:         {File: "\x1b[2J", Message: "\x1b", Hint: "\u202ex"},
		"f: m (on 3 pages, the first is a)":   {File: "f", Message: "m", Pages: 3, Page: "a"},
		"a: m":                                {File: "a", Message: "m", Files: []string{"a"}},
		"b: m (do it) (also 1 other file: c)": {File: "b", Message: "m", Hint: "do it", Files: []string{"b", "c"}},
		`a: m (also 4 other files: b, \u001b, d, ..)`: {File: "a", Message: "m", Files: []string{"a", "b", "\x1b", "d", "e"}},
	} {
		assert.Equal(t, want, p.String())
		assert.EqualError(t, &p, want)
	}
	assert.EqualError(t, diagnostic.Errors{{File: "a", Message: "1"}, {File: "b", Message: "2"}}, "a: 1\nb: 2")
}

func TestSameProblemOfManyPagesIsOne(t *testing.T) {
	at := func(line int, page string) diagnostic.Problem {
		return diagnostic.Problem{File: "t", Line: line, Message: "m", Pages: 1, Page: page}
	}
	want := diagnostic.Errors{
		{File: "a", Line: 2}, {File: "a", Line: 10},
		{File: "t", Line: 1, Message: "m", Pages: 3, Page: "a.md"}, {File: "t", Line: 2, Message: "m", Pages: 1, Page: "b.md"},
	}
	got := diagnostic.Sorted([]diagnostic.Problem{
		at(1, "c.md"), at(1, "a.md"), {File: "a", Line: 10}, at(2, "b.md"), at(1, "a.md"), at(1, "b.md"), {File: "a", Line: 2}, {File: "a", Line: 10},
	})
	assert.Equal(t, want, got)
	assert.Equal(t, want, diagnostic.Sorted(got))
	assert.Equal(t, want, diagnostic.Sorted(append(got, got...)), "what was merged counts once")
}

func TestOneLimitThatIsInTheWayOfManyFilesIsOneProblem(t *testing.T) {
	refused := func(file, why string) diagnostic.Problem {
		return diagnostic.Problem{File: file, Message: why, Files: []string{file}}
	}
	want := diagnostic.Errors{
		{File: "a", Message: "m", Files: []string{"a", "b", "c"}},
		{File: "b", Line: 1, Message: "m"},
		{File: "c", Message: "m"},
		{File: "d", Message: "other", Files: []string{"d"}},
	}
	given := []diagnostic.Problem{refused("c", "m"), {File: "b", Line: 1, Message: "m"}, refused("a", "m"), refused("d", "other"), refused("b", "m"), {File: "c", Message: "m"}, refused("a", "m")}
	got := diagnostic.Sorted(given)
	assert.Equal(t, want, got)
	assert.Equal(t, want, diagnostic.Sorted(got))
	assert.Equal(t, want, diagnostic.Sorted(append(append(diagnostic.Errors{}, got...), given...)), "what was merged counts once")
	assert.Equal(t, []string{"c"}, given[0].Files, "what was given is as it was")
}

func TestPlacesCountCharactersOfALine(t *testing.T) {
	const text = "é\n日本 x\r\nz"
	begin := strings.Index(text, "本")
	assert.Equal(t, &diagnostic.Problem{Line: 2, Col: 2, Length: 3, Message: "m"}, diagnostic.At(text, begin, len(text), "m"))
	assert.Equal(t, &diagnostic.Problem{Line: 3, Col: 2, Message: "m"}, diagnostic.At(text, len(text)+5, -3, "m"))
	assert.Equal(t, &diagnostic.Problem{Line: 2, Col: 2, Length: 1, Message: "m"}, diagnostic.InLine(text, 2, 1+len("日"), len("本"), "m"))
	assert.Equal(t, &diagnostic.Problem{Line: 9, Col: 4, Message: "m"}, diagnostic.InLine(text, 9, 4, 0, "m"))
}

func TestProblemsTravelInAStatus(t *testing.T) {
	problems := []diagnostic.Problem{
		{Line: 1, Col: 2, Length: 3, Message: "bad", Hint: "good", Related: []diagnostic.Note{{File: "b", Line: 4, Col: 5, Length: 6, Message: "here"}}},
		{File: "c", Message: "worse"},
	}
	err := diagnostic.Refuse("a.css", problems...)
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	assert.Equal(t, "a.css:1:2: bad (good)\n  b:4:5: here\nc: worse", status.Convert(err).Message(), "for those who know no details")
	assert.Equal(t, diagnostic.Errors(problems), diagnostic.Of(fmt.Errorf("call: %w", err)))
}

func TestOnlyWhatASiteIsAtFaultForIsAProblem(t *testing.T) {
	assert.Nil(t, diagnostic.Of(nil))
	assert.Nil(t, diagnostic.Of(errors.New("it died")))
	assert.Nil(t, diagnostic.Of(status.Error(codes.Unavailable, "it died")))
	assert.Equal(t, diagnostic.Errors{{Message: "no details"}}, diagnostic.Of(status.Error(codes.InvalidArgument, "no details")))
	assert.Equal(t, diagnostic.Errors{{Message: "m"}}, diagnostic.Of(fmt.Errorf("x: %w", &diagnostic.Problem{Message: "m"})))
}

func TestStatusIsBoundedAtBothEnds(t *testing.T) {
	many := make([]diagnostic.Problem, 10_000)
	for i := range many {
		many[i] = diagnostic.Problem{Message: strings.Repeat("x", 1000), Line: -1}
	}
	err := diagnostic.Refuse("a", many...)
	got := diagnostic.Of(err)
	assert.Greater(t, len(got), 200)
	assert.Less(t, len(got), 300)
	assert.Zero(t, got[0].Line)
	assert.Less(t, len(status.Convert(err).Message()), 2*printable.TextBytes)

	long := diagnostic.Of(diagnostic.Refuse("a", diagnostic.Problem{Message: strings.Repeat("\xff", 1<<20)}))
	require.Len(t, long, 1)
	assert.Less(t, len(long[0].Message), 4*printable.TextBytes)

	noted := diagnostic.Of(diagnostic.Refuse("a", diagnostic.Problem{Message: "m", Related: make([]diagnostic.Note, 1000)}))
	require.Len(t, noted, 1)
	assert.Len(t, noted[0].Related, 20)

	s := status.Convert(err).Proto()
	s.Details = append(s.Details, s.Details...)
	assert.Equal(t, diagnostic.Errors{{Message: s.Message}}, diagnostic.Of(status.ErrorProto(s)), "more than anyone sends")
}

func TestProblemIsWholeInJSON(t *testing.T) {
	b, err := json.Marshal(diagnostic.Problem{File: "f", Line: 1, Col: 2, Length: 3, Message: "m", Hint: "h", Pages: 2, Page: "p", Files: []string{"f", "g"},
		Excerpt: &diagnostic.Excerpt{Text: "abc", Col: 1}, Related: []diagnostic.Note{{File: "g", Line: 4, Message: "n"}}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"file": "f", "line": 1, "col": 2, "length": 3, "message": "m", "hint": "h", "pages": 2, "page": "p", "files": ["f", "g"],
		"excerpt": {"text": "abc", "col": 1}, "related": [{"file": "g", "line": 4, "message": "n"}]}`, string(b))
}

func TestTextsOfAPrintableProblemAreFitToBeShownAndItsMarkStandsWhereItDid(t *testing.T) {
	const odd = "a\x1b]52;c;x\a\u202eb\u200b\xff"
	const shown = `a\u001b]52;c;x\u0007\u202eb\u200b\xff`
	p := diagnostic.Problem{
		File: odd, Line: 3, Col: 14, Length: 2, Message: odd + "\n" + odd, Hint: odd, Pages: 1, Page: odd, Files: []string{odd},
		Excerpt: &diagnostic.Excerpt{Text: "\tx\u202ey\u2066\u061cz", Col: 10},
		Related: []diagnostic.Note{{File: odd, Line: 1, Col: 2, Message: odd, Excerpt: &diagnostic.Excerpt{Text: "\u202e\u202e!", Col: 1}}, {Message: "plain", Excerpt: &diagnostic.Excerpt{Text: "\u202e", Col: 1}}},
	}
	got := p.Printable()
	for _, text := range []string{got.File, got.Hint, got.Page, got.Files[0], got.Related[0].File, got.Related[0].Message} {
		assert.Equal(t, shown, text)
	}
	assert.Equal(t, shown+"\n"+shown, got.Message)
	marked := func(e *diagnostic.Excerpt, col, length int) string {
		return string([]rune(e.Text)[col-e.Col:][:length])
	}
	assert.Equal(t, "\tx"+`\u202ey\u2066\u061cz`, got.Excerpt.Text)
	assert.Equal(t, 14, got.Col)
	assert.Equal(t, `\u2066\u061c`, marked(got.Excerpt, got.Col, got.Length))
	assert.Equal(t, `\u202e`, marked(got.Related[0].Excerpt, got.Related[0].Col, got.Related[0].Length))
	assert.Equal(t, `\u202e`, got.Related[1].Excerpt.Text)
	assert.Equal(t, got, got.Printable(), "what is fit stays")
	assert.Equal(t, odd+odd, p.Related[0].Message+p.Files[0], "it is a copy")

	for _, plain := range []diagnostic.Problem{
		{Message: "m"}, {File: "f", Line: 1, Col: 9, Length: 3, Message: "m", Excerpt: &diagnostic.Excerpt{Text: "at its end", Col: 1}},
		{File: "f", Line: 1, Col: 90, Message: "m", Excerpt: &diagnostic.Excerpt{Text: "beyond it", Col: 1}},
	} {
		assert.Equal(t, plain, plain.Printable())
	}
}

package diagnostic_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
)

var rewrite = flag.Bool("write", false, "write the golden texts anew")

// shown is what a terminal of so many columns gets.
func shown(t testing.TB, s diagnostic.Severity, p diagnostic.Problem, width int, coloured bool) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, printable.NewWriter(&out).Styled(coloured, diagnostic.Layout(s, p, width)))
	return out.String()
}

// shapes are problems of each shape, and the source that each is about.
var shapes = []struct {
	name, source string
	severity     diagnostic.Severity
	problem      diagnostic.Problem
}{
	{"span", "one\n[x](@/no.md) and more\n", diagnostic.Error,
		diagnostic.Problem{File: "a.md", Line: 2, Col: 5, Length: 7, Message: "the link \"@/no.md\" leads to no page", Hint: "did you mean \"@/note.md\"?"}},
	{"warning", "one\r\ntwo three\r\n", diagnostic.Warning, diagnostic.Problem{File: "a.md", Line: 2, Col: 5, Length: 5, Message: "three is one too many"}},
	{"tabs", "\ta\t\tbcd e", diagnostic.Error, diagnostic.Problem{File: "a.md", Line: 1, Col: 5, Length: 3, Message: "after tabs"}},
	{"tab marked", "ab\tc", diagnostic.Error, diagnostic.Problem{File: "a.md", Line: 1, Col: 3, Length: 1, Message: "the tab itself"}},
	{"wide", "日本語 ＡＢ x", diagnostic.Error, diagnostic.Problem{File: "日本.md", Line: 1, Col: 5, Length: 2, Message: "after wide characters"}},
	{"combined", "e\u0301e\u0301 x👍🏽y", diagnostic.Error, diagnostic.Problem{File: "a.md", Line: 1, Col: 9, Length: 1, Message: "y, after characters of several runes"}},
	{"escaped", "a\x1b[31m\u202eb c", diagnostic.Error, diagnostic.Problem{File: "a\x1b.md", Line: 1, Col: 8, Length: 1, Message: "\x1b]0;b\a", Hint: "\u202eno"}},
	{"no UTF-8", "ab\xff\xfec", diagnostic.Error, diagnostic.Problem{File: "a.md", Line: 1, Col: 3, Message: "is not UTF-8"}},
	{"end of line", "abc\n", diagnostic.Error, diagnostic.Problem{File: "a.md", Line: 1, Col: 4, Message: "something is missing here"}},
	{"long after", strings.Repeat("x", 30) + "HERE" + strings.Repeat("y", 5000), diagnostic.Error,
		diagnostic.Problem{File: "a.js", Line: 1, Col: 31, Length: 4, Message: "in a long line"}},
	{"long before", strings.Repeat("x", 5000) + "HERE" + strings.Repeat("y", 5000), diagnostic.Error,
		diagnostic.Problem{File: "a.js", Line: 1, Col: 5001, Length: 4, Message: "in the middle of a long line"}},
	{"long span", strings.Repeat("日", 5000), diagnostic.Error, diagnostic.Problem{File: "a.js", Line: 1, Col: 300, Length: 4000, Message: "a long span"}},
	{"line alone", "abc\n", diagnostic.Error, diagnostic.Problem{File: "a.md", Line: 1, Message: "no column is known"}},
	{"place unknown", "abc\n", diagnostic.Error, diagnostic.Problem{File: "a.png", Message: "is no picture"}},
	{"beyond the file", "abc\n", diagnostic.Error, diagnostic.Problem{File: "a.md", Line: 7, Col: 3, Message: "the file has changed"}},
	{"compiler", "let x = y;\n", diagnostic.Error,
		diagnostic.Problem{File: "a.md", Line: 1, Col: 9, Length: 1, Message: "the code sample failed: status 101\nerror[E0425]: cannot find value\nwarning: no", Hint: "correct the sample"}},
	{"pages", "{{ page.titel }}", diagnostic.Error,
		diagnostic.Problem{File: "t.html", Line: 1, Col: 9, Length: 5, Message: "page has no titel", Hint: "did you mean title?", Pages: 12, Page: "content/a.md"}},
	{"related", "a 1\nb 2\na 3\n", diagnostic.Error,
		diagnostic.Problem{File: "c.kdl", Line: 3, Col: 1, Length: 1, Message: "a is given again",
			Related: []diagnostic.Note{{File: "c.kdl", Line: 1, Col: 1, Length: 1, Message: "it stands here already"}, {File: "other", Message: "and there"}}}},
}

func TestProblemsAreShownAsTheGoldenTextsHaveThem(t *testing.T) {
	var all strings.Builder
	for _, s := range shapes {
		problems := []diagnostic.Problem{s.problem}
		diagnostic.Quote(problems, s.problem.File, s.source)
		all.WriteString("# " + s.name + "\n" + shown(t, s.severity, problems[0], 60, false) + "\n")
	}
	golden := filepath.Join("testdata", "shown.txt")
	if *rewrite {
		require.NoError(t, os.WriteFile(golden, []byte(all.String()), 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), all.String())
}

func TestNoLineIsWiderThanTheTerminalAndTheMarkStandsBelowItsText(t *testing.T) {
	for _, s := range shapes {
		problems := []diagnostic.Problem{s.problem}
		diagnostic.Quote(problems, s.problem.File, s.source)
		for _, width := range []int{0, 40, 61, 120, 5000} {
			lines := strings.Split(shown(t, s.severity, problems[0], width, false), "\n")
			for i, line := range lines {
				if !strings.Contains(line, " | ") {
					continue
				}
				assert.LessOrEqual(t, uniseg.StringWidth(line), min(max(width, 40), 200), "%s in %d columns: %q", s.name, width, line)
				if strings.HasSuffix(line, "HERE") || strings.Contains(line, "HERE") {
					assert.Equal(t, uniseg.StringWidth(line[:strings.Index(line, "HERE")]), strings.Index(lines[i+1], "^"), "%s in %d columns", s.name, width)
				}
			}
		}
	}
}

func TestColourIsAroundTextsAndOfThisProgramAlone(t *testing.T) {
	p := diagnostic.Problem{File: "a\x1b[5m", Line: 1, Col: 1, Length: 1, Message: "m\x1b[5m", Hint: "h"}
	problems := []diagnostic.Problem{p}
	diagnostic.Quote(problems, p.File, "x\x1b[5my")
	coloured := shown(t, diagnostic.Error, problems[0], 80, true)
	assert.Equal(t, "\x1b[1;31merror: \x1b[0m\x1b[1ma\\u001b[5m:1:1: \x1b[0m\x1b[1mm\\u001b[5m\x1b[0m\n"+
		"\x1b[34m    1 | \x1b[0mx\\u001b[5my\n\x1b[34m      | \x1b[0m\x1b[1;31m^\x1b[0m\n\x1b[36m  hint: \x1b[0mh\n", coloured)
	assert.NotContains(t, shown(t, diagnostic.Error, problems[0], 80, false), "\x1b")
}

func TestExcerptIsOfItsFileAloneAndBounded(t *testing.T) {
	problems := []diagnostic.Problem{{File: "b", Line: 1, Col: 1}, {File: "a", Line: 2, Col: 100_000, Related: []diagnostic.Note{{File: "a", Line: 1}}}}
	diagnostic.Quote(problems, "a", "first\n"+strings.Repeat("é", 200_000))
	assert.Nil(t, problems[0].Excerpt)
	assert.Equal(t, &diagnostic.Excerpt{Text: "first", Col: 1}, problems[1].Related[0].Excerpt)
	require.NotNil(t, problems[1].Excerpt)
	assert.Equal(t, 99_800, problems[1].Excerpt.Col)
	assert.Equal(t, strings.Repeat("é", 400), problems[1].Excerpt.Text)
}

// Many problems of one long line once cost the square of its length.
func TestExcerptsOfALongLineAreThoseOfItsColumns(t *testing.T) {
	line := strings.Repeat("aé€😀\t", 2000) + "end"
	characters := []rune(line)
	var problems []diagnostic.Problem
	for col := range len(characters) + 500 {
		problems = append(problems, diagnostic.Problem{File: "f", Line: 2, Col: col})
	}
	diagnostic.Quote(problems, "f", "one\n"+line+"\nthree")
	for _, p := range problems {
		first := max(p.Col-200, 1)
		from := min(first-1, len(characters))
		want := diagnostic.Excerpt{Text: string(characters[from:min(from+400, len(characters))]), Col: first}
		require.Equal(t, &want, p.Excerpt, "column %d", p.Col)
	}
}

// BenchmarkQuote shows the time for n and 2n problems of one line.
func BenchmarkQuote(b *testing.B) {
	for _, n := range []int{10_000, 20_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			source := strings.Repeat("/dead.png 1x, ", n)
			for b.Loop() {
				problems := make([]diagnostic.Problem, n)
				for i := range problems {
					problems[i] = diagnostic.Problem{File: "f", Line: 1, Col: 1 + 14*i}
				}
				diagnostic.Quote(problems, "f", source)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/problem")
		})
	}
}

func FuzzLayout(f *testing.F) {
	for _, s := range shapes {
		f.Add(s.source, s.problem.Line, s.problem.Col, s.problem.Length, 60)
	}
	f.Fuzz(func(t *testing.T, source string, line, col, length, width int) {
		problems := []diagnostic.Problem{{File: "a", Line: max(line, 0), Col: max(col, 0), Length: max(length, 0), Message: "m"}}
		diagnostic.Quote(problems, "a", source)
		text := shown(t, diagnostic.Error, problems[0], width, false)
		require.LessOrEqual(t, strings.Count(text, "\n"), 3)
	})
}

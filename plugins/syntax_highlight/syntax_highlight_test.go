package syntax_highlight

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/alecthomas/chroma/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	pb "ddc/plugins/syntax_highlight/syntax_highlightpb"
)

// coloured is a piece of code without its element.
type coloured struct {
	Html        string
	Highlighted bool
}

func highlight(t *testing.T, language, code string) coloured {
	t.Helper()
	left := maxWork
	html, done, err := New().colour(t.Context(), &pb.Code{Language: language, Code: code}, parseInfo(language), &left)
	require.NoError(t, err)
	return coloured{html, done}
}

// only asks for one piece of code.
func only(language, code string) *pb.HighlightRequest {
	return &pb.HighlightRequest{Codes: []*pb.Code{{Language: language, Code: code}}}
}

// shown is the text that a reader sees.
func shown(t *testing.T, fragment string) string {
	t.Helper()
	// The first line break of a <pre> is dropped by parsers, so one is put
	// there to be dropped.
	doc, err := html.Parse(strings.NewReader("<pre>\n" + fragment + "</pre>"))
	require.NoError(t, err)
	var out strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			out.WriteString(n.Data)
		}
	}
	return out.String()
}

func TestCodeBecomesSpans(t *testing.T) {
	got := highlight(t, "rust,noexec", "fn main() {\n    let a = \"<&\"; // x\n}\n")
	assert.True(t, got.Highlighted)
	assert.True(t, strings.HasPrefix(got.Html, `<span class="k">fn</span> <span class="nf">main</span><span class="p">`), got.Html)
	assert.Contains(t, got.Html, `&lt;&amp;`)
	assert.Contains(t, got.Html, `<span class="c1">// x`)
	assert.Equal(t, "fn main() {\n    let a = \"<&\"; // x\n}\n", shown(t, got.Html))
}

func TestLanguageIsFoundByAlias(t *testing.T) {
	for _, alias := range strings.Fields("js ts py rb rs sh bash zsh shell console yml md c++ cc cxx c# csharp c_sharp f# objc Rust JSON jinja kdl powershell dockerfile go html toml rust,noexec") {
		assert.True(t, highlight(t, alias, "a = 1 # b\n").Highlighted, alias)
	}
	assert.True(t, highlight(t, `toml title="x.toml"`, "a = 1").Highlighted)
}

func TestUnknownLanguageGivesEscapedCode(t *testing.T) {
	for _, language := range []string{"", "text", "plaintext", "no-such-language", ",rust", "mermaid[", "../x"} {
		got := highlight(t, language, "<b> & \"c\"\n")
		assert.False(t, got.Highlighted, language)
		assert.Equal(t, "&lt;b&gt; &amp; \"c\"\n", got.Html)
	}
}

func TestEveryListedLanguageIsAcceptedAndKeepsTheCode(t *testing.T) {
	all, err := New().Languages(t.Context(), &pb.LanguagesRequest{})
	require.NoError(t, err)
	assert.True(t, slices.IsSorted(all.Languages))
	assert.Greater(t, len(all.Languages), 250)
	for _, original := range strings.Fields("Bash C C++ CSS Docker Go Haskell HTML Java JavaScript JSON Kotlin Lua Python Ruby Rust Scala SQL Swift TOML TypeScript YAML Zig") {
		assert.Contains(t, all.Languages, original)
	}
	code := "\n\nif (a < b && \"c\") { /* d */ return 'e'; } // f\n# g\r\n\tλ <h i=\"j\">&amp;</h> {{ k }} \x00\nno line break at the end"
	refused := 0
	for _, language := range all.Languages {
		got := highlight(t, language, code)
		assert.Equal(t, strings.ReplaceAll(strings.ReplaceAll(code, "\r\n", "\n"), "\x00", ""), shown(t, strings.ReplaceAll(got.Html, "\x00", "")), language)
		if !got.Highlighted {
			refused++
			t.Logf("%s loses a part of the code", language)
		}
	}
	assert.Less(t, refused, 6, "languages whose lexer loses a part of the code")
}

// JSONata's lexer emits empty tokens for ever on text that is not JSONata.
func TestLexerThatRunsInACircleIsLeft(t *testing.T) {
	got := highlight(t, "jsonata", "a < b\n\tλ {{ k }}")
	assert.Equal(t, "a &lt; b\n\tλ {{ k }}", got.Html)
}

func TestSameCodeGivesSameBytes(t *testing.T) {
	code := "use std::io;\n#[derive(Debug)]\nstruct A<'a> { b: &'a str }\n"
	first := highlight(t, "rust", code)
	for range 20 {
		assert.Equal(t, first.Html, highlight(t, "rust", code).Html)
	}
}

func TestCodeHighlightedAtOnceComesOutAsAlone(t *testing.T) {
	code := "let a = [1, 'b', /c/]; // d\nfn main() {}\n<p class=x>\n"
	languages := []string{"rust", "js", "html", "python", "markdown", "jinja"}
	alone := map[string]string{}
	for _, language := range languages {
		alone[language] = highlight(t, language, code).Html
	}
	var together sync.WaitGroup
	for range 4 {
		together.Go(func() {
			for _, language := range languages {
				got, err := New().Highlight(t.Context(), only(language, code))
				if assert.NoError(t, err) {
					assert.Contains(t, got.Blocks[0].Html, alone[language], language)
				}
			}
		})
	}
	together.Wait()
}

func TestPiecesOfOneCallComeOutAsAloneAndInOrder(t *testing.T) {
	all := &pb.HighlightRequest{}
	var want []string
	for _, language := range []string{"rust", "no-such-language", "go,linenos", "rust", "mermaid", ""} {
		code := "fn a() {} // " + language + "\n"
		all.Codes = append(all.Codes, &pb.Code{Language: language, Code: code})
		alone, err := New().Highlight(t.Context(), only(language, code))
		require.NoError(t, err)
		want = append(want, alone.Blocks[0].String())
	}
	got, err := New().Highlight(t.Context(), all)
	require.NoError(t, err)
	var blocks []string
	for _, b := range got.Blocks {
		blocks = append(blocks, b.String())
	}
	assert.Equal(t, want, blocks)
}

func TestCancelledCallStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New().Highlight(ctx, only("go", strings.Repeat("var a = 1\n", 1000)))
	assert.Equal(t, codes.Canceled, status.Code(err))
}

var fencedBlock = regexp.MustCompile("(?ms)^```([^\n`]*)\n(.*?)^```$")

func TestCodeOfSitesKeepsItsText(t *testing.T) {
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		languages := map[string]bool{}
		for page, source := range fixture.Folder(t, site, "content") {
			for _, block := range fencedBlock.FindAllStringSubmatch(source, -1) {
				got := highlight(t, block[1], block[2])
				assert.Equal(t, block[2], shown(t, got.Html), page)
				assert.Equal(t, block[1] != "", got.Highlighted, "%s: %q", page, block[1])
				languages[block[1]] = true
			}
		}
		assert.GreaterOrEqual(t, len(languages), 12, site.Name)
	}
}

func TestStylesheetColoursEveryClassOnce(t *testing.T) {
	sheet, err := New().Stylesheet(t.Context(), &pb.StylesheetRequest{})
	require.NoError(t, err)
	for _, class := range []string{"k", "kd", "kt", "s", "s2", "m", "mi", "c", "c1", "cm", "nf", "nc", "na", "nt", "gd", "gi"} {
		selector := regexp.MustCompile(`:is\([^)]*\.` + class + `\b[^)]*\)\{color:`)
		assert.Len(t, selector.FindAllString(sheet.Css, -1), 1, class)
	}
	for range 10 {
		again, _ := stylesheet("", "")
		assert.Equal(t, sheet.Css, again)
	}
}

// Text that is read wants a contrast of 4.5 to 1 (WCAG 2.2, 1.4.3).
func TestEveryInkIsReadable(t *testing.T) {
	for _, name := range themeNames() {
		th, known := themeOf(name)
		require.True(t, known, name)
		for _, behind := range []string{th.background, th.marked()} {
			assert.GreaterOrEqual(t, measuredContrast(t, th.text, behind), 4.5, name)
			for _, i := range inks {
				assert.GreaterOrEqual(t, measuredContrast(t, th.colours[i], behind), 4.5, "%s %s on %s", name, i, behind)
			}
		}
	}
}

func measuredContrast(t *testing.T, a, b string) float64 {
	la, lb := measuredLuminance(t, a), measuredLuminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func measuredLuminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		value, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		require.NoError(t, err)
		c := float64(value) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestInksReachTheTypesBelowThem(t *testing.T) {
	assert.Equal(t, keywordInk, inkOf(chroma.KeywordDeclaration))
	assert.Equal(t, kindInk, inkOf(chroma.KeywordType))
	assert.Equal(t, textInk, inkOf(chroma.LiteralStringDouble))
	assert.Equal(t, numberInk, inkOf(chroma.LiteralNumberIntegerLong))
	assert.Equal(t, quietInk, inkOf(chroma.CommentSingle))
	assert.Equal(t, plainInk, inkOf(chroma.Punctuation))
	assert.Equal(t, plainInk, inkOf(chroma.Error))
}

func BenchmarkHighlightRust(b *testing.B) {
	code := strings.Repeat("fn main() {\n    let a = \"x\"; // y\n    println!(\"{a:?} {}\", 1 + 2);\n}\n", 20)
	b.SetBytes(int64(len(code)))
	for b.Loop() {
		if _, err := New().Highlight(b.Context(), only("rust", code)); err != nil {
			b.Fatal(err)
		}
	}
}

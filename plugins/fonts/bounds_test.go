package fonts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// numbered repeats a format with the numbers from 0.
func numbered(format string, n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(strings.ReplaceAll(format, "%d", fmt.Sprint(i)))
	}
	return all.String()
}

func TestSelectorsThatMultiplyMayMatchAnything(t *testing.T) {
	deep := strings.Repeat
	for name, css := range map[string]string{
		"lists in lists":   deep("a,b{", 100) + "p,q{font-family:F}" + deep("}", 100),
		"parents in parts": "p{" + deep("&&{", 100) + "font-family:F" + deep("}", 101),
		"one of a length":  "p{font-family:X} p" + deep(":not(.a)", 10_000) + "{font-family:F}",
	} {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, analyse(t, css, "<p>AB</p>").Characters["F"], "AB", "a glyph too many is better than one too few")
		})
	}
}

func TestBlocksDeeperThanTheBoundAreNotRead(t *testing.T) {
	deep := strings.Repeat
	css := deep("@media x{", 1_000_000) + "p{font-family:Deep}" + deep("}", 1_000_000) + "p{font-family:F}"
	got := analyse(t, css, "<p>AB</p>").Characters
	assert.Equal(t, " AB", got["F"], "what comes after is read")
	assert.NotContains(t, got, "Deep")
	assert.Contains(t, analyse(t, deep("@media x{", 120)+"p{font-family:F}"+deep("}", 120), "<p>AB</p>").Characters, "F")
}

// The letters that styles add are a set: repeated rules do not make it grow.
func TestLettersThatStylesAddAreKeptOnce(t *testing.T) {
	s := newStyle()
	s.read(strings.Repeat("p{hyphens:auto;quotes:'a' 'b';list-style:lower-roman}", 50_000), 0)
	assert.Len(t, s.added, len("-\u2010")-2+len("ab")+len("ivxlcdm"))
	got := analyse(t, "p{font-family:F} q{quotes:'x'} ul{text-overflow:ellipsis}", "<p>AB</p>").Characters
	assert.Equal(t, " ABx…", got["F"])
}

func TestValuesOfAVariableAreBounded(t *testing.T) {
	s := newStyle()
	s.read(numbered("p{--x:f%d}", 50_000), 0)
	assert.Len(t, s.variables["--x"], mostChoices+1)
	s.variables["--y"] = []string{strings.Repeat("a", mostBytes)}
	assert.Empty(t, s.resolve("var(--y) var(--y)", 0))
}

func TestPageThatIsTooDeepShowsAllItHasInEveryFont(t *testing.T) {
	css := `@font-face{font-family:F;src:url(/f)} p::before{content:"\2192"} p{font-family:F}`
	got := analyse(t, css, strings.Repeat("<div>", 100_000)+"<p title=T>X&eacute;").Characters["F"]
	for _, r := range "XéT→•1“▸" {
		assert.Contains(t, got, string(r))
	}
}

// BenchmarkFlood shows the time for n and 2n.
func BenchmarkFlood(b *testing.B) {
	for name, css := range map[string]func(n int) string{
		"faces":     func(n int) string { return numbered("@font-face{font-family:a%d;src:url(/a)}", n) },
		"variables": func(n int) string { return numbered("a{--x:%d}", n) },
		"letters":   func(n int) string { return strings.Repeat("a{hyphens:auto}", n) },
	} {
		for _, n := range []int{10_000, 20_000} {
			flood(b, name, n, css(n), "<p>a")
		}
	}
	for name, page := range map[string]func(n int) string{
		"syllables": func(n int) string { return strings.Repeat("한글", n) },
		"texts":     func(n int) string { return strings.Repeat("a</x>", n) },
		"elements":  func(n int) string { return strings.Repeat("<i>a</i>", n) },
	} {
		for _, n := range []int{10_000, 20_000} {
			flood(b, name, n, "i{font-family:F}p i{font-family:F}", page(n))
		}
	}
}

func flood(b *testing.B, name string, n int, css, page string) {
	b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
		for b.Loop() {
			analyse(b, css, page)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
	})
}

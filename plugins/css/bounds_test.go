package css

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// numbered repeats a format with the numbers from 0.
func numbered(format string, n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, format, i)
	}
	return all.String()
}

func TestSheetNestedTooDeepIsRefusedWithItsPlace(t *testing.T) {
	deep := strings.Repeat
	for sheet, at := range map[string]string{
		"p{}\n" + deep("a{", 100_000) + deep("}", 100_000): "2:258: ",
		deep("a,b{", 200) + deep("}", 200):                 "1:516: ",
		"a{b:" + deep("calc(", 200) + deep(")", 200) + "}": "1:640: ",
		"a{b:" + deep("[", 200) + deep("]", 200) + "}":     "1:132: ",
		deep(":not(", 200) + "a" + deep(")", 200) + "{}":   "1:642: ",
	} {
		_, err := call(t, sheet, true)
		assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
		assert.Equal(t, "css/style.css:"+at+"blocks and brackets are nested more than 128 deep", status.Convert(err).Message())
	}
	_, err := call(t, deep("a{", 128)+deep("}", 128), true)
	assert.NoError(t, err)
}

// The minified sheet shows whether esbuild compared the rules.
func TestRulesOfALargeSheetAreNotComparedWithOneAnother(t *testing.T) {
	twice := "a{color:red}\na{color:red}\n"
	small, err := call(t, twice, true)
	require.NoError(t, err)
	assert.Equal(t, "a{color:red}", small)
	large, err := call(t, numbered(".a%d { color: red }\n", maxCompared)+twice, true)
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(large, "}a{color:red}a{color:red}"), large[len(large)-50:])
	assert.NotContains(t, large, "\n", "its blanks go all the same")
}

// A list of 300,000 took minutes, and the build ended with the plugin's time.
func TestSelectorsOfALongListAreNotComparedWithOneAnother(t *testing.T) {
	const twice = "b,b{c:d}"
	for sheet, want := range map[string]string{
		numbered(".a%d, ", maxCompared) + twice:                  "b,b{c:d}",
		numbered(".a%d, ", maxCompared/2) + twice:                "b{c:d}",
		":is(" + numbered(".a%d, ", maxCompared) + "p)," + twice: "b,b{c:d}",
		// Commas in values are none of lists.
		"p{q:" + strings.Repeat("1,", maxCompared) + "1;r:s}@layer " + numbered("a%d,", maxCompared) + "z;" + twice: "b{c:d}",
	} {
		got, err := call(t, sheet, true)
		require.NoError(t, err)
		assert.True(t, strings.HasSuffix(got, want), "%.20s: %s", sheet, got[len(got)-50:])
		assert.Equal(t, strings.Contains(want, "b,b"), strings.HasSuffix(got, "b,b{c:d}"), "%.20s", sheet)
	}
}

func TestMillionRulesStayAsTheyAreWritten(t *testing.T) {
	sheet := strings.Repeat("a { b: url(/img/a.png) }\n", 1_000_000)
	got, err := call(t, sheet, true)
	require.NoError(t, err)
	assert.Len(t, got, len(sheet)+1_000_000*len(".0c"))
}

// BenchmarkFlood shows the time for n and 2n.
func BenchmarkFlood(b *testing.B) {
	for name, sheet := range map[string]func(n int) string{
		"rules":     func(n int) string { return numbered(".a%d{color:red}\n", n) },
		"keyframes": func(n int) string { return numbered("@keyframes a%d{from{top:0}}\n", n) },
		"urls":      func(n int) string { return "a{b:" + strings.Repeat("url(/img/a.png) ", n) + "}" },
		"equals":    func(n int) string { return strings.Repeat("a,", n) + "b{c:d}" },
		"selectors": func(n int) string { return numbered(".a%d,", n) + "b{c:d}" },
		"of is":     func(n int) string { return ":is(" + numbered(".a%d,", n) + "b){c:d}" },
	} {
		for _, n := range []int{maxCompared + 1, 2 * maxCompared} {
			text := sheet(n)
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					made, err := rewrite(text, renamed, "/")
					if err == nil {
						_, err = minify(made.sheet, made.selectors <= maxCompared)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
			})
		}
	}
}

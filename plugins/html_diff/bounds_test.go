package html_diff

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	pb "ddc/plugins/html_diff/html_diffpb"
)

// numbered repeats a format with the numbers from 0.
func numbered(format string, n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, format, i)
	}
	return all.String()
}

func TestManyAttributesAreComparedByName(t *testing.T) {
	const n = 50_000
	response, err := New().Diff(t.Context(), &pb.DiffRequest{
		OldHtml: "<a " + numbered("a%d=1 ", n) + "old>", NewHtml: "<a new " + numbered("a%d=1 ", n-1) + fmt.Sprintf("a%d=2>", n-1),
	})
	require.NoError(t, err)
	var names []string
	for _, p := range response.Patches {
		names = append(names, p.Name)
	}
	assert.ElementsMatch(t, []string{"old", "new", "a49999"}, names)
}

func TestPageThatIsTooDeepToCompareIsReplaced(t *testing.T) {
	deep := strings.Repeat("<div>", 100_000)
	for _, c := range [][2]string{{"<p>a", deep}, {deep, "<p>a"}, {deep, deep + "b"}} {
		response, err := New().Diff(t.Context(), &pb.DiffRequest{OldHtml: c[0], NewHtml: c[1]})
		require.NoError(t, err)
		require.Len(t, response.Patches, 1)
		assert.Equal(t, pb.Patch_OPERATION_REPLACE, response.Patches[0].Operation)
		assert.Equal(t, c[1], response.Patches[0].Html)
	}
}

// The trees of such pages would take gigabytes.
func TestPageThatMultipliesIsReplaced(t *testing.T) {
	many := numbered("<b a=%d>", 400) + strings.Repeat("<p>x", 50_000)
	for _, c := range [][2]string{{"<p>a", many}, {many, "<p>a"}} {
		response, err := New().Diff(t.Context(), &pb.DiffRequest{OldHtml: c[0], NewHtml: c[1]})
		require.NoError(t, err)
		require.Len(t, response.Patches, 1)
		assert.Equal(t, pb.Patch_OPERATION_REPLACE, response.Patches[0].Operation)
		assert.Equal(t, c[1], response.Patches[0].Html)
	}
}

// BenchmarkFlood shows the time for n and 2n.
func BenchmarkFlood(b *testing.B) {
	for name, page := range map[string]func(n int, text string) string{
		"attributes": func(n int, text string) string { return "<a " + numbered("a%d="+text+" ", n) + ">" },
		"list":       func(n int, text string) string { return numbered("<p>"+text+"%d</p>", n) },
		"same":       func(n int, text string) string { return strings.Repeat("<p>"+text+"</p>", n) },
	} {
		for _, n := range []int{5000, 10_000} {
			request := &pb.DiffRequest{OldHtml: page(n, "a"), NewHtml: page(n, "b")}
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := New().Diff(b.Context(), request); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
			})
		}
	}
}

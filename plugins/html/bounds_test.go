package html

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/plugins/html/htmlpb"
)

func TestOfManyAttributesTheFirstOfANameCounts(t *testing.T) {
	var tag strings.Builder
	tag.WriteString("<a href=/first ")
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&tag, "a%d=%d ", i, i)
	}
	tag.WriteString("href=/second a7=x>")
	source := tag.String()
	a := scanAttributes(source, 0, len(source))
	assert.Len(t, a.list, n+1)
	assert.Equal(t, "/first", a.value("href"))
	assert.Equal(t, "7", a.value("a7"))
}

// BenchmarkFlood shows the time for n and 2n.
func BenchmarkFlood(b *testing.B) {
	for name, page := range map[string]func(n int) string{
		"attributes": func(n int) string {
			var tag strings.Builder
			for i := range n {
				fmt.Fprintf(&tag, "a%d=b ", i)
			}
			return "<a " + tag.String() + ">"
		},
		"depth":  func(n int) string { return strings.Repeat("<div>", n) },
		"images": func(n int) string { return strings.Repeat("<img src=/a>", n) },
		"srcset": func(n int) string { return `<img srcset="` + strings.Repeat("/a 1x,", n) + `">` },
		"tags":   func(n int) string { return strings.Repeat("<", n) },
	} {
		for _, n := range []int{20_000, 40_000} {
			source := page(n)
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					_, _ = New().Inspect(b.Context(), &htmlpb.InspectRequest{Html: source})
					_, _ = New().Rewrite(b.Context(), &htmlpb.RewriteRequest{Html: source, Urls: map[string]string{"/a": "/b"}})
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
			})
		}
	}
}

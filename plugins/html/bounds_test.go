package html

import (
	"fmt"
	"strings"
	"testing"

	"ddc/plugins/html/htmlpb"
)

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

package svgo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugins/svgo/svgopb"
)

func TestDrawingThatIsTooDeepOrGrowsIsRefusedWithItsPlace(t *testing.T) {
	deep := strings.Repeat
	for name, c := range map[string]struct{ source, says string }{
		"groups":     {open + "\n" + deep("<g>", 100_000) + deep("</g>", 100_000) + "</svg>", "2:766: elements are nested more than 256 deep"},
		"texts":      {open + "<text>" + deep("<tspan>", 100_000), "elements are nested more than 256 deep"},
		"entities":   {`<!DOCTYPE svg [<!ENTITY a "` + deep("b", 100_000) + `">]>` + "\n" + open + "<desc>" + deep("&a;", 100_000) + "</desc></svg>", "1:1: entities make more than 10 times as much of the file"},
		"attributes": {`<!DOCTYPE svg [<!ENTITY a "` + deep("b", 100_000) + `">]>` + "\n" + open + deep(`<g id="&a;"/>`, 1000) + "</svg>", "entities make more than 10 times as much of the file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New().Optimise(t.Context(), &svgopb.OptimiseRequest{Path: "a.svg", Svg: c.source})
			assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
			assert.Contains(t, status.Convert(err).Message(), c.says)
			assert.Regexp(t, `^a\.svg:\d+:\d+: `, status.Convert(err).Message())
		})
	}
	optimised(t, open+deep("<g>", 255)+deep("</g>", 255)+"</svg>")
}

func TestManyElementsAreOptimised(t *testing.T) {
	const n = 200_000
	small := optimised(t, open+strings.Repeat("<g id=\"a\" />\n", n)+"</svg>")
	assert.Len(t, small, len(open)+n*len(`<g id="a"/>`)+len("</svg>"))
}

// BenchmarkFlood shows the time for n and 2n.
func BenchmarkFlood(b *testing.B) {
	for name, content := range map[string]func(n int) string{
		"elements":   func(n int) string { return strings.Repeat(`<g id="a"/>`, n) },
		"path":       func(n int) string { return `<path d="M0 0` + strings.Repeat("l1 1", n) + `"/>` },
		"transforms": func(n int) string { return `<g transform="` + strings.Repeat("rotate(1) ", n) + `"/>` },
		"styles":     func(n int) string { return "<style>" + strings.Repeat("a{b:c}", n) + "</style>" },
	} {
		for _, n := range []int{20_000, 40_000} {
			source := open + content(n) + "</svg>"
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := New().Optimise(b.Context(), &svgopb.OptimiseRequest{Path: "a.svg", Svg: source}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
			})
		}
	}
}

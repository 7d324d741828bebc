package verdict

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"ddc/conformance/bench"
)

// benchPlot draws the round trips of each strategy from the median to the 99th
// percentile, on a logarithmic axis.
func benchPlot(rows []bench.Row) template.HTML {
	const left, width, row, top = 110, 520, 22, 28
	kinds := []struct {
		name string
		of   func(bench.Row) bench.RoundTrip
	}{
		{"parked", func(r bench.Row) bench.RoundTrip { return r.Parked }},
		{"spinning", func(r bench.Row) bench.RoundTrip { return r.Spinning }},
		{"busy", func(r bench.Row) bench.RoundTrip { return r.Busy }},
	}
	low, high := math.Inf(1), 1.0
	for _, r := range rows {
		for _, k := range kinds {
			t := k.of(r)
			low, high = math.Min(low, float64(t.P50)), math.Max(high, float64(t.P99))
		}
	}
	// A distribution that was not measured is 0, which a logarithmic axis
	// cannot show.
	first, last := math.Floor(math.Log10(max(low, 1))), math.Ceil(math.Log10(high))
	x := func(d time.Duration) float64 {
		return left + width*(math.Log10(float64(max(d, 1)))-first)/math.Max(last-first, 1)
	}
	var b strings.Builder
	height := top + row*len(rows)*len(kinds) + 20
	fmt.Fprintf(&b, `<figure><svg viewBox="0 0 %d %d" width="%d" role="img" aria-label="round trips by strategy">`, left+width+40, height, left+width+40)
	for e := first; e <= last; e++ {
		d := time.Duration(math.Pow10(int(e)))
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="soft" text-anchor="middle" x="%.1f" y="14">%v</text>`, x(d), x(d), top-8, height-14, x(d), d)
	}
	y := top
	for _, k := range kinds {
		for _, r := range rows {
			t := k.of(r)
			fmt.Fprintf(&b, `<text text-anchor="end" x="%d" y="%d">%s</text><rect class="bar" x="%.1f" y="%d" width="%.1f" height="8" rx="4"><title>%s, %s: median %v, 99th percentile %v</title></rect>`,
				left-8, y+9, template.HTMLEscapeString(r.Strategy), x(t.P50), y, math.Max(x(t.P99)-x(t.P50), 3), template.HTMLEscapeString(r.Strategy), k.name, t.P50, t.P99)
			y += row - 6
		}
		fmt.Fprintf(&b, `<text class="soft" x="%d" y="%d">%s</text>`, left+width-40, y-row*len(rows)+row+14, k.name)
		y += 18
	}
	b.WriteString(`</svg><figcaption>Round trip of one descriptor: median to 99th percentile.</figcaption></figure>`)
	return template.HTML(b.String())
}

package matrix

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// OnsetPlot shows at which call each cell that ended badly did so, on a
// logarithmic axis: a row for each fault, a mark for each strategy.
func (r *Report) OnsetPlot() template.HTML {
	const left, width, row, top = 210, 560, 18, 30
	var names []string
	most := 10
	for _, name := range r.Faults() {
		bad := false
		for _, s := range r.Columns() {
			if c := r.Cell(name, s); c != nil && c.Verdict != Immune {
				bad = true
				most = max(most, c.Answered+1)
			}
		}
		if bad {
			names = append(names, name)
		}
	}
	decades := math.Ceil(math.Log10(float64(most)))
	x := func(calls int) float64 { return left + width*math.Log10(float64(max(calls, 1)))/decades }
	var b strings.Builder
	height := top + row*len(names) + 30
	fmt.Fprintf(&b, `<figure><svg viewBox="0 0 %d %d" width="%d" role="img" aria-label="number of the call at which each fault showed">`, left+width+40, height, left+width+40)
	for d := range int(decades) + 1 {
		calls := int(math.Pow10(d))
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="soft" text-anchor="middle" x="%.1f" y="16">call %d</text>`,
			x(calls), x(calls), top-8, height-24, x(calls), calls)
	}
	for i, name := range names {
		y := top + row*i + row/2
		fmt.Fprintf(&b, `<text text-anchor="end" x="%d" y="%d">%s</text>`, left-12, y+4, template.HTMLEscapeString(name))
		for _, s := range r.Columns() {
			if c := r.Cell(name, s); c != nil && c.Verdict != Immune {
				fmt.Fprintf(&b, `<circle class="%s" cx="%.1f" cy="%d" r="5" fill-opacity=".75"><title>%s on %s: %s at call %d</title></circle>`,
					c.Class(), x(c.Answered+1), y, template.HTMLEscapeString(name), template.HTMLEscapeString(s), c.Verdict, c.Answered+1)
			}
		}
	}
	b.WriteString(`</svg><figcaption>One mark for each strategy. Faults that need luck have their windows made wide, so they show early; a fault that counts shows where it counts to.</figcaption></figure>`)
	return template.HTML(b.String())
}

// LatencyPlot shows the calls of slow cells beside those of their controls. It
// is empty if no cell is slow.
func (r *Report) LatencyPlot() template.HTML {
	var b strings.Builder
	for i := range r.Cells {
		c := &r.Cells[i]
		control := r.Cell(NoFault, c.Strategy)
		if c.Verdict != Slow || control == nil {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("<p>Share of calls by how long they took, without the fault (green) and with it:</p>")
		}
		b.WriteString(histogram(fmt.Sprintf("%s on %s", c.Fault, c.Strategy), c.total(), control.total()))
	}
	return template.HTML(b.String())
}

// total adds up the buckets of all stages up to that in which c ended.
func (c *Cell) total() []int {
	var sum []int
	for _, l := range c.Latency {
		for b, n := range l.Buckets {
			for len(sum) <= b {
				sum = append(sum, 0)
			}
			sum[b] += n
		}
	}
	return sum
}

// histogram draws two distributions of calls over time, as shares.
func histogram(title string, with, without []int) string {
	const left, bar, high, top = 10, 16, 80, 24
	n := max(len(with), len(without))
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="small"><svg viewBox="0 0 %d %d" width="%d" role="img" aria-label="latency of calls, %s">`, left+n*bar+40, top+high+30, left+n*bar+40, template.HTMLEscapeString(title))
	fmt.Fprintf(&b, `<text x="%d" y="14">%s</text>`, left, template.HTMLEscapeString(title))
	for k, series := range [][]int{without, with} {
		all := 0
		for _, calls := range series {
			all += calls
		}
		for i, calls := range series {
			if calls == 0 {
				continue
			}
			h := math.Max(2, high*float64(calls)/float64(all))
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%.1f" width="%d" height="%.1f"><title>%d of %d calls under %v</title></rect>`,
				[]string{"immune", "slow"}[k], left+i*bar+k*bar/2, top+high-h, bar/2-1, h, calls, all, bucketEnd(i))
		}
	}
	for i := 0; i < n; i += 5 {
		fmt.Fprintf(&b, `<text class="soft" x="%d" y="%d">%v</text>`, left+i*bar, top+high+16, bucketEnd(i))
	}
	b.WriteString(`</svg></figure>`)
	return b.String()
}

// bucketEnd is the upper bound of a bucket, in two digits.
func bucketEnd(i int) time.Duration {
	d := time.Microsecond << i
	switch {
	case d >= time.Second:
		return d.Round(time.Second)
	case d >= time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d
}

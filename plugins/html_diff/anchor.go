package html_diff

import (
	"sort"

	"golang.org/x/net/html"
)

// anchored aligns lists that are too long for a table. Children that occur once
// on both sides, and keep their order, are anchors. The lists between two
// anchors are mostly short enough for a table; if not, they are paired by
// position.
func (d *differ) anchored(from, to []*html.Node) []pair {
	var pairs []pair
	i, j := 0, 0
	between := func(endFrom, endTo int) {
		gapFrom, gapTo := from[i:endFrom], to[j:endTo]
		if fits(gapFrom, gapTo) {
			pairs = append(pairs, d.heaviest(gapFrom, gapTo)...)
		} else {
			pairs = append(pairs, d.byPosition(gapFrom, gapTo)...)
		}
	}
	for _, a := range ascending(d.uniquePlaces(from, to)) {
		between(a.from, a.to)
		pairs = append(pairs, pair{from: from[a.from], to: to[a.to]})
		i, j = a.from+1, a.to+1
	}
	between(len(from), len(to))
	return pairs
}

// standing is where one subtree stands in the old list and in the new.
type standing struct{ from, to int }

// uniquePlaces are in the order of the new list.
func (d *differ) uniquePlaces(from, to []*html.Node) []standing {
	old, fresh := map[digest][]int{}, map[digest]int{}
	for i, n := range from {
		old[d.digests[n]] = append(old[d.digests[n]], i)
	}
	for _, n := range to {
		fresh[d.digests[n]]++
	}
	var places []standing
	for j, n := range to {
		if at := old[d.digests[n]]; len(at) == 1 && fresh[d.digests[n]] == 1 {
			places = append(places, standing{at[0], j})
		}
	}
	return places
}

// ascending is the longest run of places that also stand in order in the old
// list: patience sorting, where ends[k] is the place that ends the run of k+1
// places with the smallest old index.
func ascending(places []standing) []standing {
	var ends []int
	before := make([]int, len(places))
	for p := range places {
		k := sort.Search(len(ends), func(k int) bool { return places[ends[k]].from >= places[p].from })
		before[p] = -1
		if k > 0 {
			before[p] = ends[k-1]
		}
		if k == len(ends) {
			ends = append(ends, p)
		} else {
			ends[k] = p
		}
	}
	if len(ends) == 0 {
		return nil
	}
	run := make([]standing, len(ends))
	for k, p := len(ends)-1, ends[len(ends)-1]; k >= 0; k, p = k-1, before[p] {
		run[k] = places[p]
	}
	return run
}

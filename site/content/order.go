package content

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Instant is when a date was: the beginning of a day, and in UTC, unless it
// says otherwise. The zero time is that of what is no date.
func Instant(date string) time.Time {
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, date); err == nil {
			return t
		}
	}
	return time.Time{}
}

// Newest sorts nodes by date, the newest first. Those without a date come last.
func Newest(nodes []*Node) { order(nodes, "date") }

// order sorts nodes. sortBy is a page's way, or "" for weight, then title.
// Those that are alike are sorted by title, and at last by address.
func order(nodes []*Node, sortBy string) {
	newer := func(date func(*Node) string) func(a, b *Node) int {
		return func(a, b *Node) int { return Instant(date(b)).Compare(Instant(date(a))) }
	}
	first := map[string]func(a, b *Node) int{
		"":            func(a, b *Node) int { return cmp.Compare(a.Weight, b.Weight) },
		"weight":      func(a, b *Node) int { return cmp.Compare(a.Weight, b.Weight) },
		"date":        newer(func(n *Node) string { return n.Date }),
		"update_date": newer(func(n *Node) string { return cmp.Or(n.Updated, n.Date) }),
		"slug":        func(a, b *Node) int { return strings.Compare(a.Route, b.Route) },
		"none":        func(a, b *Node) int { return strings.Compare(a.Path, b.Path) },
	}[sortBy]
	slices.SortFunc(nodes, func(a, b *Node) int {
		by := 0
		if first != nil {
			by = first(a, b)
		}
		return cmp.Or(by, strings.Compare(a.Title, b.Title), strings.Compare(a.Route, b.Route))
	})
}

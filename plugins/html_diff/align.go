package html_diff

import "golang.org/x/net/html"

// maxCells bounds the table of one alignment: 2^20 cells are 4 MB and some 20
// ms.
const maxCells = 1 << 20

func fits(from, to []*html.Node) bool { return (len(from)+1)*(len(to)+1) <= maxCells }

// pair is an old and a new child. They are versions of one another; or, if
// apart is set, the new one just takes the old one's place. If one of them is
// nil, the other was inserted or removed.
type pair struct {
	from, to *html.Node
	apart    bool
}

// align pairs children in order, so that the total weight of the pairs is the
// greatest possible.
func (d *differ) align(from, to []*html.Node) []pair {
	var head, tail []pair
	for len(from) > 0 && len(to) > 0 && d.same(from[0], to[0]) {
		head = append(head, pair{from: from[0], to: to[0]})
		from, to = from[1:], to[1:]
	}
	for len(from) > 0 && len(to) > 0 && d.same(from[len(from)-1], to[len(to)-1]) {
		tail = append(tail, pair{from: from[len(from)-1], to: to[len(to)-1]})
		from, to = from[:len(from)-1], to[:len(to)-1]
	}
	if fits(from, to) {
		head = append(head, d.heaviest(from, to)...)
	} else {
		head = append(head, d.anchored(from, to)...)
	}
	for i := len(tail) - 1; i >= 0; i-- {
		head = append(head, tail[i])
	}
	return replacements(head)
}

// replacements joins nodes that were removed and nodes that were inserted
// between two pairs: the new ones take the old ones' places.
func replacements(pairs []pair) []pair {
	var out []pair
	var removed, inserted []*html.Node
	flush := func() {
		both := min(len(removed), len(inserted))
		for i := range both {
			out = append(out, pair{removed[i], inserted[i], true})
		}
		out = append(out, leftOver(removed[both:], inserted[both:])...)
		removed, inserted = nil, nil
	}
	for _, p := range pairs {
		switch {
		case p.to == nil:
			removed = append(removed, p.from)
		case p.from == nil:
			inserted = append(inserted, p.to)
		default:
			flush()
			out = append(out, p)
		}
	}
	flush()
	return out
}

// heaviest is the classic table of longest common subsequences, with weights in
// place of ones.
func (d *differ) heaviest(from, to []*html.Node) []pair {
	width := len(to) + 1
	best := make([]int32, (len(from)+1)*width)
	for i := len(from) - 1; i >= 0; i-- {
		for j := len(to) - 1; j >= 0; j-- {
			weight := max(best[(i+1)*width+j], best[i*width+j+1])
			if w := d.weight(from[i], to[j]); w > 0 {
				weight = max(weight, w+best[(i+1)*width+j+1])
			}
			best[i*width+j] = weight
		}
	}
	var pairs []pair
	i, j := 0, 0
	for i < len(from) && j < len(to) {
		here := best[i*width+j]
		w := d.weight(from[i], to[j])
		switch {
		case w > 0 && here == w+best[(i+1)*width+j+1]:
			pairs = append(pairs, pair{from: from[i], to: to[j]})
			i, j = i+1, j+1
		case here == best[(i+1)*width+j]:
			pairs = append(pairs, pair{from: from[i]})
			i++
		default:
			pairs = append(pairs, pair{to: to[j]})
			j++
		}
	}
	return append(pairs, leftOver(from[i:], to[j:])...)
}

// byPosition pairs children by position, and gives up on finding what moved.
func (d *differ) byPosition(from, to []*html.Node) []pair {
	var pairs []pair
	both := min(len(from), len(to))
	for i := range both {
		if d.weight(from[i], to[i]) > 0 {
			pairs = append(pairs, pair{from: from[i], to: to[i]})
		} else {
			pairs = append(pairs, pair{from: from[i]}, pair{to: to[i]})
		}
	}
	return append(pairs, leftOver(from[both:], to[both:])...)
}

func leftOver(from, to []*html.Node) []pair {
	var pairs []pair
	for _, n := range from {
		pairs = append(pairs, pair{from: n})
	}
	for _, n := range to {
		pairs = append(pairs, pair{to: n})
	}
	return pairs
}

// weight is what keeping a pair is worth: 0 if one cannot become the other.
// Equal nodes are worth their size, so that a large section that stayed
// outweighs the blanks around it. An id outweighs a tag.
func (d *differ) weight(a, b *html.Node) int32 {
	if d.same(a, b) {
		return 4 + 2*int32(min(d.digests[a].size, 1000))
	}
	if a.Type != b.Type {
		return 0
	}
	switch a.Type {
	case html.TextNode:
		return 1
	case html.ElementNode:
		if a.Data != b.Data || a.Namespace != b.Namespace || d.ids[a] != d.ids[b] {
			return 0
		}
		if d.ids[a].given {
			return 8
		}
		return 2
	}
	return 0
}

// same says whether two subtrees have the same digest. The diff finds out
// whether they are really equal.
func (d *differ) same(a, b *html.Node) bool { return d.digests[a] == d.digests[b] }

package verdict

import (
	"fmt"
	"slices"
	"strings"

	"ddc/internal/fault"
)

// tree is the next observation, and what to do after each answer.
type tree struct {
	ask      fault.ObservationEntry
	branches []branch
}

// branch is what is left after one answer.
type branch struct {
	value string
	left  []*Cause
	// next is nil if no observation tells the remaining causes apart.
	next *tree
}

const (
	// treeDepth bounds how many observations follow each other.
	treeDepth = 4
	// worthwhile is how much more doubt a more expensive observation must
	// remove to come before a cheaper one.
	worthwhile = 0.1
)

// grow finds the observation that splits the causes best, with more weight for
// the likelier ones. It goes on with the causes that each answer leaves, at
// most depth times. It is nil if no observation splits them. The observations
// in made have been made already.
func grow(left []*Cause, made []fault.Observation, depth int) *tree {
	if len(left) < 2 || depth == 0 {
		return nil
	}
	var best *tree
	least := 1.0
	for _, o := range fault.Observations() {
		if slices.Contains(made, o.Name) || byReading(o.Name) {
			continue
		}
		t, rest := split(left, o)
		if len(t.branches) > 1 && (best == nil && rest < 1 || rest < least-worthwhile) {
			best, least = t, rest
		}
	}
	if best == nil {
		return nil
	}
	for i := range best.branches {
		b := &best.branches[i]
		b.next = grow(b.left, append(slices.Clone(made), best.ask.Name), depth-1)
	}
	return best
}

// byReading says that an observation is made by reading the history, not by
// looking at the hang.
func byReading(o fault.Observation) bool { return o == fault.MendedBy || o == fault.Answered }

// split says which causes each answer leaves, and which share of the doubt
// remains: 1 is all, 0 none.
func split(left []*Cause, o fault.ObservationEntry) (t *tree, rest float64) {
	t = &tree{ask: o}
	weigh := func(rank int) float64 { return 1 / float64(rank+1) }
	total, doubt, whole := 0.0, 0.0, 0.0
	for rank := range left {
		whole += weigh(rank)
	}
	for _, value := range o.Values {
		b := branch{value: value}
		sum, squares := 0.0, 0.0
		for rank, c := range left {
			usual := c.signs(o.Name)
			if usual == nil {
				usual = o.Values
			}
			if slices.Contains(usual, value) {
				b.left = append(b.left, c)
				w := weigh(rank) / float64(len(usual))
				sum += w
				squares += w * w
			}
		}
		if len(b.left) > 0 {
			t.branches = append(t.branches, b)
			total += sum
			doubt += sum - squares/sum // 0 where one is left
		}
	}
	all := 0.0
	for rank := range left {
		all += weigh(rank) * weigh(rank)
	}
	before := whole - all/whole
	if before == 0 || total == 0 {
		return t, 1
	}
	return t, doubt / total * whole / before
}

// String draws the tree with numbered questions.
func (t *tree) String() string {
	var b strings.Builder
	number := 1
	t.draw(&b, "", &number)
	return b.String()
}

func (t *tree) draw(b *strings.Builder, indent string, number *int) {
	fmt.Fprintf(b, "%s%d. %s\n%s   $ %s\n", indent, *number, t.ask.Question, indent, t.ask.Command)
	if t.ask.Reading != "" {
		fmt.Fprintf(b, "%s   (%s)\n", indent, t.ask.Reading)
	}
	*number++
	for _, br := range t.branches {
		if br.next == nil {
			fmt.Fprintf(b, "%s   %s: %s\n", indent, br.value, titles(br.left))
			continue
		}
		fmt.Fprintf(b, "%s   %s: %d are left\n", indent, br.value, len(br.left))
		br.next.draw(b, indent+"      ", number)
	}
}

func titles(list []*Cause) string {
	var all []string
	for _, c := range list {
		all = append(all, c.Title)
	}
	return strings.Join(all, "; or: ")
}

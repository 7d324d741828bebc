package asset

import "sort"

// Order sorts the nodes 0..n-1 of a graph of references so that each can be
// named by its content: each group comes after the groups that it refers to. A
// group of more than one node is a cycle, whose members can only be named
// together. Members are sorted, and the same graph gives the same order.
// (Tarjan's strongly connected components.)
func Order(n int, references func(int) []int) [][]int {
	o := order{references: references, index: make([]int, n), low: make([]int, n), onStack: make([]bool, n)}
	for v := range n {
		if o.index[v] == 0 {
			o.visit(v)
		}
	}
	return o.groups
}

type order struct {
	references func(int) []int
	// index is when a node was first seen, from 1. low is the earliest node on
	// the stack that it leads to.
	index, low []int
	onStack    []bool
	stack      []int
	seen       int
	groups     [][]int
}

func (o *order) visit(v int) {
	o.seen++
	o.index[v], o.low[v] = o.seen, o.seen
	o.stack = append(o.stack, v)
	o.onStack[v] = true
	for _, w := range o.references(v) {
		if o.index[w] == 0 {
			o.visit(w)
			o.low[v] = min(o.low[v], o.low[w])
		} else if o.onStack[w] {
			o.low[v] = min(o.low[v], o.index[w])
		}
	}
	if o.low[v] != o.index[v] {
		return
	}
	for at := len(o.stack) - 1; ; at-- {
		o.onStack[o.stack[at]] = false
		if o.stack[at] == v {
			group := append([]int(nil), o.stack[at:]...)
			sort.Ints(group)
			o.groups, o.stack = append(o.groups, group), o.stack[:at]
			return
		}
	}
}

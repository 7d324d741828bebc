package serve

import "container/list"

// recent is a map whose values have a bound in all. What was not used for
// longest goes first. The caller locks it.
type recent[V any] struct {
	most, size int
	sizeOf     func(V) int
	order      *list.List // of entries, the newest first
	of         map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
}

func newRecent[V any](most int, sizeOf func(V) int) *recent[V] {
	return &recent[V]{most: most, sizeOf: sizeOf, order: list.New(), of: map[string]*list.Element{}}
}

func (r *recent[V]) get(key string) (value V, ok bool) {
	e, ok := r.of[key]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(e)
	return e.Value.(entry[V]).value, true
}

func (r *recent[V]) put(key string, value V) {
	if e, ok := r.of[key]; ok {
		r.remove(e)
	}
	r.of[key] = r.order.PushFront(entry[V]{key, value})
	r.size += r.cost(key, value)
	for r.size > r.most && r.order.Len() > 1 {
		r.remove(r.order.Back())
	}
}

func (r *recent[V]) remove(e *list.Element) {
	gone := r.order.Remove(e).(entry[V])
	delete(r.of, gone.key)
	r.size -= r.cost(gone.key, gone.value)
}

// overhead is about what an entry takes besides its key and value.
const overhead = 200

func (r *recent[V]) cost(key string, value V) int { return overhead + len(key) + r.sizeOf(value) }

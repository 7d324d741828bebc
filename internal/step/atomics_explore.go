//go:build explore

package step

import (
	"sync/atomic"
)

// number is what the words hold.
type number interface {
	~int32 | ~int64 | ~uint32 | ~uint64
}

func load[T number](word any, v func() T) T {
	e := current
	if e == nil {
		return v()
	}
	e.Do(Op{Verb: "load", Object: word, Word: true})
	now := v()
	e.Acquire(word)
	e.Did(uint64(now), uint64(now))
	return now
}

// change makes one atomic change. v returns the values before and after.
func change[T number](verb string, word any, v func() (before, after T)) (before, after T) {
	e := current
	if e == nil {
		return v()
	}
	fence(e)
	e.Do(Op{Verb: verb, Object: word, Write: true, Word: true})
	before, after = v()
	if verb == "store" {
		e.Publish(word)
	} else {
		e.Acquire(word)
		e.Release(word)
	}
	e.Did(uint64(before), uint64(after))
	return before, after
}

func compareAndSwap[T number](word any, load func() T, swap func() bool, new T) bool {
	e := current
	if e == nil {
		return swap()
	}
	fence(e)
	e.Do(Op{Verb: "cas", Object: word, Write: true, Word: true})
	before := load()
	done := swap()
	e.Acquire(word)
	if !done {
		e.Did(uint64(before), uint64(before))
		return false
	}
	e.Release(word)
	e.Did(uint64(before), uint64(new))
	return true
}

// Uint32 is an atomic.Uint32 whose every operation is a step.
type Uint32 struct{ v atomic.Uint32 }

func (w *Uint32) Load() uint32 {
	if b := buffer(w); b != nil {
		return b.value
	}
	return load(w, w.v.Load)
}
func (w *Uint32) Store(new uint32) {
	change("store", w, func() (uint32, uint32) { return w.v.Swap(new), new })
}
func (w *Uint32) Swap(new uint32) uint32 {
	old, _ := change("swap", w, func() (uint32, uint32) { return w.v.Swap(new), new })
	return old
}
func (w *Uint32) Add(delta uint32) uint32 {
	_, new := change("add", w, func() (uint32, uint32) { n := w.v.Add(delta); return n - delta, n })
	return new
}
func (w *Uint32) And(mask uint32) uint32 {
	old, _ := change("and", w, func() (uint32, uint32) { old := w.v.And(mask); return old, old & mask })
	return old
}
func (w *Uint32) Or(mask uint32) uint32 {
	old, _ := change("or", w, func() (uint32, uint32) { old := w.v.Or(mask); return old, old | mask })
	return old
}
func (w *Uint32) CompareAndSwap(old, new uint32) bool {
	return compareAndSwap(w, w.v.Load, func() bool { return w.v.CompareAndSwap(old, new) }, new)
}

// Peek reads the word without a step, for the kernel's models.
func (w *Uint32) Peek() uint32 { return w.v.Load() }

// Uint64 is an atomic.Uint64 whose every operation is a step.
type Uint64 struct{ v atomic.Uint64 }

func (w *Uint64) Load() uint64 { return load(w, w.v.Load) }
func (w *Uint64) Store(new uint64) {
	change("store", w, func() (uint64, uint64) { return w.v.Swap(new), new })
}
func (w *Uint64) Swap(new uint64) uint64 {
	old, _ := change("swap", w, func() (uint64, uint64) { return w.v.Swap(new), new })
	return old
}
func (w *Uint64) Add(delta uint64) uint64 {
	_, new := change("add", w, func() (uint64, uint64) { n := w.v.Add(delta); return n - delta, n })
	return new
}
func (w *Uint64) And(mask uint64) uint64 {
	old, _ := change("and", w, func() (uint64, uint64) { old := w.v.And(mask); return old, old & mask })
	return old
}
func (w *Uint64) Or(mask uint64) uint64 {
	old, _ := change("or", w, func() (uint64, uint64) { old := w.v.Or(mask); return old, old | mask })
	return old
}
func (w *Uint64) CompareAndSwap(old, new uint64) bool {
	return compareAndSwap(w, w.v.Load, func() bool { return w.v.CompareAndSwap(old, new) }, new)
}

// Int32 is an atomic.Int32 whose every operation is a step.
type Int32 struct{ v atomic.Int32 }

func (w *Int32) Load() int32 { return load(w, w.v.Load) }
func (w *Int32) Store(new int32) {
	change("store", w, func() (int32, int32) { return w.v.Swap(new), new })
}
func (w *Int32) Add(delta int32) int32 {
	_, new := change("add", w, func() (int32, int32) { n := w.v.Add(delta); return n - delta, n })
	return new
}

// Int64 is an atomic.Int64 whose every operation is a step.
type Int64 struct{ v atomic.Int64 }

func (w *Int64) Load() int64 { return load(w, w.v.Load) }
func (w *Int64) Store(new int64) {
	change("store", w, func() (int64, int64) { return w.v.Swap(new), new })
}
func (w *Int64) Add(delta int64) int64 {
	_, new := change("add", w, func() (int64, int64) { n := w.v.Add(delta); return n - delta, n })
	return new
}
func (w *Int64) CompareAndSwap(old, new int64) bool {
	return compareAndSwap(w, w.v.Load, func() bool { return w.v.CompareAndSwap(old, new) }, new)
}

// Bool is an atomic.Bool whose every operation is a step.
type Bool struct{ v atomic.Uint32 }

func bit(is bool) uint32 {
	if is {
		return 1
	}
	return 0
}

func (w *Bool) Load() bool { return load(w, w.v.Load) == 1 }
func (w *Bool) Store(new bool) {
	change("store", w, func() (uint32, uint32) { return w.v.Swap(bit(new)), bit(new) })
}
func (w *Bool) Swap(new bool) bool {
	old, _ := change("swap", w, func() (uint32, uint32) { return w.v.Swap(bit(new)), bit(new) })
	return old == 1
}
func (w *Bool) CompareAndSwap(old, new bool) bool {
	return compareAndSwap(w, w.v.Load, func() bool { return w.v.CompareAndSwap(bit(old), bit(new)) }, bit(new))
}

// Pointer is an atomic.Pointer whose every operation is a step.
type Pointer[T any] struct{ v atomic.Pointer[T] }

func (w *Pointer[T]) Load() *T {
	e := current
	if e == nil {
		return w.v.Load()
	}
	e.Do(Op{Verb: "load", Object: w, Word: true})
	now := w.v.Load()
	e.Acquire(w)
	e.Did(set(now), set(now))
	return now
}

func (w *Pointer[T]) Store(new *T) {
	e := current
	if e == nil {
		w.v.Store(new)
		return
	}
	e.Do(Op{Verb: "store", Object: w, Write: true, Word: true})
	old := w.v.Swap(new)
	e.Publish(w)
	e.Did(set(old), set(new))
}

func (w *Pointer[T]) CompareAndSwap(old, new *T) bool {
	return compareAndSwap(w, func() uint64 { return set(w.v.Load()) },
		func() bool { return w.v.CompareAndSwap(old, new) }, set(new))
}

// set is a pointer's value for people: addresses differ from run to run.
func set[T any](p *T) uint64 {
	if p == nil {
		return 0
	}
	return 1
}

//go:build explore

package step

import (
	"slices"
	"time"
)

// store is one that waits in the store buffer of a task's processor.
type store struct {
	task  any
	word  *Uint32
	value uint32
	done  bool
}

// buffered are the stores of all processors that nobody else has seen yet.
var buffered []*store

// PlainStore stores as x86 does without a fence (total store order): the task
// itself reads what it has stored at once; others do once the store has left
// the processor's buffer, which is a step of its own, at the latest before the
// task's next fence.
func PlainStore(w *Uint32, v uint32) {
	e := current
	if e == nil {
		w.Store(v)
		return
	}
	s := &store{task: e.Task(), word: w, value: v}
	buffered = append(buffered, s)
	e.Go("store-buffer", Op{Verb: "store", Object: w, Write: true}, false, func() {
		before := w.v.Swap(v)
		e.Did(uint64(before), uint64(v))
		s.done = true
	})
}

// buffer is the running task's store to a word that others have not seen.
func buffer(w *Uint32) *store {
	if len(buffered) == 0 || current == nil {
		return nil
	}
	task := current.Task()
	for i := len(buffered) - 1; i >= 0; i-- {
		if s := buffered[i]; s.task == task && s.word == w && !s.done {
			return s
		}
	}
	return nil
}

// fence waits until all have seen what the running task has stored.
func fence(e Explorer) {
	if len(buffered) == 0 {
		return
	}
	task := e.Task()
	waits := func(s *store) bool { return s.task == task && !s.done }
	if i := slices.IndexFunc(buffered, waits); i >= 0 {
		e.Do(Op{Verb: "fence", Object: buffered[i].word, Ready: func() uint8 { return ready(!slices.ContainsFunc(buffered, waits)) }})
	}
}

// fired counts the timers that have gone off.
var fired int

// Later calls f after a while, on which nobody may rely. One timer of a
// schedule goes off: with more, those who wait for the next one would go on for
// ever.
func Later(_ time.Duration, f func()) {
	if e := current; e != nil {
		first := Op{Verb: "time passes", Object: &fired, Write: true, Rare: 1, Ready: func() uint8 { return ready(fired == 0) }}
		e.Go("timer", first, true, func() {
			fired++
			f()
		})
	}
}

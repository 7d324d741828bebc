// Package inuse frees a thing when its last user is done with it: a descriptor
// whose number the kernel gives away again, memory that is unmapped. Windows
// calls it rundown protection.
//
//	c := inuse.New(func() { unmap(memory) })
//
//	if !c.Enter() {
//		return os.ErrClosed
//	}
//	defer c.Leave()
//	...
//
//	if c.Shut() { // from here on Enter refuses
//		wakeSleepers() // those who are inside and may sleep
//		c.Leave()      // Shut counts as a use: nothing is freed before this
//	}
//
// # States
//
// One word holds the number of uses, and one bit above them:
//
//	uses            open
//	shut + uses     shut: some uses still run, or are being refused
//	2*shut + uses   freed: uses are those being refused
//
//	Enter   adds a use, and takes it back where it finds the word shut
//	Join    adds a use unless the word says freed
//	Leave   takes a use away
//	Shut    open -> shut, once; it adds a use of its own
//
// The use that brings the word to exactly shut moves it on to 2*shut, by
// compare-and-swap, and frees. An Enter that is being refused may be that use:
// hence the swap. Without it two of them could both find the word at shut, and
// free twice. No word comes back from 2*shut: only refused uses touch it.
//
// Enter and Leave are one atomic addition each. Nothing here waits. Only a
// receiver from the channel of [NewIdle] does.
package inuse

import "ddc/internal/step"

// Count counts the uses of one thing.
type Count struct {
	word step.Int64
	free func() // immutable
}

const shut = 1 << 32

// New makes a count without uses. free is called once, by the last to leave
// once Shut was called, on its goroutine.
func New(free func()) *Count { return &Count{free: free} }

// NewIdle makes a count for a thing whose owner frees it: idle is closed when
// the last use has ended.
//
//go:noinline // a step in a copy of it would be a call (TestProductionHoldsNoStep)
func NewIdle() (c *Count, idle <-chan struct{}) {
	ended := make(chan struct{})
	return New(func() {
		step.At(ended)
		close(ended)
	}), ended
}

// Enter begins a use, and says whether it may. A use within a use may be
// refused too: it is never made to wait.
func (c *Count) Enter() bool {
	if c.word.Add(1) >= shut {
		c.Leave()
		return false
	}
	return true
}

// Join begins a use also after Shut, as long as the thing is not freed: for a
// use that goes on after the one that it began in.
func (c *Count) Join() bool {
	for {
		n := c.word.Load()
		if n >= 2*shut {
			return false
		}
		// At exactly shut another use is about to free: it finds the word
		// changed, and leaves that to this one.
		if c.word.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Leave ends a use. The last one frees, if the count is shut.
func (c *Count) Leave() {
	if c.word.Add(-1) == shut && c.word.CompareAndSwap(shut, 2*shut) {
		c.free()
	}
}

// Shut refuses uses from now on. It returns true once, and then counts as a use
// itself until its caller calls Leave.
func (c *Count) Shut() bool {
	for {
		n := c.word.Load()
		if n >= shut {
			return false
		}
		if c.word.CompareAndSwap(n, n+shut+1) {
			return true
		}
	}
}

// IsShut says whether Shut was called.
func (c *Count) IsShut() bool { return c.word.Load() >= shut }

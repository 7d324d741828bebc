// Package step is the seam through which package conformance/explore runs the
// real transport one step at a time. In the ordinary build it is nothing: the
// types are those of sync and sync/atomic, and every function is empty, or
// gives back what it was given, and is inlined away
// (TestProductionHoldsNoStep). With the build tag explore, each operation on
// one of the types parks the goroutine that makes it, until the explorer lets
// it go on.
//
//	closed step.Bool                     // instead of atomic.Bool
//	step.At(l.stop); close(l.stop)       // before a channel is changed
//	step.Recv(l.done); <-l.done          // before a goroutine waits for one
//	step.Write(cell[:]); *cell = *d      // a plain access to shared memory
//
// What the seam does not see, the explorer does not check: state that
// goroutines or processes share is a type of this package, or the function that
// names it stands before the access.
package step

package shm

import "ddc/internal/step"

// Word32 and Word64 are the words through which processes speak to each other.
// Their methods are those of sync/atomic's Uint32 and Uint64: Load, Store,
// Swap, Add, And, Or and CompareAndSwap. In a build with the tag explore each
// is a step of the model checker besides.
//
// Every operation on them is sequentially consistent, on every architecture:
// the event count and the ring rest on that.
//
// There is one exception. Under the race detector a Store to memory that is not
// Go's own, as a segment's is not, is a plain store of the processor: a Load of
// another word that follows it may be done before it, and announcements get
// lost (13 of 100 pairs of them did when that was tried). So what is stored in
// order to look at another word next is stored by Swap, which is a fence
// everywhere and, in the ordinary build, the very instruction that Store is.
type (
	Word32 = step.Uint32
	Word64 = step.Uint64
)

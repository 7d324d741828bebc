package shm

import "sync/atomic"

// Word32 and Word64 are the words through which processes speak to each other.
// Every operation on them is sequentially consistent, on every architecture:
// the event count and the ring rest on that.
type (
	Word32 = atomic.Uint32
	Word64 = atomic.Uint64
)

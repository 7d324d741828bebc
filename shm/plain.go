//go:build !ddcfault

package shm

// PlainStore stores without a fence. It is here for the fault plain-store alone,
// and does nothing where there are no faults.
func PlainStore(*Word32, uint32) {}

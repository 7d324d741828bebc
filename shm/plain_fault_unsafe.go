//go:build ddcfault && !explore

package shm

import "unsafe"

// PlainStore stores without a fence: later loads may be done before it.
//
//go:noinline
func PlainStore(w *Word32, v uint32) { *(*uint32)(unsafe.Pointer(w)) = v }

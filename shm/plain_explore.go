//go:build ddcfault && explore

package shm

import "ddc/internal/step"

// PlainStore stores without a fence: later loads may be done before it.
func PlainStore(w *Word32, v uint32) { step.PlainStore(w, v) }

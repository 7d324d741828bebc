//go:build ddcfault && !explore

package broken

import "ddc/internal/fault"

// wrapped is what the fault readiness-tick-wraps keeps of a tick: a byte, and where
// its window is wide one bit, as when many a turn of the loop fell into it.
func wrapped(tick uint64) uint64 {
	if fault.Wide(fault.ReadinessTickWraps) {
		return tick & 1
	}
	return tick & 0xff
}

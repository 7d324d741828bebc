//go:build ddcfault && !explore

package broken

import "ddc/internal/fault"

// wrapped is what the fault readiness-tick-wraps keeps of a tick: a byte. With
// its window widened it keeps one bit, as if many turns of the loop fell into
// the window.
func wrapped(tick uint64) uint64 {
	if fault.Wide(fault.ReadinessTickWraps) {
		return tick & 1
	}
	return tick & 0xff
}

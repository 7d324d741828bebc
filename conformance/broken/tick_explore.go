//go:build ddcfault && explore

package broken

// wrapped is what the fault readiness-tick-wraps keeps of a tick: one bit, so that it wraps
// in schedules of a length that can be explored.
func wrapped(tick uint64) uint64 { return tick & 1 }

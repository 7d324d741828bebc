//go:build ddcfault && explore

package broken

// wrapped is what the fault readiness-tick-wraps keeps of a tick: one bit, so
// that it wraps in schedules that are short enough to explore.
func wrapped(tick uint64) uint64 { return tick & 1 }

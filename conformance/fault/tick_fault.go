//go:build ddcfault && !explore

package fault

// wrapped is what the fault readiness-tick-wraps keeps of a tick.
func wrapped(tick uint64) uint64 { return tick & 0xff }

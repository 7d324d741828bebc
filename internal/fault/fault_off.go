//go:build !ddcfault

package fault

// Enabled says whether this build has the faults.
const Enabled = false

// On says whether a fault is on: never, here.
func On(Name) bool { return false }

// Widen makes a fault's window wide where the fault is on.
func Widen(Name) {}

// Die ends a peer's process where a fault wants it dead.
func Die() {}

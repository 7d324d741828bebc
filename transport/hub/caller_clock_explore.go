//go:build explore

package hub

// stoodLong says that any caller has stood in for long, so that each is asked
// to go by whoever comes while it is there.
func stoodLong(int64) bool { return true }

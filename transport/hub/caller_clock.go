//go:build !explore

package hub

import "ddc/internal/trace"

// stoodLong says whether a caller has stood in for long, since then.
func stoodLong(since int64) bool { return trace.Now()-since > longStand.Nanoseconds() }

package await

import (
	"syscall"
	"testing"

	"ddc/internal/proc"

	"github.com/stretchr/testify/require"
)

// Freeze stops a process with SIGSTOP, and waits until none of its threads runs
// any more.
func Freeze(t testing.TB, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	Until(t, "every thread to be stopped", func() bool {
		threads, err := proc.Threads(pid)
		require.NoError(t, err)
		for _, thread := range threads {
			if s, err := proc.Thread(pid, thread); err != nil || s.State != 'T' {
				return false
			}
		}
		return len(threads) > 0
	})
}

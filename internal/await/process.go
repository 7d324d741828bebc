package await

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Freeze stops a process with SIGSTOP, and waits until none of its threads runs any more.
func Freeze(t testing.TB, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	Until(t, "every thread to be stopped", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		require.NoError(t, err)
		for _, thread := range threads {
			stat, err := os.ReadFile(thread)
			// The state follows the name, which is in parentheses and may hold anything.
			if err != nil || !bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" T")) {
				return false
			}
		}
		return len(threads) > 0
	})
}

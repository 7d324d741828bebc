package sys

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// BoundData bounds how much memory a process may have for its data, in bytes.
// More is refused to it, which it has to say itself.
func BoundData(pid int, most uint64) error {
	if err := unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most}, nil); err != nil {
		return fmt.Errorf("bound the memory of process %d: %w", pid, err)
	}
	return nil
}

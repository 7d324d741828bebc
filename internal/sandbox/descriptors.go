package sandbox

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// CloseOnExec keeps every descriptor of this process but the first three from
// being inherited, but for those that whoever starts a program passes to it. Go
// marks what it opens; what this process was started with may bear no mark.
func CloseOnExec() error {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep descriptors from being inherited: %w", err)
	}
	return nil
}

package sys

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// SetTimerSlack lets the kernel end the sleeps of this thread, those that have
// a time, so much later than they ask for. Whatever the thread starts, a
// process or a thread, begins with the same. The caller has locked the thread.
func SetTimerSlack(d time.Duration) error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(d), 0, 0, 0); err != nil {
		return fmt.Errorf("set timer slack: %w", err)
	}
	return nil
}

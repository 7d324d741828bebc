package sys

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ddc/internal/step"
)

// Futex operations of linux/futex.h. The private variants look faster and are
// wrong here: the kernel keys them by process, so a wake-up would never reach
// the other one.
const (
	futexWait = 0
	futexWake = 1
)

// FutexWait sleeps while *word is still expected, until somebody calls
// [FutexWake] on the same word, in this process or another. It may return early
// and for no reason: the caller looks again. A word that has changed already is
// no error, nor is a signal.
func FutexWait(word *step.Uint32, expected uint32) error {
	switch errno := futexSleep(word, futexWait, expected); errno {
	case 0, unix.EAGAIN, unix.EINTR:
		return nil
	default:
		return fmt.Errorf("futex wait: %w", errno)
	}
}

// FutexWake wakes up to n sleepers of word, and returns how many it woke. It
// never blocks, so it is made as a raw system call, with the processor kept.
func FutexWake(word *step.Uint32, n int) (int, error) {
	woken, errno := futexRouse(word, futexWake, n)
	if errno != 0 {
		return 0, fmt.Errorf("futex wake: %w", errno)
	}
	return woken, nil
}

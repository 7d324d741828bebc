package sys

import (
	"fmt"

	"golang.org/x/sys/unix"

	"ddc/internal/fault"
	"ddc/internal/step"
)

// Futex operations of linux/futex.h. The private variants look faster and are
// wrong here: the kernel keys them by process, so a wake-up would never reach
// the other one.
const (
	futexWait = 0
	futexWake = 1

	futexPrivate = 128 // for a fault
)

// FutexWait sleeps while *word is still expected, until somebody calls
// [FutexWake] on the same word, in this process or another. It may return early
// and for no reason: the caller looks again. A word that has changed already is
// no error, nor is a signal.
func FutexWait(word *step.Uint32, expected uint32) error {
	op := uintptr(futexWait)
	if fault.On(fault.PrivateFutex) {
		op |= futexPrivate
	}
	errno := futexSleep(word, op, expected)
	switch {
	case errno == 0, errno == unix.EAGAIN && !fault.On(fault.EAGAINIsFatal), errno == unix.EINTR && !fault.On(fault.EINTRIsFatal):
		return nil
	default:
		return fmt.Errorf("futex wait: %w", errno)
	}
}

// FutexWake wakes up to n sleepers of word, and returns how many it woke. It
// never blocks, so it is made as a raw system call, with the processor kept.
func FutexWake(word *step.Uint32, n int) (int, error) {
	op := uintptr(futexWake)
	if fault.On(fault.PrivateFutex) {
		op |= futexPrivate
	}
	woken, errno := futexRouse(word, op, n)
	if errno != 0 {
		return 0, fmt.Errorf("futex wake: %w", errno)
	}
	return woken, nil
}

//go:build !explore

package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"ddc/internal/step"
)

// The futex system calls, as they are. futex_explore.go has a model of them.

func futexSleep(word *step.Uint32, op uintptr, expected uint32) unix.Errno {
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), op, uintptr(expected), 0, 0, 0)
	return errno
}

func futexRouse(word *step.Uint32, op uintptr, n int) (int, unix.Errno) {
	woken, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), op, uintptr(n), 0, 0, 0)
	return int(woken), errno
}

package sys

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SeccompQuery asks for an action that every kernel with filters has.
func SeccompQuery() error {
	action := uint32(unix.SECCOMP_RET_ERRNO)
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action))); errno != 0 {
		return errno
	}
	return nil
}

var errThreads = errors.New("a thread of this process has a filter of its own")

// SeccompSet sets a filter, with flags as seccomp(2) has them.
func SeccompSet(p []unix.SockFilter, flags uintptr) error {
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	switch {
	case errno != 0:
		return errno
	case thread != 0:
		return errThreads
	}
	return nil
}

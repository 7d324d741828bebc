package sandbox

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls that package unix has no function for.

func landlockQuery(flag uintptr) (uint64, error) {
	value, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, flag)
	if errno != 0 {
		return 0, errno
	}
	return uint64(value), nil
}

func landlockCreate(attr *unix.LandlockRulesetAttr, version int) (int, error) {
	// A kernel refuses what it does not know, and knows fields by the size.
	size := unsafe.Offsetof(attr.Quiet_access_fs)
	switch {
	case version < 4:
		size = unsafe.Offsetof(attr.Handled_access_net)
	case version < 6:
		size = unsafe.Offsetof(attr.Scoped)
	}
	rules, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(attr)), size, 0)
	if errno != 0 {
		return -1, errno
	}
	unix.CloseOnExec(int(rules))
	return int(rules), nil
}

func landlockAllow(rules, path int, rights uint64) error {
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(path)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(rules), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func landlockRestrict(rules int) error {
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(rules), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

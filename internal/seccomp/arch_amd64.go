package seccomp

import "golang.org/x/sys/unix"

const (
	architecture = unix.AUDIT_ARCH_X86_64
	// foreignBit marks calls of the x32 interface, whose numbers are others.
	foreignBit = 0x4000_0000
)

var forks = []uint32{unix.SYS_FORK, unix.SYS_VFORK}

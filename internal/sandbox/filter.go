package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"

	"ddc/internal/seccomp"
)

// intoOthers are the calls by which one process reaches into another, or into
// the kernel's own state. No plugin and no tool has a use for them, and root,
// as whom builds in containers often run, has a right to them.
var intoOthers = [...]uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PROCESS_MADVISE,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_MOUNT_SETATTR,
	unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_FSCONFIG, unix.SYS_FSPICK, unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_FANOTIFY_INIT,
	// io_uring does what it is asked to where no filter looks.
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_SYSLOG, unix.SYS_VHANGUP,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
}

// attributes are the calls that change a file's mode, owner, times and extended
// attributes. Landlock lets them pass, for any file by its path (landlock(7)).
var attributes = slices.Concat(oldAttributes, []uint32{
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
	unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_SETXATTRAT,
	unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_REMOVEXATTRAT,
})

// namespaces are what clone makes of them. In a user namespace of its own a
// process has every capability, and so more of the kernel to try than it had.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// reachOut is the filter of a thread that starts plugins. It must let programs
// be started, but in no namespace of their own: clone3 keeps what it is asked
// for in memory, where no filter can look, and C libraries then use clone.
// Compilers and their like change the modes of what they make.
func reachOut(of Policy) seccomp.Program {
	p := seccomp.New().Deny(seccomp.Refused, intoOthers[:]...).Deny(seccomp.Unknown, unix.SYS_CLONE3).OnlyWithout(unix.SYS_CLONE, namespaces)
	if !of.Programs {
		p = p.Deny(seccomp.Refused, attributes...)
	}
	if of.Network {
		// A resolver asks netlink for the machine's addresses.
		return p.OnlyWith(unix.SYS_SOCKET, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK).End()
	}
	return p.Deny(seccomp.Refused, unix.SYS_SOCKET).End()
}

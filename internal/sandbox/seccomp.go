package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"
)

// verdict is what a filter says of a system call.
type verdict uint32

const (
	allowed = verdict(unix.SECCOMP_RET_ALLOW)
	// refused looks to the caller like a file mode or a capability that is missing.
	refused = verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	// unknown looks like an older kernel, for which every C library has another way.
	unknown = verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))
)

// Offsets into struct seccomp_data. Both architectures are little-endian, so the
// low half of an argument comes first.
const (
	atNumber       = 0
	atArchitecture = 4
	atArgument     = 16
)

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func jump(code uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: code, K: k, Jt: yes, Jf: no}
}

func load(offset uint32) unix.SockFilter {
	return statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset)
}

func answer(v verdict) unix.SockFilter { return statement(unix.BPF_RET|unix.BPF_K, uint32(v)) }

// program begins with what every filter asks first: a call by another
// architecture's numbers, which none of the rest would recognise, is refused.
type program []unix.SockFilter

func newProgram() program {
	p := program{
		load(atArchitecture),
		jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, architecture, 1, 0),
		answer(refused),
		load(atNumber),
	}
	if foreignBit != 0 {
		p = append(p, jump(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, foreignBit, 0, 1), answer(refused))
	}
	return p
}

// deny answers with v for each of the calls.
func (p program) deny(v verdict, calls ...uint32) program {
	for _, call := range calls {
		p = append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 1), answer(v))
	}
	return p
}

// onlyWith refuses call unless its first argument is one of values.
func (p program) onlyWith(call uint32, values ...uint32) program {
	// Skipped by other calls: the load, a test for each value, the refusal, the answer.
	p = append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, uint8(len(values)+3)), load(atArgument))
	for i, value := range values {
		p = append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, value, uint8(len(values)-i), 0))
	}
	return append(p, answer(refused), answer(allowed))
}

// onlyIf refuses call unless its first argument has one of bits.
func (p program) onlyIf(call, bits uint32) program {
	return append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 4), load(atArgument),
		jump(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, bits, 1, 0), answer(refused), answer(allowed))
}

// onlyWithout refuses call if its first argument has any of bits.
func (p program) onlyWithout(call, bits uint32) program {
	return append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 4), load(atArgument),
		jump(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, bits, 0, 1), answer(refused), answer(allowed))
}

func (p program) end() program { return append(p, answer(allowed)) }

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
// be started, but in no namespace of their own: clone3 keeps what it is asked for
// in memory, where no filter can look, and C libraries then use clone. Compilers
// and their like change the modes of what they make.
func reachOut(of Policy) program {
	p := newProgram().deny(refused, intoOthers[:]...).deny(unknown, unix.SYS_CLONE3).onlyWithout(unix.SYS_CLONE, namespaces)
	if !of.Programs {
		p = p.deny(refused, attributes...)
	}
	if of.Network {
		// A resolver asks netlink for the machine's addresses.
		return p.onlyWith(unix.SYS_SOCKET, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK).end()
	}
	return p.deny(refused, unix.SYS_SOCKET).end()
}

// startPrograms is the filter against programs. A thread is a clone too, so
// clone is asked for what; clone3 keeps that in memory, where no filter can look.
func startPrograms() program {
	return newProgram().deny(refused, unix.SYS_EXECVE, unix.SYS_EXECVEAT).deny(refused, forks...).
		deny(unknown, unix.SYS_CLONE3).onlyIf(unix.SYS_CLONE, unix.CLONE_THREAD).end()
}

package seccomp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Verdict is what a filter says of a system call.
type Verdict uint32

// The verdicts that filters of this program give.
const (
	// Allowed lets the call pass.
	Allowed = Verdict(unix.SECCOMP_RET_ALLOW)
	// Refused looks to the caller like a file mode or a capability that is
	// missing.
	Refused = Verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	// Unknown looks like an older kernel, for which every C library has another
	// way.
	Unknown = Verdict(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS))
)

// WithErrno refuses a call with an errno.
func WithErrno(errno syscall.Errno) Verdict {
	return Verdict(unix.SECCOMP_RET_ERRNO | uint32(errno))
}

// Offsets into struct seccomp_data. Both architectures are little-endian, so
// the low half of an argument comes first.
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

func answer(v Verdict) unix.SockFilter { return statement(unix.BPF_RET|unix.BPF_K, uint32(v)) }

// Program is a filter: what is asked of each system call. End closes it.
type Program []unix.SockFilter

// New begins with what every filter asks first: a call by another
// architecture's numbers, which none of the rest would recognise, is refused.
func New() Program {
	p := Program{
		load(atArchitecture),
		jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, architecture, 1, 0),
		answer(Refused),
		load(atNumber),
	}
	if foreignBit != 0 {
		p = append(p, jump(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, foreignBit, 0, 1), answer(Refused))
	}
	return p
}

// Deny answers with v for each of the calls.
func (p Program) Deny(v Verdict, calls ...uint32) Program {
	for _, call := range calls {
		p = append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 1), answer(v))
	}
	return p
}

// DenyIf answers with v where the call's argument of an index, from 0, is
// value.
func (p Program) DenyIf(v Verdict, call uint32, index int, value uint32) Program {
	return append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 4), load(atArgument+8*uint32(index)),
		jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, value, 0, 1), answer(v), load(atNumber))
}

// OnlyWith refuses call unless its first argument is one of values.
func (p Program) OnlyWith(call uint32, values ...uint32) Program {
	// Skipped by other calls: the load, a test for each value, the refusal, the
	// answer.
	p = append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, uint8(len(values)+3)), load(atArgument))
	for i, value := range values {
		p = append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, value, uint8(len(values)-i), 0))
	}
	return append(p, answer(Refused), answer(Allowed))
}

// OnlyIf refuses call unless its first argument has one of bits.
func (p Program) OnlyIf(call, bits uint32) Program {
	return append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 4), load(atArgument),
		jump(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, bits, 1, 0), answer(Refused), answer(Allowed))
}

// OnlyWithout refuses call if its first argument has any of bits.
func (p Program) OnlyWithout(call, bits uint32) Program {
	return append(p, jump(unix.BPF_JMP|unix.BPF_JEQ|unix.BPF_K, call, 0, 4), load(atArgument),
		jump(unix.BPF_JMP|unix.BPF_JSET|unix.BPF_K, bits, 0, 1), answer(Refused), answer(Allowed))
}

// End lets every other call pass.
func (p Program) End() Program { return append(p, answer(Allowed)) }

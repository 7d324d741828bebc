// Package seccomp holds the two layers of a sandbox that a process can put on
// itself with no help from outside: no_new_privs, and a filter of system calls.
// Package sandbox puts them, and more, on what a host starts. A plugin puts
// [NoPrograms] on itself, and needs nothing else of a sandbox's.
//
//	filter := seccomp.New().Deny(seccomp.Refused, unix.SYS_SOCKET).End()
//	held, err := seccomp.Set(filter, seccomp.ThisThread)
//
// What the kernel lacks is left out, and is no error; see package sandbox,
// whose tests are those of this package too: they apply each filter in a
// process of its own.
package seccomp

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"ddc/internal/sys"
)

// Scope says which threads of a process a filter is set on.
type Scope uintptr

const (
	// ThisThread is the one that calls, and all that it starts later.
	ThisThread Scope = 0
	// AllThreads are those of the whole process.
	AllThreads Scope = unix.SECCOMP_FILTER_FLAG_TSYNC
)

// Available is nil where the kernel has filters.
func Available() error {
	if err := sys.SeccompQuery(); err != nil {
		return fmt.Errorf("ask for filters: %w", err)
	}
	return nil
}

// Set sets a filter. It says whether the filter is in force: without an error
// it is not where the kernel has none.
func Set(p Program, scope Scope) (held bool, err error) {
	if err := Available(); err != nil {
		return false, UnlessLacking(err, unix.EINVAL, unix.EOPNOTSUPP)
	}
	if err := Impose(p, scope); err != nil {
		return false, err
	}
	return true, nil
}

// Impose is Set where the kernel is known to have filters.
func Impose(p Program, scope Scope) error {
	if err := sys.SeccompSet(p, uintptr(scope)); err != nil {
		return fmt.Errorf("set a filter: %w", err)
	}
	return nil
}

// HasNoNewPrivileges asks whether no_new_privs is in force for this thread.
func HasNoNewPrivileges() (bool, error) {
	has, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil {
		return false, fmt.Errorf("ask for no_new_privs: %w", err)
	}
	return has == 1, nil
}

// NoNewPrivileges puts it in force, for this thread and all that it starts, and
// says whether it is.
func NoNewPrivileges() (held bool, err error) {
	has, err := HasNoNewPrivileges()
	if err != nil {
		return false, UnlessLacking(err, unix.EINVAL)
	}
	if has {
		return true, nil
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return false, fmt.Errorf("set no_new_privs: %w", err)
	}
	return true, nil
}

// NoPrograms forbids the whole process, all its threads and for ever, to start
// programs or to fork. Where the kernel has no seccomp it does nothing.
func NoPrograms() error {
	var failed Failures
	_, err := NoNewPrivileges()
	failed.Add("no_new_privs", err)
	_, err = Set(StartPrograms(), AllThreads)
	failed.Add("seccomp", err)
	if failed.Err != nil {
		return fmt.Errorf("forbid programs: %w", failed.Err)
	}
	return nil
}

// StartPrograms is the filter against programs. A thread is a clone too, so
// clone is asked for what; clone3 keeps that in memory, where no filter can
// look.
func StartPrograms() Program {
	return New().Deny(Refused, unix.SYS_EXECVE, unix.SYS_EXECVEAT).Deny(Refused, forks...).
		Deny(Unknown, unix.SYS_CLONE3).OnlyIf(unix.SYS_CLONE, unix.CLONE_THREAD).End()
}

// Failures gathers what became of layers, each of which is applied whatever
// became of the others.
type Failures struct{ Err error }

// Add takes what became of a layer; nil is no failure.
func (f *Failures) Add(layer string, err error) {
	if err == nil {
		return
	}
	f.Err = Both(f.Err, fmt.Errorf("%s, which this kernel has, cannot be applied: %w", layer, err))
}

// Both joins errors in one line; the first may be nil.
func Both(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// UnlessLacking is nil where the refusal of a layer's first call means that
// this kernel or container has no such layer: the call is not there, or it is
// refused to all. Also are a layer's other ways to say so.
func UnlessLacking(err error, also ...error) error {
	if slices.ContainsFunc(append(also, unix.ENOSYS, unix.EPERM, unix.EACCES), func(lack error) bool { return errors.Is(err, lack) }) {
		return nil
	}
	return err
}

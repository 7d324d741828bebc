package sandbox

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"ddc/internal/seccomp"
)

// Call is a system call, or those calls of it that have a value for an
// argument.
type Call struct {
	Number uint32
	// Only restricts it to calls whose argument of this index, from 0, is
	// Value.
	Only  bool
	Index int
	Value uint32
}

// Refusals are the calls that a container may refuse this package, by what a
// person calls them. They are for [Refuse].
func Refusals() map[string]Call {
	prctl := func(operation uint32) Call { return Call{Number: unix.SYS_PRCTL, Only: true, Value: operation} }
	return map[string]Call{
		"prctl(PR_GET_NO_NEW_PRIVS)":          prctl(unix.PR_GET_NO_NEW_PRIVS),
		"prctl(PR_SET_NO_NEW_PRIVS)":          prctl(unix.PR_SET_NO_NEW_PRIVS),
		"prctl(PR_CAPBSET_READ)":              prctl(unix.PR_CAPBSET_READ),
		"prctl(PR_CAPBSET_DROP)":              prctl(unix.PR_CAPBSET_DROP),
		"capget":                              {Number: unix.SYS_CAPGET},
		"capset":                              {Number: unix.SYS_CAPSET},
		"landlock_create_ruleset":             {Number: unix.SYS_LANDLOCK_CREATE_RULESET},
		"landlock_create_ruleset(attributes)": {Number: unix.SYS_LANDLOCK_CREATE_RULESET, Only: true, Index: 2, Value: 0},
		"landlock_add_rule":                   {Number: unix.SYS_LANDLOCK_ADD_RULE},
		"landlock_restrict_self":              {Number: unix.SYS_LANDLOCK_RESTRICT_SELF},
		"seccomp":                             {Number: unix.SYS_SECCOMP},
		"seccomp(SET_MODE_FILTER)":            {Number: unix.SYS_SECCOMP, Only: true, Value: unix.SECCOMP_SET_MODE_FILTER},
		"seccomp(.., TSYNC)":                  {Number: unix.SYS_SECCOMP, Only: true, Index: 1, Value: uint32(seccomp.AllThreads)}, // NoPrograms
	}
}

// Refuse has the kernel refuse calls of this thread, and of all that it starts,
// with an errno, as containers do. It is for tests of what a refusal leads to,
// and is called within OnThread. A thread that may not administer the system
// gets no_new_privs with it, without which it may set no filter.
func Refuse(errno syscall.Errno, calls ...Call) error {
	if c, err := readCapabilities(); err != nil || c.effective&(1<<unix.CAP_SYS_ADMIN) == 0 {
		if _, err := seccomp.NoNewPrivileges(); err != nil {
			return fmt.Errorf("refuse calls: %w", err)
		}
	}
	p := seccomp.New()
	for _, call := range calls {
		if call.Only {
			p = p.DenyIf(seccomp.WithErrno(errno), call.Number, call.Index, call.Value)
			continue
		}
		p = p.Deny(seccomp.WithErrno(errno), call.Number)
	}
	if err := seccomp.Impose(p.End(), seccomp.ThisThread); err != nil {
		return fmt.Errorf("refuse calls: %w", err)
	}
	return nil
}

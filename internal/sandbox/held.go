package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Layers are those of a sandbox that are in force, or, from [Kernel], that could be.
type Layers struct {
	NoNewPrivileges bool `json:"no_new_privs"`
	Capabilities    bool `json:"capabilities"`
	// Landlock is the version of its interface, or 0 for none.
	Landlock int  `json:"landlock"`
	Seccomp  bool `json:"seccomp"`
}

// String is "no_new_privs, capabilities, Landlock 7, seccomp", or what there is of it.
func (l Layers) String() string {
	var names []string
	for _, layer := range []struct {
		held bool
		name string
	}{
		{l.NoNewPrivileges, "no_new_privs"}, {l.Capabilities, "capabilities"},
		{l.Landlock > 0, fmt.Sprintf("Landlock %d", l.Landlock)}, {l.Seccomp, "seccomp"},
	} {
		if layer.held {
			names = append(names, layer.name)
		}
	}
	if len(names) == 0 {
		return "no layer"
	}
	return strings.Join(names, ", ")
}

// And is what both have.
func (l Layers) And(other Layers) Layers {
	return Layers{
		l.NoNewPrivileges && other.NoNewPrivileges, l.Capabilities && other.Capabilities,
		min(l.Landlock, other.Landlock), l.Seccomp && other.Seccomp,
	}
}

// Held is what became of a policy.
type Held struct {
	Layers
	// LeftOut says which paths of the policy are not allowed, though they are there, and why.
	LeftOut []error
}

// Kernel asks the kernel what it offers. A container may have forbidden any of it.
func Kernel() Layers {
	_, noPrivileges := hasNoNewPrivileges()
	_, noCapabilities := readCapabilities()
	version, err := landlockVersion()
	if err != nil {
		version = 0
	}
	return Layers{noPrivileges == nil, noCapabilities == nil, version, seccompQuery() == nil}
}

// failures gathers what became of the layers, each of which is applied whatever
// became of the others.
type failures struct{ err error }

func (f *failures) add(layer string, err error) {
	if err == nil {
		return
	}
	f.err = both(f.err, fmt.Errorf("%s, which this kernel has, cannot be applied: %w", layer, err))
}

// both joins errors in one line; the first may be nil.
func both(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// unlessLacking is nil where the refusal of a layer's first call means that this
// kernel or container has no such layer: the call is not there, or it is refused to
// all. Also are a layer's other ways to say so.
func unlessLacking(err error, also ...error) error {
	if slices.ContainsFunc(append(also, unix.ENOSYS, unix.EPERM, unix.EACCES), func(lack error) bool { return errors.Is(err, lack) }) {
		return nil
	}
	return err
}

func hasNoNewPrivileges() (bool, error) {
	has, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil {
		return false, fmt.Errorf("ask for no_new_privs: %w", err)
	}
	return has == 1, nil
}

func noNewPrivileges() (bool, error) {
	has, err := hasNoNewPrivileges()
	if err != nil {
		return false, unlessLacking(err, unix.EINVAL)
	}
	if has {
		return true, nil
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return false, fmt.Errorf("set no_new_privs: %w", err)
	}
	return true, nil
}

func setFilter(p program, flags uintptr) (bool, error) {
	if err := seccompQuery(); err != nil {
		return false, unlessLacking(fmt.Errorf("ask for filters: %w", err), unix.EINVAL, unix.EOPNOTSUPP)
	}
	if err := seccompSet(p, flags); err != nil {
		return false, fmt.Errorf("set a filter: %w", err)
	}
	return true, nil
}

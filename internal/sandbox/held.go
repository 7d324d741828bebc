package sandbox

import (
	"fmt"
	"strings"

	"ddc/internal/seccomp"
)

// Layers are those of a sandbox that are in force, or, from [Kernel], that
// could be.
type Layers struct {
	NoNewPrivileges bool `json:"no_new_privs"`
	Capabilities    bool `json:"capabilities"`
	// Landlock is the version of its interface, or 0 for none.
	Landlock int  `json:"landlock"`
	Seccomp  bool `json:"seccomp"`
}

// String is "no_new_privs, capabilities, Landlock 7, seccomp", or what there is
// of it.
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
	// LeftOut says which paths of the policy are not allowed, though they are
	// there, and why.
	LeftOut []error
}

// Kernel asks the kernel what it offers. A container may have forbidden any of
// it.
func Kernel() Layers {
	_, noPrivileges := seccomp.HasNoNewPrivileges()
	_, noCapabilities := readCapabilities()
	version, err := landlockVersion()
	if err != nil {
		version = 0
	}
	return Layers{noPrivileges == nil, noCapabilities == nil, version, seccomp.Available() == nil}
}

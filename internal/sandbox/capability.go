package sandbox

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"ddc/internal/seccomp"
)

// kept are the capabilities that root has left: those by which it writes into
// folders of a site that belongs to somebody else. The others are not for
// building sites; one of them lets its holder read every process's memory maps
// and environment, whatever Landlock says.
const kept = 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_FOWNER

// capabilities are the sets of a thread.
type capabilities struct{ effective, permitted, inheritable uint64 }

// dropCapabilities takes the others from what this thread starts, in two ways,
// since a container may refuse either. A program that root starts has what is
// in the thread's bounding set; with no_new_privs it has no more than what the
// thread is permitted. The layer holds if nothing beyond kept is left.
func dropCapabilities(noNewPrivs bool) (bool, error) {
	before, err := readCapabilities()
	if err != nil {
		_, _ = dropBounding() // for what it is worth: what is left can't be known
		return false, seccomp.UnlessLacking(err)
	}
	bounding, err := dropBounding()
	if set := writeCapabilities(before.within(kept)); set != nil {
		err = seccomp.Both(err, set)
	}
	after, failed := readCapabilities()
	if failed != nil {
		return false, fmt.Errorf("read capabilities again: %w", failed)
	}
	if left := after.ofPrograms(bounding, isRoot(), noNewPrivs) &^ kept; left != 0 {
		return false, fmt.Errorf("capabilities %#x are left: %w", left, err)
	}
	return true, nil
}

// isRoot says whether programs that are started get capabilities for being
// root's.
func isRoot() bool { return os.Getuid() == 0 || os.Geteuid() == 0 }

// dropBounding drops what it can from the thread's bounding set, and returns
// what is left there. A set that can't be read counts as full.
func dropBounding() (left uint64, err error) {
	for capability := range 64 {
		has, asked := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(capability), 0, 0, 0)
		switch {
		case errors.Is(asked, unix.EINVAL): // past the last one that this kernel has
			return left, err
		case asked == nil && has == 0:
			continue
		}
		if kept&(1<<capability) != 0 {
			left |= 1 << capability
			continue
		}
		if dropped := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(capability), 0, 0, 0); dropped != nil {
			left |= 1 << capability
			err = fmt.Errorf("drop capability %d: %w", capability, dropped)
		}
	}
	return left, err
}

// ofPrograms are the capabilities of a program that a thread with these starts
// (capabilities(7)).
func (c capabilities) ofPrograms(bounding uint64, root, noNewPrivs bool) uint64 {
	switch {
	case !root:
		return c.permitted & c.inheritable // as ambient ones, which are in both
	case noNewPrivs:
		return c.permitted & (bounding | c.inheritable)
	}
	return bounding | c.inheritable
}

func (c capabilities) within(mask uint64) capabilities {
	return capabilities{c.effective & mask, c.permitted & mask, c.inheritable & mask}
}

// The kernel takes the sets in two halves.
func readCapabilities() (capabilities, error) {
	var halves [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &halves[0]); err != nil {
		return capabilities{}, fmt.Errorf("read capabilities: %w", err)
	}
	whole := func(low, high uint32) uint64 { return uint64(high)<<32 | uint64(low) }
	return capabilities{
		whole(halves[0].Effective, halves[1].Effective), whole(halves[0].Permitted, halves[1].Permitted), whole(halves[0].Inheritable, halves[1].Inheritable),
	}, nil
}

func writeCapabilities(c capabilities) error {
	halves := [2]unix.CapUserData{
		{Effective: uint32(c.effective), Permitted: uint32(c.permitted), Inheritable: uint32(c.inheritable)},
		{Effective: uint32(c.effective >> 32), Permitted: uint32(c.permitted >> 32), Inheritable: uint32(c.inheritable >> 32)},
	}
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &halves[0]); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	return nil
}

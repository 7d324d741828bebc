package sandbox

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// kept are the capabilities that root has left: those by which it writes into
// folders of a site that belongs to somebody else. The others are not for
// building sites; one of them lets its holder read every process's memory maps
// and environment, whatever Landlock says.
var kept = map[uintptr]bool{unix.CAP_DAC_OVERRIDE: true, unix.CAP_DAC_READ_SEARCH: true, unix.CAP_FOWNER: true}

// dropCapabilities takes the others from what this thread starts: a program
// started by root has those that are in the thread's bounding set. Who is not
// root, or root without the right to drop them, has none to drop that matter.
func dropCapabilities() error {
	for capability := uintptr(0); ; capability++ {
		if kept[capability] {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		switch {
		case errors.Is(err, unix.EINVAL): // past the last one that this kernel has
			return nil
		case errors.Is(err, unix.EPERM):
			return nil
		case err != nil:
			return fmt.Errorf("drop capability %d: %w", capability, err)
		}
	}
}

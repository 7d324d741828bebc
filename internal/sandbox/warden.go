package sandbox

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Adopt makes this process the parent of all that it starts, however deep, once
// their own parents have ended. The first process of a pid namespace is that
// anyway.
func Adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("adopt orphans: %w", err)
	}
	return nil
}

// Hide keeps other processes of the same user from this one's memory,
// environment and descriptors, whatever the kernel lacks of Restrict's layers.
func Hide() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hide memory from others: %w", err)
	}
	return nil
}

// Administration is the capability that OwnProc needs.
const Administration = unix.CAP_SYS_ADMIN

// NoCapabilities keeps the calling thread from passing capabilities to a
// program that it starts and that does not run as root.
func NoCapabilities() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("drop ambient capabilities: %w", err)
	}
	return nil
}

// OwnProc mounts a /proc that shows the processes of this pid namespace alone.
// It is for the first process of a pid namespace with a mount namespace of its
// own. A thread that Restrict has held may not mount, nor may one for whom part
// of /proc is covered, as containers have it.
func OwnProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts from others: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// FewProcesses bounds how many processes and threads there are at once in this
// pid namespace, whoever's they are: the limits of users do not hold for root.
// It is for who has called OwnProc. Kernels before 6.14 count for all
// namespaces together, so that nothing is done there.
func FewProcesses(most int) error {
	if !CountsByNamespace() {
		return fmt.Errorf("bound processes: %w", errors.ErrUnsupported)
	}
	const reserved = 300 // numbers that are not given again
	if err := os.WriteFile("/proc/sys/kernel/pid_max", strconv.AppendInt(nil, int64(reserved+most), 10), 0); err != nil {
		return fmt.Errorf("bound processes: %w", err)
	}
	return nil
}

// CountsByNamespace says whether FewProcesses can do what it says.
func CountsByNamespace() bool {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false
	}
	var major, minor int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 6 || major == 6 && minor >= 14
}

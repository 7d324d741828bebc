package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Rights by what they are for. A rule for a file that is no folder may hold
// onFiles only.
const (
	toRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	toExecute = toRead | unix.LANDLOCK_ACCESS_FS_EXECUTE
	toWrite   = toRead | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SYM |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REFER
	onFiles = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
)

// everything is each right on files that a version of Landlock knows: what is
// handled and in no rule is forbidden.
func everything(version int) uint64 {
	rights := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1)
	if version >= 2 {
		rights |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		rights |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 5 {
		rights |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return rights
}

// signalsWithinProcess is the number of the kernel's fix without which the scope
// of signals would keep a restricted thread from signalling other threads of its
// own process. Go's collector does that.
const signalsWithinProcess = 2

func ruleset(p Policy, version int) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: everything(version)}
	if version >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP
		if !p.Network {
			attr.Handled_access_net |= unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		}
	}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		if KeepsSignals() {
			attr.Scoped |= unix.LANDLOCK_SCOPE_SIGNAL
		}
	}
	return attr
}

// landlock restricts the calling thread to the paths of p.
func landlock(p Policy) error {
	version := landlockVersion()
	if version == 0 {
		return nil
	}
	attr := ruleset(p, version)
	rules, err := landlockCreate(&attr, version)
	if err != nil {
		return fmt.Errorf("make rules: %w", err)
	}
	defer unix.Close(rules) //nolint:errcheck // the thread has them by then
	for _, grant := range []struct {
		paths  []string
		rights uint64
	}{{p.Read, toRead}, {p.Execute, toExecute}, {p.Write, toWrite}} {
		for _, path := range grant.paths {
			if err := allow(rules, path, grant.rights&attr.Handled_access_fs); err != nil {
				return fmt.Errorf("rule for %s: %w", path, err)
			}
		}
	}
	return landlockRestrict(rules)
}

// allow adds a rule for a path, if it is there and can be looked at.
func allow(rules int, path string, rights uint64) error {
	file, err := os.OpenFile(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.IsDir() {
		rights &= onFiles
	}
	return landlockAllow(rules, int(file.Fd()), rights)
}

// KeepsSignals says whether this kernel keeps those that Restrict restricts from signalling others.
func KeepsSignals() bool {
	return landlockVersion() >= 6 && landlockErrata()&(1<<(signalsWithinProcess-1)) != 0
}

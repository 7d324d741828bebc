package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"ddc/internal/seccomp"
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

// signalsWithinProcess is the number of the kernel's fix without which the
// scope of signals would keep a restricted thread from signalling other threads
// of its own process. Go's collector does that.
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

// landlock restricts the calling thread to the paths of p, and returns
// Landlock's version, or 0 where there is none. It leaves out paths that can't
// be allowed, and says why, unless there is no such path.
func landlock(p Policy) (version int, leftOut []error, err error) {
	version, err = landlockVersion()
	if err != nil {
		return 0, nil, seccomp.UnlessLacking(fmt.Errorf("ask for the version: %w", err), unix.EOPNOTSUPP)
	}
	attr := ruleset(p, version)
	rules, err := landlockCreate(&attr, version)
	if err != nil {
		return 0, nil, fmt.Errorf("make rules: %w", err)
	}
	defer unix.Close(rules) //nolint:errcheck // the thread has them by then
	for _, grant := range []struct {
		paths  []string
		rights uint64
	}{{p.Read, toRead}, {p.Execute, toExecute}, {p.Write, toWrite}} {
		for _, path := range grant.paths {
			passed, err := allow(rules, path, grant.rights&attr.Handled_access_fs)
			if err != nil {
				return 0, leftOut, fmt.Errorf("rule for %s: %w", path, err)
			}
			if passed != nil && !errors.Is(passed, fs.ErrNotExist) {
				leftOut = append(leftOut, passed)
			}
		}
	}
	if err := landlockRestrict(rules); err != nil {
		return 0, leftOut, fmt.Errorf("put rules in force: %w", err)
	}
	return version, leftOut, nil
}

// allow adds a rule for a path. leftOut says why the path can be in no policy:
// whatever is wrong with opening it without reading, and with what was opened,
// is wrong with the path. An error says that the kernel did not take the rule.
func allow(rules int, path string, rights uint64) (leftOut, err error) {
	file, err := os.OpenFile(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err, nil
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err, nil
	}
	if !info.IsDir() {
		rights &= onFiles
	}
	err = landlockAllow(rules, int(file.Fd()), rights)
	if errors.Is(err, unix.EBADFD) { // a pipe, or something else that lies in no file system
		return &fs.PathError{Op: "allow", Path: path, Err: err}, nil
	}
	return nil, err
}

func landlockVersion() (int, error) {
	version, err := landlockQuery(unix.LANDLOCK_CREATE_RULESET_VERSION)
	return int(version), err
}

// KeepsSignals says whether this kernel keeps those that Restrict restricts
// from signalling others.
func KeepsSignals() bool {
	version, err := landlockVersion()
	if err != nil || version < 6 {
		return false
	}
	errata, err := landlockQuery(unix.LANDLOCK_CREATE_RULESET_ERRATA)
	return err == nil && errata&(1<<(signalsWithinProcess-1)) != 0
}

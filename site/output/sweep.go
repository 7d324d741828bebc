package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var (
	// errHeld says that another build has locked a folder, and so is alive.
	errHeld = errors.New("another build uses it")
	// errNoLocks says that a file system has no locks (some network file systems), or
	// that the kernel is not let: who is alive can't be told.
	errNoLocks = errors.New("folders can't be locked here")
)

// lock opens a folder and locks it.
func (y system) lock(folder string) (*os.File, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	err = y.flock(f)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("lock %s: %w", folder, errHeld)
	}
	// EBADF is what NFS says of a folder, which can't be opened for writing.
	for _, e := range []error{unix.ENOLCK, unix.ENOSYS, unix.EOPNOTSUPP, unix.EINVAL, unix.EBADF, unix.EPERM} {
		if errors.Is(err, e) {
			return nil, fmt.Errorf("%w (%w)", errNoLocks, err)
		}
	}
	return nil, fmt.Errorf("lock %s: %w", folder, err)
}

// sweep clears up after killed builds: those whose hidden folder nobody has
// locked. First the last output gets its place back, if a build was killed while
// it had none; then what is left is removed.
func (y system) sweep(final string) {
	for _, folder := range beside(final) {
		y.sweepOne(folder, final)
	}
}

// beside lists the hidden folders for an output.
func beside(final string) (folders []string) {
	parent := filepath.Dir(final)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() && strings.HasPrefix(entry.Name(), prefix(final)) {
			folders = append(folders, filepath.Join(parent, entry.Name()))
		}
	}
	return folders
}

// divide says of which new folder a hidden one is, and what it is to that.
func divide(folder string) (fresh, suffix string) {
	for _, suffix := range []string{replacedSuffix, savedSuffix, copyingSuffix} {
		if fresh, ok := strings.CutSuffix(folder, suffix); ok {
			return fresh, suffix
		}
	}
	return folder, ""
}

// lostAfter is how long a copy stays with its build, where nobody can tell whether
// that lives: one that does needs it for moments.
const lostAfter = time.Hour

// isOld says whether a folder got its name long ago.
func (y system) isOld(folder string) bool {
	var stat unix.Stat_t
	return unix.Lstat(folder, &stat) == nil && y.now().Sub(time.Unix(stat.Ctim.Unix())) > lostAfter
}

// dropCopies removes the copies of older outputs that killed builds have left,
// where there are no locks: a whole output is in its place now. A build that lives
// after all makes another copy, or needs none any more.
func (y system) dropCopies(final string) {
	for _, folder := range beside(final) {
		if _, suffix := divide(folder); suffix == savedSuffix || suffix == copyingSuffix {
			os.RemoveAll(folder)
		}
	}
}

func (y system) sweepOne(folder, final string) {
	fresh, suffix := divide(folder)
	held, err := y.lock(fresh)
	if err == nil {
		// Kept until the folder is gone: its maker may be about to lock it, and makes another then.
		defer held.Close()
	}
	dead := err == nil || errors.Is(err, fs.ErrNotExist)
	unknown := errors.Is(err, errNoLocks)
	switch {
	case suffix == savedSuffix && (dead || unknown && y.isOld(folder)):
		_ = y.restore(folder, final) // or it stays, and the next build finds it
	case suffix == replacedSuffix && (dead || unknown):
		// Where its build lives after all, it finds the output in its place, and begins anew.
		if y.rename(folder, final) != nil && isOutput(final) {
			os.RemoveAll(folder)
		}
	case suffix != savedSuffix && dead, suffix == copyingSuffix && unknown && y.isOld(folder):
		os.RemoveAll(folder)
	}
}

// isOutput says that there is an output of a build, and so that an older one is rubbish.
func isOutput(final string) bool {
	info, err := os.Lstat(filepath.Join(final, Marker))
	return err == nil && info.Mode().IsRegular()
}

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
	// errHeld says that another build has locked a folder, so it is alive.
	errHeld = errors.New("another build uses it")
	// errNoLocks says that folders cannot be locked, since the file system (as
	// some network ones) or a filter of system calls does not allow it. Then
	// nobody can tell which builds are alive.
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
	// NFS says EBADF for a folder, since it can't be opened for writing.
	for _, e := range []error{unix.ENOLCK, unix.ENOSYS, unix.EOPNOTSUPP, unix.EINVAL, unix.EBADF, unix.EPERM} {
		if errors.Is(err, e) {
			return nil, fmt.Errorf("%w (%w)", errNoLocks, err)
		}
	}
	return nil, fmt.Errorf("lock %s: %w", folder, err)
}

// sweep clears up after killed builds: their hidden folders are not locked. If
// a build was killed while there was no output, sweep first puts the last
// output back in its place. Then it removes the rest.
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

// divide splits a hidden folder's name into that of the new folder that it
// belongs to, and the suffix.
func divide(folder string) (fresh, suffix string) {
	for _, suffix := range []string{replacedSuffix, savedSuffix, copyingSuffix} {
		if fresh, ok := strings.CutSuffix(folder, suffix); ok {
			return fresh, suffix
		}
	}
	return folder, ""
}

// lostAfter is how long a copy is left to its build if nobody can tell whether
// that build is alive. A live build needs its copy only for moments.
const lostAfter = time.Hour

// isOld says whether a folder got its name long ago.
func (y system) isOld(folder string) bool {
	var stat unix.Stat_t
	return unix.Lstat(folder, &stat) == nil && y.now().Sub(time.Unix(stat.Ctim.Unix())) > lostAfter
}

// dropCopies removes the copies of older outputs that killed builds have left.
// It is for file systems without locks, once a whole output is in its place. If
// such a build is alive after all, it makes another copy, or needs none any
// more.
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
		// The lock is kept until the folder is gone: its maker may be about to
		// lock it, and then makes another.
		defer held.Close()
	}
	dead := err == nil || errors.Is(err, fs.ErrNotExist)
	unknown := errors.Is(err, errNoLocks)
	switch {
	case suffix == savedSuffix && (dead || unknown && y.isOld(folder)):
		_ = y.restore(folder, final) // or it stays, and the next build finds it
	case suffix == replacedSuffix && (dead || unknown):
		// If its build is alive after all, it finds the output in its place,
		// and begins anew.
		if y.rename(folder, final) != nil && isOutput(final) {
			os.RemoveAll(folder)
		}
	case suffix != savedSuffix && dead, suffix == copyingSuffix && unknown && y.isOld(folder):
		os.RemoveAll(folder)
	}
}

// isOutput says whether a build's output is there, so that an older one is
// rubbish.
func isOutput(final string) bool {
	info, err := os.Lstat(filepath.Join(final, Marker))
	return err == nil && info.Mode().IsRegular()
}

package output

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"ddc/internal/bulk"
)

// system is what replacing a folder needs of the kernel. Tests refuse parts of
// it, as some file systems and containers do.
type system struct {
	exchange func(a, b string) error
	rename   func(from, to string) error
	flock    func(f *os.File) error
	now      func() time.Time
	// step is called before each step that changes a folder that is not the
	// build's own.
	step func()
}

func realSystem() system {
	return system{
		exchange: func(a, b string) error {
			return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
		},
		rename: os.Rename,
		flock:  func(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) },
		now:    time.Now,
		step:   func() {},
	}
}

// These suffixes name folders beside the new one while it is swapped in more
// than one step. A killed build leaves such folders to the next build's sweep.
//
// The first is the whole old output, moved away. While nothing is in the
// output's place, it is the output. Once the new folder is there, it is
// rubbish.
//
// The second is a whole copy of the old output. It is the output, whatever is
// in the output's place: that may be half removed. Once the new folder is
// there, the copy gets the first suffix.
//
// The third is a copy that is not whole yet, and so rubbish.
const (
	replacedSuffix = ".old"
	savedSuffix    = ".saved"
	copyingSuffix  = ".copying"
)

// swap puts the folder fresh in the place of final. left is where the old
// folder is now, or "" if there was none. how says how it was done, if not in
// one step.
func (y system) swap(ctx context.Context, fresh, final string) (left, how string, err error) {
	y.step()
	err = y.exchange(fresh, final)
	switch {
	case err == nil:
		return fresh, "", nil
	case errors.Is(err, unix.ENOENT) || refused(err) && isMissing(final): // nothing there yet
		return "", "", y.rename(fresh, final)
	case (errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EXDEV)) && isMountPoint(final):
		return "", "", fmt.Errorf("%s is a mount point (%w); build into a folder below it", final, err)
	case !refused(err):
		return "", "", &os.LinkError{Op: "exchange", Old: fresh, New: final, Err: err}
	}
	how = fmt.Sprintf("in two steps, since it can't be done in one here (%v)", err)
	left, err = y.swapInTwo(fresh, final)
	if errors.Is(err, unix.EXDEV) { // the old one lies in a lower layer of an overlay
		how = fmt.Sprintf("by way of a copy, since it can't be moved here (%v)", unix.EXDEV)
		left, err = y.swapByCopy(ctx, fresh, final)
	}
	return left, how, err
}

func isMissing(folder string) bool {
	_, err := os.Lstat(folder)
	return errors.Is(err, fs.ErrNotExist)
}

// refused says whether the file system can't exchange two folders, or a filter
// of system calls refuses it: some do not know renameat2.
func refused(err error) bool {
	for _, e := range []error{unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM, unix.EXDEV} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// isMountPoint says whether a file system is mounted at a folder. If the kernel
// does not say, a folder on another device than its parent counts as one.
func isMountPoint(folder string) bool {
	var x unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, folder, unix.AT_SYMLINK_NOFOLLOW, 0, &x)
	if err == nil && x.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return x.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
	}
	var own, parent unix.Stat_t
	return unix.Lstat(folder, &own) == nil && unix.Lstat(filepath.Dir(folder), &parent) == nil && own.Dev != parent.Dev
}

// swapAttempts bounds how often swapInTwo begins anew.
const swapAttempts = 10

// swapInTwo leaves a moment in which there is no output. If the build is killed
// then, the next build's sweep puts the old output back.
func (y system) swapInTwo(fresh, final string) (left string, err error) {
	left = fresh + replacedSuffix
	for range swapAttempts {
		y.step()
		if err := y.rename(final, left); err != nil {
			return "", err
		}
		y.step()
		if err = y.rename(fresh, final); err == nil {
			return left, nil
		}
		if undo := y.rename(left, final); !errors.Is(undo, fs.ErrNotExist) {
			return "", errors.Join(err, undo)
		}
		// Without locks, a build that begins at this moment takes this one for
		// dead, and may have put the old output back. Then try again.
	}
	return "", err
}

// swapByCopy is for a folder that can be read and removed, but not renamed. At
// every moment either the output or its copy is whole.
//
// Without locks, another build may take this one for dead, and remove its copy
// or put something in the output's place. Then a step is done again.
func (y system) swapByCopy(ctx context.Context, fresh, final string) (left string, err error) {
	saved := fresh + savedSuffix
	for range swapAttempts {
		if err = y.save(ctx, saved, fresh+copyingSuffix, final); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	for range swapAttempts {
		err = y.removeOutput(final)
		if err == nil {
			y.step()
			err = y.rename(fresh, final)
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return "", errors.Join(err, y.restore(saved, final))
	}
	left = fresh + replacedSuffix
	y.step()
	if err := y.rename(saved, left); !errors.Is(err, fs.ErrNotExist) {
		return left, err
	}
	return "", nil
}

// save makes a copy of the output, whole.
func (y system) save(ctx context.Context, saved, copying, final string) error {
	y.step()
	if err := copyFolder(ctx, copying, final); err != nil {
		return errors.Join(fmt.Errorf("copy the previous output: %w", err), os.RemoveAll(copying))
	}
	y.step()
	if err := y.rename(copying, saved); err != nil {
		return errors.Join(err, os.RemoveAll(copying))
	}
	return flush(filepath.Dir(saved)) // before anything is removed
}

// restore puts a saved output back in its place, instead of what may be left
// there.
func (y system) restore(saved, final string) error {
	if _, err := os.Lstat(saved); err != nil {
		return err
	}
	if err := y.removeOutput(final); err != nil {
		return err
	}
	y.step()
	return y.rename(saved, final)
}

// removeOutput removes an output, if there is one. The marker goes last, so
// that the next build knows the rest as ours if this one is killed.
func (y system) removeOutput(final string) error {
	if err := ours(final); err != nil {
		return err
	}
	entries, err := os.ReadDir(final)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == Marker {
			continue
		}
		y.step()
		if err := os.RemoveAll(filepath.Join(final, e.Name())); err != nil {
			return err
		}
	}
	y.step()
	return os.RemoveAll(final)
}

// copyFolder copies a folder's files, folders and links, with their permissions
// and times.
func copyFolder(ctx context.Context, to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return copyEntry(ctx, filepath.Join(to, name), path, info)
	})
}

func copyEntry(ctx context.Context, to, from string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		if err := os.Mkdir(to, 0o700); err != nil {
			return err
		}
		return os.Chmod(to, info.Mode().Perm()|0o700)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case !info.Mode().IsRegular():
		return nil // no build writes such
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // it was only read
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = bulk.CopyFile(ctx, f, source)
	return errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close(), os.Chtimes(to, info.ModTime(), info.ModTime()))
}

// flush makes a folder's entries survive a crash of the machine.
func flush(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

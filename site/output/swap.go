package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// system is what replacing a folder asks of the kernel. Tests refuse parts of
// it, as some file systems and containers do.
type system struct {
	exchange func(a, b string) error
	rename   func(from, to string) error
	flock    func(f *os.File) error
	now      func() time.Time
	// step is called before each step that changes a folder that is not the build's own.
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

// What swapping in more than one step adds to the name of the new folder, for
// folders beside it. A build that is killed leaves them to the next one's sweep.
//
// The first is the old output, whole, moved away. Once the new folder has its
// place, it is rubbish; as long as nothing has, it is the output.
//
// The second is a copy of the old output, whole. It is the output, whatever is
// in the output's place: that may be half removed. Once the new folder has its place,
// the copy is renamed to the first.
//
// The third is a copy that is not whole yet: rubbish.
const (
	replacedSuffix = ".old"
	savedSuffix    = ".saved"
	copyingSuffix  = ".copying"
)

// swap makes fresh the folder at final and gives the path at which what was
// there is now, or nothing; how says in what way, if not in one step.
func (y system) swap(fresh, final string) (left, how string, err error) {
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
		left, err = y.swapByCopy(fresh, final)
	}
	return left, how, err
}

func isMissing(folder string) bool {
	_, err := os.Lstat(folder)
	return errors.Is(err, fs.ErrNotExist)
}

// refused says that a file system can't exchange two folders, or that the
// kernel is not let: some filters of system calls know no renameat2.
func refused(err error) bool {
	for _, e := range []error{unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM, unix.EXDEV} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// isMountPoint says whether a file system is mounted at a folder. Where the kernel
// does not tell, one of another device is.
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

// swapInTwo leaves a moment in which there is no output. Whoever is killed in it leaves the rest to sweep.
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
		// Where there are no locks, another build that begins in this moment takes this one for
		// dead, and has put the old output back.
	}
	return "", err
}

// swapByCopy is for a folder that can be read and removed, and not renamed. At
// every moment either the folder is whole in its place, or the copy is.
//
// Where there are no locks, another build may take this one for dead, and remove
// its copy or put something in the output's place: then a step is done again.
func (y system) swapByCopy(fresh, final string) (left string, err error) {
	saved := fresh + savedSuffix
	for range swapAttempts {
		if err = y.save(saved, fresh+copyingSuffix, final); !errors.Is(err, fs.ErrNotExist) {
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
func (y system) save(saved, copying, final string) error {
	y.step()
	if err := copyFolder(copying, final); err != nil {
		return errors.Join(fmt.Errorf("copy the previous output: %w", err), os.RemoveAll(copying))
	}
	y.step()
	if err := y.rename(copying, saved); err != nil {
		return errors.Join(err, os.RemoveAll(copying))
	}
	return flush(filepath.Dir(saved)) // before anything is removed
}

// restore gives a saved output its place back, instead of what may be left there.
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

// removeOutput removes an output, its marker last: a part of it is known as ours
// by the next build. There may be none.
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

// copyFolder copies a folder's files, folders and links, with their permissions and times.
func copyFolder(to, from string) error {
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
		return copyEntry(filepath.Join(to, name), path, info)
	})
}

func copyEntry(to, from string, info fs.FileInfo) error {
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
	_, err = io.Copy(f, source)
	return errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close(), os.Chtimes(to, info.ModTime(), info.ModTime()))
}

// flush has a folder's entries outlast the machine's own crash.
func flush(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Stat is what the file system says of a file: who changes the file changes
// this too, unless that is within the grain of its clock.
type Stat struct {
	Inode             uint64
	Size              int64
	Mode              uint32
	Modified, Changed syscall.Timespec
}

// Last are the files of the output that is to be replaced, by path, but for the
// marker. Odd says that there is more: links, pipes, empty folders, or nothing
// at all.
func (s *Stage) Last() (files map[string]Stat, odd bool, err error) { return look(s.final) }

// Fresh are these files once Commit has put them in place, where that takes no
// look at the folder: all were made here, and moved as they are. None of so
// many may have been linked.
func (s *Stage) Fresh(n int) (files map[string]Stat, ok bool) {
	files = make(map[string]Stat, n)
	s.fresh.Range(func(name, stat any) bool {
		files[name.(string)] = stat.(Stat)
		return true
	})
	return files, s.moved && len(files) == n
}

// look lists the files of an output.
func look(folder string) (files map[string]Stat, odd bool, err error) {
	files = map[string]Stat{}
	root, err := os.OpenRoot(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return files, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("look at the last output: %w", err)
	}
	defer root.Close()
	marked := false
	folders, err := lookIn(root, ".", files, &odd, &marked)
	if err != nil {
		return nil, false, fmt.Errorf("look at the last output: %w", err)
	}
	return files, odd || folders == 0 || !marked, nil
}

// lookIn lists a folder, and says how many entries it has.
func lookIn(root *os.Root, folder string, files map[string]Stat, odd, marked *bool) (int, error) {
	entries, err := fs.ReadDir(root.FS(), folder)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		name := e.Name()
		if folder != "." {
			name = folder + "/" + name
		}
		info, err := e.Info()
		switch {
		case err != nil:
			*odd = true // it has just gone
		case info.IsDir():
			n, err := lookIn(root, name, files, odd, marked)
			if err != nil {
				return 0, err
			}
			*odd = *odd || n == 0
		case !info.Mode().IsRegular():
			*odd = true
		case name == Marker:
			*marked = true
		default:
			files[name] = statOf(info)
		}
	}
	return len(entries), nil
}

func statOf(info fs.FileInfo) Stat {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Stat{Size: info.Size()}
	}
	return Stat{s.Ino, s.Size, s.Mode, s.Mtim, s.Ctim}
}

// Link puts the file of the last output at a claimed path, without a copy. It
// says false if that is not the file any more that was looked at, or cannot be
// linked.
func (s *Stage) Link(name string, known Stat) (linked bool, err error) {
	file := filepath.FromSlash(name)
	from, err := s.parent(s.final, filepath.Dir(file), false)
	if err != nil {
		return false, nil
	}
	defer from.Close()
	to, err := s.parent(s.folder, filepath.Dir(file), true)
	if err != nil {
		return false, fmt.Errorf("write %s: %w", name, cause(err))
	}
	defer to.Close()
	base := filepath.Base(file)
	if err := unix.Linkat(int(from.Fd()), base, int(to.Fd()), base, 0); err != nil {
		return false, nil
	}
	var now unix.Stat_t
	if err := unix.Fstatat(int(to.Fd()), base, &now, unix.AT_SYMLINK_NOFOLLOW); err != nil || now.Ino != known.Inode || now.Size != known.Size ||
		now.Mode != known.Mode || now.Mtim != unix.Timespec(known.Modified) {
		if err := unix.Unlinkat(int(to.Fd()), base, 0); err != nil {
			return false, fmt.Errorf("write %s: %w", name, err)
		}
		return false, nil
	}
	s.files.Add(1)
	s.bytes.Add(now.Size)
	return true, nil
}

// Replace puts the one file that was written to the stage in the place of that
// of the last output, in one step, and leaves all else there as it is. It says
// false if that cannot be done: then the stage is as it was. If two
// builds replace a file each, both files are there; a build that commits has
// all of its own.
func (s *Stage) Replace(name string) (now Stat, replaced bool, err error) {
	if err := ours(s.final); err != nil {
		return Stat{}, false, fmt.Errorf("refuse to write to %s: %w", s.final, err)
	}
	file := filepath.FromSlash(name)
	from, err := s.parent(s.folder, filepath.Dir(file), false)
	if err != nil {
		return Stat{}, false, fmt.Errorf("write %s: %w", name, cause(err))
	}
	defer from.Close()
	to, err := s.parent(s.final, filepath.Dir(file), false)
	if err != nil {
		return Stat{}, false, nil
	}
	defer to.Close()
	base := filepath.Base(file)
	var made unix.Stat_t
	if err := unix.Fstatat(int(from.Fd()), base, &made, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Stat{}, false, fmt.Errorf("write %s: %w", name, err)
	}
	s.system.step()
	if err := unix.Renameat(int(from.Fd()), base, int(to.Fd()), base); err != nil {
		return Stat{}, false, nil
	}
	if err := unix.Fstatat(int(to.Fd()), base, &made, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Stat{}, false, fmt.Errorf("write %s: %w", name, err)
	}
	return Stat{made.Ino, made.Size, made.Mode, syscall.Timespec(made.Mtim), syscall.Timespec(made.Ctim)}, true, nil
}

// parent opens a folder below another, which is made if it is to be there.
func (s *Stage) parent(folder, below string, made bool) (*os.File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if made {
		if err := root.MkdirAll(below, 0o777); err != nil {
			return nil, err
		}
	}
	return root.OpenFile(below, os.O_RDONLY|unix.O_DIRECTORY, 0)
}

// Unnamed makes a file in a folder that has no name there: it goes when it is
// closed, or with the process.
func Unnamed(folder string) (*os.File, error) {
	return os.OpenFile(folder, os.O_RDWR|unix.O_TMPFILE, 0o600)
}

// FileMode is what a file gets that a stage writes.
func (s *Stage) FileMode() uint32 {
	return unix.S_IFREG | uint32(0o666&^umask(s.folder))
}

// Final is the folder that the stage replaces.
func (s *Stage) Final() string { return s.final }

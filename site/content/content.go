// Package content finds a site's source files and knows what their paths mean.
//
//	project, err := content.Open("/home/me/blog")
//	files, faults := project.Scan("content", content.Visible)
//	tree := content.Grow(nodes)
//
// A Project reads nothing outside its folder. Symbolic links that stay within
// it are followed; all others are faults, and so are devices, pipes and loops.
// The kernel checks again when a file is opened (os.Root), so a link that
// changes in between cannot lead outside. Scanning costs one readdir for each
// folder and one lstat for each file. Nothing is read until ReadFile.
package content

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"ddc/internal/regular"
)

// Project is a folder that a build may read from.
type Project struct {
	root *os.Root
	// real is the folder's absolute path without symbolic links.
	real string
}

// File is a regular file of the project.
type File struct {
	// Path is relative to the folder that was scanned, with forward slashes.
	Path string
	// Name is for people: relative to the project, as found.
	Name string
	// real is relative to the project, all links followed.
	real     string
	Size     int64
	Modified time.Time
	// inode and changed, the time of its last change of any kind, tell it from
	// another file that has taken its place.
	inode   uint64
	changed syscall.Timespec
}

// Same says that a file seems to be the one that was found before: in the same
// place, with the same times and size. One that was written within grace of the
// moment seen, when other was found, may have been written again since without
// a trace in its times, and does not count.
func (f File) Same(other File, seen time.Time, grace time.Duration) bool {
	return f == other && seen.Sub(f.Modified) > grace && seen.Sub(time.Unix(f.changed.Unix())) > grace
}

func found(path, name, real string, info fs.FileInfo) File {
	f := File{Path: path, Name: name, real: real, Size: info.Size(), Modified: info.ModTime()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		f.inode, f.changed = stat.Ino, stat.Ctim
	}
	return f
}

// Stamp is a File as it is kept from one process to the next.
type Stamp struct {
	Path, Name, Real      string
	Size, Modified, Nanos int64
	Inode                 uint64
	Changed               syscall.Timespec
}

// Stamp gives what is to be kept of a file.
func (f File) Stamp() Stamp {
	s := Stamp{Path: f.Path, Name: f.Name, Real: f.real, Size: f.Size, Inode: f.inode, Changed: f.changed}
	if !f.Modified.IsZero() {
		s.Modified, s.Nanos = f.Modified.Unix(), int64(f.Modified.Nanosecond())
	}
	return s
}

// File is what the stamp was made of.
func (s Stamp) File() File {
	f := File{Path: s.Path, Name: s.Name, real: s.Real, Size: s.Size, inode: s.Inode, changed: s.Changed}
	if s.Modified != 0 || s.Nanos != 0 || s.Real != "" {
		f.Modified = time.Unix(s.Modified, s.Nanos)
	}
	return f
}

// Fault is a file or folder that can't be used, and what to do about it.
type Fault struct {
	// Name is relative to the project.
	Name, Message, Hint string
}

// Open opens a folder as a project. The caller closes it.
func Open(folder string) (*Project, error) {
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, fmt.Errorf("open the project: %w", err)
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, fmt.Errorf("open the project: %w", err)
	}
	return &Project{root: root, real: real}, nil
}

// Close lets go of the folder.
func (p *Project) Close() error { return p.root.Close() }

// Visible leaves out hidden files and folders.
func Visible(name string) bool { return !strings.HasPrefix(path.Base(name), ".") }

// Scan lists the files below a folder of the project, sorted by path. keep says
// whether to look at a path, which is relative to that folder. A folder that
// does not exist has no files.
func (p *Project) Scan(folder string, keep func(path string) bool) ([]File, []Fault) {
	s := scan{project: p, keep: keep, folder: filepath.ToSlash(folder)}
	real, info, err := p.resolve(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		s.fault("", err)
	case !info.IsDir():
		s.faults = append(s.faults, Fault{s.folder, "is not a folder", "move the file away"})
	default:
		s.walk("", real, nil)
	}
	sort.Slice(s.files, func(i, j int) bool { return s.files[i].Path < s.files[j].Path })
	return s.files, s.faults
}

// OpenFile opens a file for reading. It fails if the file has become something
// else since the scan.
func (p *Project) OpenFile(f File) (*os.File, error) {
	file, _, err := regular.Open(p.root, f.real, os.O_RDONLY, 0)
	if errors.Is(err, regular.ErrOther) {
		err = fmt.Errorf("%s is %w any more", f.Name, regular.ErrOther)
	}
	return file, err
}

// Find gives the file at a path relative to the project. It fails for anything
// that is no file, or lies outside.
func (p *Project) Find(name string) (File, error) {
	real, info, err := p.resolve(filepath.FromSlash(name))
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("%s is not a regular file", name)
	}
	return found(name, name, real, info), nil
}

// Again gives a file that was found before as it is now. Same is false if its
// place has something else now, or leads elsewhere.
func (p *Project) Again(f File) (now File, same bool) {
	now, err := p.Find(f.Name)
	now.Path = f.Path
	return now, err == nil && now.real == f.real
}

// TooLarge is the error of a file that has more bytes than may be read of it.
type TooLarge struct {
	// Size is how many bytes it has, or had at least when reading ended.
	Size int64
}

func (e *TooLarge) Error() string { return fmt.Sprintf("the file has %d bytes", e.Size) }

// ReadFile reads a whole file of at most so many bytes. The error of a larger
// one is a *TooLarge, and nothing of it is read. A file that grows meanwhile is
// read to its end, or to one byte beyond the bound.
func (p *Project) ReadFile(f File, most int64) ([]byte, error) {
	file, err := p.OpenFile(f)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, &TooLarge{info.Size()}
	}
	return readAtMost(file, info.Size(), most)
}

// readAtMost reads a file of some size, which may grow meanwhile.
func readAtMost(file io.Reader, size, most int64) ([]byte, error) {
	data := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := data.ReadFrom(io.LimitReader(file, most+1)); err != nil {
		return nil, err
	}
	if n := int64(data.Len()); n > most {
		return nil, &TooLarge{n}
	}
	return data.Bytes(), nil
}

// errOutside is the fault of a link that leads out of the project.
var errOutside = errors.New("leads out of the project")

// resolve follows every link of a path relative to the project.
func (p *Project) resolve(name string) (real string, info fs.FileInfo, err error) {
	target, err := filepath.EvalSymlinks(filepath.Join(p.real, name))
	if err != nil {
		return "", nil, err
	}
	real, err = filepath.Rel(p.real, target)
	if err != nil || !filepath.IsLocal(real) {
		return "", nil, errOutside
	}
	info, err = p.root.Stat(real)
	return real, info, err
}

type scan struct {
	project *Project
	keep    func(string) bool
	folder  string
	files   []File
	faults  []Fault
}

// walk lists one folder. logical is its path below the scanned folder, real its
// path below the project, and above has the real paths of the folders that led
// here.
func (s *scan) walk(logical, real string, above []string) {
	for _, folder := range above {
		if folder == real {
			s.faults = append(s.faults, Fault{path.Join(s.folder, logical), "is a link to a folder that it lies in", "remove the link"})
			return
		}
	}
	above = append(above[:len(above):len(above)], real)
	entries, err := fs.ReadDir(s.project.root.FS(), filepath.ToSlash(real))
	if err != nil {
		s.fault(logical, err)
		return
	}
	for _, entry := range entries {
		name := path.Join(logical, entry.Name())
		if !s.keep(name) {
			continue
		}
		if !utf8.ValidString(name) {
			s.faults = append(s.faults, Fault{strings.ToValidUTF8(path.Join(s.folder, name), "\ufffd"), "has a name that is not UTF-8", "rename it"})
			continue
		}
		s.entry(name, filepath.Join(real, entry.Name()), entry, above)
	}
}

func (s *scan) entry(name, real string, entry fs.DirEntry, above []string) {
	info, err := entry.Info()
	if err == nil && entry.Type()&fs.ModeSymlink != 0 {
		real, info, err = s.project.resolve(real)
	}
	switch {
	case err != nil:
		s.fault(name, err)
	case info.IsDir():
		s.walk(name, real, above)
	case info.Mode().IsRegular():
		s.files = append(s.files, found(name, path.Join(s.folder, name), real, info))
	default:
		s.faults = append(s.faults, Fault{path.Join(s.folder, name), "is not a file but a " + kind(info.Mode()), "move it out of the site"})
	}
}

func (s *scan) fault(name string, err error) {
	f := Fault{Name: path.Join(s.folder, name), Message: "can't be read: " + cause(err), Hint: "check its permissions"}
	switch {
	case errors.Is(err, errOutside):
		f.Message, f.Hint = "is a symbolic link that leads out of the project", "copy the file into the project"
	case errors.Is(err, fs.ErrNotExist):
		f.Message, f.Hint = "is a symbolic link that leads nowhere", "remove it or restore what it names"
	case errors.Is(err, syscall.ELOOP) || strings.Contains(err.Error(), "too many links"):
		f.Message, f.Hint = "is a symbolic link that leads to itself", "remove it"
	}
	s.faults = append(s.faults, f)
}

// cause leaves the path out of a system call's error: the fault names it.
func cause(err error) string {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	default:
		return "device"
	}
}

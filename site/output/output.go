// Package output writes a site so that either the whole site is there or none
// of it.
//
//	stage, err := output.Begin("public", nil)
//	defer stage.Abort()
//	err = stage.Write(ctx, "index.html", page)
//	err = stage.Commit(ctx)
//
// Files go to a hidden folder beside the final one. The hidden folder takes the
// final one's place in one step (renameat2 with RENAME_EXCHANGE). If that can't
// be done, it takes two steps, and the first is undone if the second fails; or
// it goes by way of a copy. Abort removes everything, folders made on the way
// included. If a process is killed, the next Begin finds its stage unlocked,
// puts the last output back if it is missing, and removes the rest, unless
// Begin's tempDir has done so at once.
//
// Committing replaces the whole folder. So Begin refuses a folder that holds
// files, but not the marker that every commit leaves, an empty file named
// ".ddc".
package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ddc/internal/bulk"
	"ddc/internal/regular"
	"ddc/internal/slug"
)

// Marker is the file that marks a folder as ours. It is always empty, so that
// two outputs can be compared byte for byte.
const Marker = ".ddc"

// ErrForeign says that the output folder holds files that no build wrote. Point
// the build at another folder, or empty this one.
var ErrForeign = errors.New("it is not empty and was not made by ddc")

// ErrUnusable says that the output folder cannot be made: something is in the
// way, or it may not be written. Point the build at another folder.
var ErrUnusable = errors.New("the output cannot be written there")

// unusable marks an error that is due to the output's path, not to the machine.
func unusable(err error) error {
	for _, reason := range []error{unix.ENOTDIR, unix.EACCES, unix.EPERM, unix.EROFS, unix.ELOOP, unix.ENAMETOOLONG, unix.EEXIST, unix.ENOENT, unix.EINVAL, unix.ENXIO} {
		if errors.Is(err, reason) {
			return fmt.Errorf("%w: %w", ErrUnusable, err)
		}
	}
	return err
}

// Stage is an unfinished output folder. Write and Copy may be called from many
// goroutines.
type Stage struct {
	final string
	// folder is the hidden one; lock holds it open and locked.
	folder string
	lock   *os.File
	// tempDir makes the hidden folder.
	tempDir func(parent, prefix string) (string, error)
	// made is the topmost folder that Begin had to make above the final one.
	made   string
	system system
	notes  []string
	Claims

	files atomic.Int64
	bytes atomic.Int64
	done  bool

	fresh sync.Map // of Stat, by path: the files that were made here
	moved bool     // they are what is in the final folder now
}

// Claims say which path of an output is made of what. The zero value has none.
// Its methods may be called from many goroutines.
type Claims struct {
	mu sync.Mutex
	// owners has, for each path below the output, what it was made from.
	owners map[string]string
}

// Clash says that two sources want the same path, or that one wants a file
// where another needs a folder.
type Clash struct{ Path, First, Second string }

func (c *Clash) Error() string {
	return fmt.Sprintf("%s and %s would both be written to %s", c.First, c.Second, c.Path)
}

// Unwritable says that no file can have a path, and why.
type Unwritable struct{ Path, Source, Why string }

func (u *Unwritable) Error() string { return fmt.Sprintf("%s: %s", u.Source, u.Why) }

// Begin prepares to replace the folder final, which need not exist. tempDir
// makes the hidden folder, with a name that begins with prefix; nil is
// os.MkdirTemp.
func Begin(final string, tempDir func(parent, prefix string) (string, error)) (*Stage, error) {
	return begin(final, tempDir, realSystem())
}

func begin(final string, tempDir func(parent, prefix string) (string, error), y system) (*Stage, error) {
	if tempDir == nil {
		tempDir = func(parent, prefix string) (string, error) { return os.MkdirTemp(parent, prefix+"*") }
	}
	final = follow(final)
	if err := ours(final); err != nil {
		return nil, fmt.Errorf("refuse to replace %s: %w", final, err)
	}
	parent := filepath.Dir(final)
	made := missing(parent)
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, fmt.Errorf("make the output's folder: %w", unusable(err))
	}
	y.sweep(final)
	s := &Stage{final: final, made: made, system: y, tempDir: tempDir}
	if err := s.open(); err != nil {
		s.removeMade()
		return nil, fmt.Errorf("make a temporary folder beside the output: %w", unusable(err))
	}
	return s, nil
}

// linksFollowed bounds the links of one path, as the kernel does.
const linksFollowed = 40

// follow gives the folder that a path leads to. A link stays, and its target is
// replaced, even if a killed build has left nothing there.
func follow(final string) string {
	for range linksFollowed {
		if target, err := filepath.EvalSymlinks(final); err == nil {
			return target
		}
		target, err := os.Readlink(final)
		if err != nil {
			return final
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(final), target)
		}
		final = target
	}
	return final
}

// ours says whether a folder may be replaced.
func ours(folder string) error {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unusable(err)
	case len(entries) == 0:
		return nil
	}
	for _, entry := range entries {
		if entry.Name() == Marker && entry.Type().IsRegular() {
			return nil
		}
	}
	return ErrForeign
}

// missing is the topmost folder of a path that does not exist yet.
func missing(folder string) string {
	top := ""
	for {
		if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
			return top
		}
		top, folder = folder, filepath.Dir(folder)
	}
}

// prefix begins the names of the hidden folders for a final one.
func prefix(final string) string { return "." + filepath.Base(final) + ".ddc-" }

// openAttempts bounds how often open begins anew.
const openAttempts = 10

// open makes the hidden folder and locks it. Another build that sweeps between
// the two takes the folder for a dead build's, and removes it; then open makes
// a new one.
func (s *Stage) open() (err error) {
	for range openAttempts {
		if s.folder, err = s.tempDir(filepath.Dir(s.final), prefix(s.final)); err != nil {
			return err
		}
		s.lock, err = s.system.lock(s.folder)
		if errors.Is(err, errNoLocks) {
			s.note("what killed builds leave beside the output is not removed: " + err.Error())
			err = nil
		}
		if err == nil {
			// A temporary folder keeps other users out, but a site is for
			// everyone whom the umask lets in.
			err = os.Chmod(s.folder, 0o777&^umask(s.folder))
		}
		if err == nil {
			return nil
		}
		s.discard()
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errHeld) {
			return err
		}
	}
	return err
}

// umask is the process's umask, read off the permissions of a new folder: the
// system call that reads it also sets it, for every thread.
func umask(folder string) fs.FileMode {
	probe := filepath.Join(folder, "umask")
	if err := os.Mkdir(probe, 0o777); err != nil {
		return 0o022
	}
	defer os.Remove(probe)
	info, err := os.Stat(probe)
	if err != nil {
		return 0o022
	}
	return 0o777 &^ info.Mode().Perm()
}

// Claim reserves a path, with forward slashes, for what is made of a source.
// The error is a *Clash if another source has the path, or has a file where
// this one needs a folder, and an *Unwritable if no file can have it.
func (s *Claims) Claim(name, source string) error {
	if why := slug.Trouble(name); why != "" {
		return &Unwritable{name, source, why}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners == nil {
		s.owners = map[string]string{}
	}
	if first, taken := s.owners[name]; taken {
		return &Clash{name, first, source}
	}
	s.owners[name] = source
	for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
		owner, taken := s.owners[folder]
		if taken && owner != isFolder {
			delete(s.owners, name)
			return &Clash{folder, owner, source}
		}
		s.owners[folder] = isFolder
	}
	return nil
}

// isFolder stands as the owner of a path that others lie below.
const isFolder = "a folder"

// Write puts a file at a claimed path.
func (s *Stage) Write(ctx context.Context, name string, data []byte) error {
	return s.create(name, func(f *os.File) (int64, error) { return bulk.Write(ctx, f, data) })
}

// Copy puts what it reads from r at a claimed path. Holes of a file, which is
// read from its beginning, stay holes. The error is a *bulk.NoRoom if a file
// does not fit, and then nothing of it was written.
func (s *Stage) Copy(ctx context.Context, name string, r io.Reader) error {
	return s.create(name, func(f *os.File) (int64, error) {
		if from, is := r.(*os.File); is {
			return bulk.CopyFile(ctx, f, from)
		}
		return bulk.Copy(ctx, f, r)
	})
}

func (s *Stage) create(name string, fill func(*os.File) (int64, error)) (err error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return fmt.Errorf("write %s: it does not lie in the output", name)
	}
	root, err := os.OpenRoot(s.folder)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, cause(err))
	}
	defer root.Close()
	file := filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return fmt.Errorf("write %s: %w", name, cause(err))
	}
	f, err := root.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, cause(err))
	}
	n, err := fill(f)
	if info, failed := f.Stat(); failed == nil {
		s.fresh.Store(name, statOf(info))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, cause(err))
	}
	s.files.Add(1)
	s.bytes.Add(n)
	return nil
}

// Open opens a file that was put into the stage.
func (s *Stage) Open(name string) (*os.File, error) {
	root, err := os.OpenRoot(s.folder)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, cause(err))
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, cause(err))
	}
	return f, nil
}

// cause leaves the hidden folder's path out of an error.
func cause(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// Written says how much has been written so far.
func (s *Stage) Written() (files int, bytes int64) {
	return int(s.files.Load()), s.bytes.Load()
}

// Previous reads a file of at most so many bytes of the output that is about to
// be replaced.
func (s *Stage) Previous(name string, most int64) ([]byte, error) {
	f, err := s.OpenPrevious(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return data, err
}

// OpenPrevious opens a file of the output that is about to be replaced.
func (s *Stage) OpenPrevious(name string) (*os.File, error) {
	root, err := os.OpenRoot(s.final)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// Meanwhile somebody may have put a link there, or a pipe.
	f, _, err := regular.Open(root, filepath.FromSlash(name), os.O_RDONLY, 0)
	return f, err
}

// Commit puts the stage in the final folder's place. It looks at ctx until the
// first step that changes the final folder.
func (s *Stage) Commit(ctx context.Context) error {
	if err := os.WriteFile(filepath.Join(s.folder, Marker), nil, 0o666); err != nil {
		return fmt.Errorf("finish the output: %w", err)
	}
	// Somebody may have filled the folder since Begin.
	if err := ours(s.final); err != nil {
		return fmt.Errorf("refuse to replace %s: %w", s.final, err)
	}
	left, how, err := s.system.swap(ctx, s.folder, s.final)
	if err != nil {
		return fmt.Errorf("put the output in place: %w", err)
	}
	s.done, s.moved = true, how == ""
	if s.lock == nil {
		s.system.dropCopies(s.final)
	}
	s.unlock()
	if how != "" {
		s.note("the output was put in place " + how)
	}
	if left == "" {
		return nil
	}
	if err := os.RemoveAll(left); err != nil {
		return fmt.Errorf("remove the previous output: %w", err)
	}
	return nil
}

// Abort removes what was written, unless it was committed.
func (s *Stage) Abort() {
	if s.done {
		return
	}
	s.done = true
	s.discard()
	s.removeMade()
}

func (s *Stage) discard() {
	os.RemoveAll(s.folder)
	s.unlock()
}

func (s *Stage) unlock() {
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
}

func (s *Stage) note(text string) { s.notes = append(s.notes, text) }

// Notes says what this machine lacks, and what was done instead. It is called
// once Begin or Commit has returned.
func (s *Stage) Notes() []string { return s.notes }

// removeMade removes the folders that Begin made, if they are empty.
func (s *Stage) removeMade() {
	if s.made == "" {
		return
	}
	for folder := filepath.Dir(s.final); ; folder = filepath.Dir(folder) {
		if os.Remove(folder) != nil || folder == s.made {
			return
		}
	}
}

package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// AllowVariable names an environment variable: a list of folders outside a
// project. The project's configuration may name these folders, or anything
// below them, as cache_dir or as the path of a dependency. These paths decide
// what code samples may read and write, so the person who runs a build allows
// them; a configuration cannot allow itself anything.
const AllowVariable = "DDC_ALLOW_OUTSIDE"

// The kernel's bounds in bytes, of a path without its final zero and of a name
// in it.
const (
	longestPath = 4095
	longestName = 255
	// longestExtension leaves room for the name before it.
	longestExtension = 200
)

// errPath says what is wrong with a path, and what to do about it.
type errPath struct{ message, hint string }

func (e *errPath) Error() string { return e.message }

func pathError(hint, format string, args ...any) error {
	return &errPath{fmt.Sprintf(format, args...), hint}
}

// place is where in the file a path for the sandbox stands.
type place struct {
	name string
	spot
}

// checkPaths resolves the paths that the sandbox uses, or reports what is wrong
// with them. The resolved path is the one that is used, so a link that changes
// later has no effect.
func (d *decoder) checkPaths(c *Config) {
	d.checked(d.cache, func() error { return c.checkCache() })
	for i := range c.CodeExecution.Dependencies {
		if path := &c.CodeExecution.Dependencies[i].Path; *path != "" {
			d.checked(d.dependencies[i], func() (err error) {
				*path, err = c.settled(*path)
				return err
			})
		}
	}
}

func (d *decoder) checked(at place, check func() error) {
	err := check()
	var fault *errPath
	switch {
	case err == nil:
	case errors.As(err, &fault):
		d.fail(at.spot, at.name+" "+fault.message, fault.hint)
	default:
		d.fail(at.spot, fmt.Sprintf("%s cannot be looked at: %v", at.name, err), "")
	}
}

// checkCache resolves the cache folder. Code samples write there, and "ddc
// clean" removes it, so it must not be a folder that holds anything else.
func (c *Config) checkCache() error {
	path, err := c.settled(c.CodeExecution.CacheDir)
	if err != nil {
		return err
	}
	for _, own := range []string{c.Root, filepath.Join(c.Root, filepath.Dir(Name)), c.Content, c.Output} {
		if Within(path, own) {
			return pathError("name a folder that holds nothing else", "would make %s a cache, which is removed as one", own)
		}
	}
	if err := c.cacheOrEmpty(path); err != nil {
		return err
	}
	c.CodeExecution.CacheDir = path
	return nil
}

// cacheOrEmpty refuses a folder that exists and has files, unless it was a
// cache before, or lies where the project keeps caches.
func (c *Config) cacheOrEmpty(path string) error {
	if Within(filepath.Join(c.Root, ".cache"), path) {
		return nil
	}
	folder, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	for _, part := range []string{"projects", "results"} { // as plugins/code_execution makes them
		if info, err := os.Lstat(filepath.Join(path, part)); err == nil && info.IsDir() {
			return nil
		}
	}
	if _, err := folder.Readdirnames(1); !errors.Is(err, io.EOF) {
		return pathError("name another folder, or empty this one", "is a folder that has files but is no cache of code samples")
	}
	return nil
}

// settled is where an absolute path leads. It refuses a place that is neither
// within the project nor allowed by name.
func (c *Config) settled(path string) (string, error) {
	if err := nameable(path); err != nil {
		return "", err
	}
	root, err := resolve(c.Root)
	if err != nil {
		return "", err
	}
	real, err := resolve(path)
	if errors.Is(err, fs.ErrPermission) {
		return "", err
	}
	if err != nil {
		return "", pathError("correct the path or the link", "leads nowhere: %v", err)
	}
	if Within(root, real) {
		return filepath.Join(c.Root, strings.TrimPrefix(real, root)), nil
	}
	for _, folder := range filepath.SplitList(os.Getenv(AllowVariable)) {
		folder, err := filepath.Abs(folder)
		if err != nil {
			continue
		}
		if folder, err = resolve(folder); err == nil && Within(folder, real) {
			return real, nil
		}
	}
	way := ""
	if Within(c.Root, path) {
		way = " by a symbolic link that leads out of it"
	}
	return "", pathError(fmt.Sprintf("name a folder of the project, or, if you trust the site with that one, allow it: %s=%s", AllowVariable, real),
		"lies outside the project%s, in %s", way, real)
}

// nameable refuses a path that no file can have.
func nameable(path string) error {
	switch {
	case strings.ContainsRune(path, 0):
		return pathError("remove it", "has a zero byte in it")
	case len(path) > longestPath:
		return pathError("choose a shorter one", "is a path of %d bytes, and the system takes at most %d", len(path), longestPath)
	}
	for name := range strings.SplitSeq(path, string(filepath.Separator)) {
		if len(name) > longestName {
			return pathError("choose a shorter one", "has a name of %d bytes in it, and the system takes at most %d", len(name), longestName)
		}
	}
	return nil
}

// resolve follows the links in the part of a path that exists.
func resolve(path string) (string, error) {
	rest := ""
	for {
		_, err := os.Lstat(path)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		path, rest = filepath.Dir(path), filepath.Join(filepath.Base(path), rest)
	}
	real, err := filepath.EvalSymlinks(path)
	return filepath.Join(real, rest), err
}

// Within tells whether path is folder or lies in it.
func Within(folder, path string) bool {
	relative, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(relative)
}

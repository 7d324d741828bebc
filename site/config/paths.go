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

// AllowVariable names the environment variable with a list of folders outside a project that its configuration may name as
// cache_dir, or as the path of a dependency, with all that lies below them. What code samples may read and write follows from these,
// so whoever runs a build says it: a configuration cannot allow itself anything.
const AllowVariable = "DDC_ALLOW_OUTSIDE"

// The kernel's bounds, in bytes: of a path without its end, and of a name in it.
const (
	longestPath = 4095
	longestName = 255
	// longestExtension leaves room for the name before it.
	longestExtension = 200
)

// errPath is what is wrong with a path, and what to do about it.
type errPath struct{ message, hint string }

func (e *errPath) Error() string { return e.message }

func pathError(hint, format string, args ...any) error {
	return &errPath{fmt.Sprintf(format, args...), hint}
}

// place is where the file has a path that reaches the sandbox.
type place struct {
	name string
	spot
}

// checkPaths replaces the paths that reach the sandbox by those that they lead to, or finds fault with them. What was checked is
// what is used: nothing that a link says later counts.
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

// checkCache settles the cache folder. Code samples write there, and "ddc clean" removes it: so it can be no folder that holds
// something else.
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

// cacheOrEmpty refuses a folder that is there and has files, unless it has served as a cache, or lies where the project keeps caches.
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

// settled is where an absolute path leads, if that is within the project or allowed by name.
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

// nameable refuses what no file can be called.
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

// resolve follows the links of as much of a path as there is.
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

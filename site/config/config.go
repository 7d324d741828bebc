// Package config reads a site's configuration, .config/dodeca.kdl, and settles
// where the site's folders are.
//
//	cfg, err := config.Load(".", config.Overrides{})
//
// Load looks for the file from the given folder upwards. The parent of the
// .config folder is the project's root, and every path in the file is relative
// to it. All paths that leave this package are absolute. All faults of a file
// are returned at once, as diagnostic.Errors, each with file, line and column.
// Nothing but that one file is read.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"ddc/internal/diagnostic"
	"ddc/internal/regular"
)

// Name is where a configuration lies below a project's root.
const Name = ".config/dodeca.kdl"

// ErrNotFound says that there is no configuration in the folder or above it.
// Choose another folder, or give both overrides.
var ErrNotFound = errors.New("no configuration found")

// Config is a site's complete configuration: what the file leaves out has its
// default.
type Config struct {
	// File is the configuration's path. It is empty if there is none, and both
	// overrides stand in for it.
	File string
	// Root is the project's root: the parent of the .config folder, or of the
	// content folder when there is no file.
	Root string
	// Content and Output are the folders to read pages from and to write to.
	// Templates, sass, static and data lie beside Content.
	Content, Output string
	LinkCheck       LinkCheck
	// StableAssets are files that keep their names. Paths are relative to the
	// static folder, with forward slashes.
	StableAssets  []string
	CodeExecution CodeExecution
	// MaxText is the most bytes that a text of the site may have: a page,
	// template, style sheet, script, drawing or data file.
	MaxText int64
	// MaxResized is the most sizes and formats of one picture that one page may
	// have made by resize_image.
	MaxResized int
	// Wake is the wake strategy as written, or empty. It is not checked here:
	// see WakeFault.
	Wake string
	// Plugins are in the order written.
	Plugins []Plugin
	Site    Site
	// Warnings are of settings that nobody knows.
	Warnings []diagnostic.Problem

	source string // of File
	wakeAt spot
}

// WakeFault is a problem with the wake strategy, where the file names it.
func (c *Config) WakeFault(message string) diagnostic.Problem {
	p := diagnostic.Problem{File: Name, Line: c.wakeAt.line, Col: c.wakeAt.col, Length: c.wakeAt.length, Message: message}
	return c.Quote(diagnostic.Errors{p})[0]
}

// Quote gives faults that Plugin.Fault has made the lines of the file.
func (c *Config) Quote(faults diagnostic.Errors) diagnostic.Errors {
	diagnostic.Quote(faults, Name, c.source)
	return faults
}

// Folder gives the path of a folder beside the content folder, such as
// "templates". It need not exist.
func (c *Config) Folder(name string) string {
	return filepath.Join(filepath.Dir(c.Content), name)
}

// LinkCheck is how external links are checked.
type LinkCheck struct {
	// RateLimit is the least time between two requests to one domain.
	RateLimit time.Duration
	// SkipDomains are never asked.
	SkipDomains []string
}

// CodeExecution is how code samples are run.
type CodeExecution struct {
	Enabled bool
	// FailOnError makes a failing sample an error of the build; else it is a
	// warning.
	FailOnError bool
	// Timeout bounds one sample, compiling included.
	Timeout time.Duration
	// CacheDir keeps compiled samples and their results. It is absolute.
	CacheDir string
	// Dependencies are offered to every sample, in the order written.
	Dependencies []Dependency
	// Languages by their name in lower case; "rust" is always there.
	Languages map[string]Language
}

// Language gives the settings of a language as a sample's info string names
// it; "rs" is rust.
func (c CodeExecution) Language(name string) (Language, bool) {
	language, ok := c.Languages[languageOf(name)]
	return language, ok
}

// Names are those that the info string of a sample may have, in small letters.
func (c CodeExecution) Names() []string {
	names := slices.Collect(maps.Keys(c.Languages))
	if _, known := c.Languages["rust"]; known {
		names = append(names, "rs")
	}
	return names
}

// languageOf is the language that an info string or a setting names.
func languageOf(name string) string {
	if name = strings.ToLower(name); name == "rs" {
		return "rust"
	}
	return name
}

// Language is how samples of one language are run: COMMAND ARGS.
type Language struct {
	Command string
	Args    []string
	// Extension of the file that holds the sample, without the dot.
	Extension string
	// PrepareCode wraps a sample without main in one, after AutoImports.
	PrepareCode bool
	AutoImports []string
	// ShowOutput prints what a sample prints.
	ShowOutput bool
}

// Dependency is one package that samples may use. Git, Path or Version says
// where it comes from. Git and Path exclude each other; Version may stand
// beside either.
type Dependency struct {
	Name, Version         string
	Git, Revision, Branch string
	// Path is absolute.
	Path     string
	Features []string
}

// Overrides replace what the configuration says, unless they are empty. Folders
// are relative to the working directory.
type Overrides struct {
	Content, Output string
	// Base is where the site will be reached.
	Base Base
}

func defaults() *Config {
	return &Config{
		LinkCheck:  LinkCheck{RateLimit: time.Second},
		MaxText:    64 << 20,
		MaxResized: 100,
		Site:       Site{Language: "en", FeedLimit: 20, FeedContent: true, Search: true},
		CodeExecution: CodeExecution{
			Enabled:     true,
			FailOnError: true,
			Timeout:     30 * time.Second,
			CacheDir:    ".cache/code-execution",
			Languages: map[string]Language{"rust": {
				Command:     "cargo",
				Args:        []string{"run", "--quiet", "--release"},
				Extension:   "rs",
				PrepareCode: true,
				ShowOutput:  true,
			}},
		},
	}
}

// Load finds and reads the configuration of the site that the folder start
// belongs to. With both overrides there need not be one. The error is a
// diagnostic.Errors if the file is at fault, and ErrNotFound if there is none.
func Load(start string, o Overrides) (*Config, error) {
	start, err := filepath.Abs(start)
	if err != nil {
		return nil, fmt.Errorf("find the configuration: %w", err)
	}
	if info, err := os.Stat(start); err != nil {
		return nil, fmt.Errorf("find the configuration: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("find the configuration: %w", &fs.PathError{Op: "open", Path: start, Err: syscall.ENOTDIR})
	}
	if err := o.makeAbsolute(); err != nil {
		return nil, err
	}
	file, err := find(start)
	if err != nil {
		return nil, err
	}
	c := defaults()
	switch {
	case file != "":
		c.File, c.Root = file, filepath.Dir(filepath.Dir(file))
		source, err := read(c.Root)
		switch {
		case errors.As(err, new(diagnostic.Errors)):
			return nil, err
		case err != nil:
			return nil, diagnostic.Errors{{File: Name, Message: err.Error()}}
		}
		c.source = source
		if err := c.decode(Name, source, o); err != nil {
			return nil, err
		}
	case o.Content != "" && o.Output != "":
		c.Root = filepath.Dir(o.Content)
		c.settle(o)
		if err := c.checkCache(); err != nil {
			return nil, diagnostic.Errors{{File: shortest(c.CodeExecution.CacheDir), Message: "the cache of code samples " + err.Error()}}
		}
	default:
		if name, of := foreign(start); name != "" {
			return nil, fmt.Errorf("%w: %s has a %s, which is %s's; write a %s that says\n\n"+
				"    content \"content\"\n    output \"public\"\n\n"+
				"and the other settings of %s as they are called here: ddc check says which are not", ErrNotFound, start, name, of, Name, name)
		}
		return nil, fmt.Errorf("%w: neither %s nor a folder above it has a %s; make one that says\n\n"+
			"    content \"content\"\n    output \"public\"\n\n"+
			"or give both -c CONTENT and -o OUTPUT", ErrNotFound, start, Name)
	}
	return c, nil
}

// read reads the configuration of the project in a folder. It follows no link
// out of the folder, and does not wait if a pipe has taken the file's place.
func read(folder string) (string, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", err
	}
	defer root.Close()
	file, info, err := regular.Open(root, filepath.FromSlash(Name), os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if info.Size() > maxSize {
		return "", tooLarge(info.Size())
	}
	source, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if len(source) > maxSize {
		return "", tooLarge(int64(len(source)))
	}
	return string(source), err
}

func tooLarge(size int64) error {
	return diagnostic.Errors{{File: Name, Line: 1, Col: 1,
		Message: fmt.Sprintf("the file has %d bytes; a configuration has at most %d", size, maxSize)}}
}

// maxSize bounds a configuration, in bytes.
const maxSize = 1 << 20

// find walks from a folder upwards to the first that has a configuration.
func find(folder string) (string, error) {
	for {
		file := filepath.Join(folder, filepath.FromSlash(Name))
		info, err := os.Stat(file)
		switch {
		case err == nil && info.Mode().IsRegular():
			return file, nil
		case err == nil:
			return "", diagnostic.Errors{{File: shortest(file), Message: "is not a regular file"}}
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("find the configuration: %w", err)
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", nil
		}
		folder = parent
	}
}

func (o *Overrides) makeAbsolute() error {
	for _, path := range []*string{&o.Content, &o.Output} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return fmt.Errorf("resolve %s: %w", *path, err)
		}
		*path = absolute
	}
	return nil
}

// settle applies the overrides and makes every path absolute.
func (c *Config) settle(o Overrides) {
	if o.Content != "" {
		c.Content = o.Content
	}
	if o.Output != "" {
		c.Output = o.Output
	}
	if o.Base != (Base{}) {
		c.Site.Base = o.Base
	}
	for _, path := range []*string{&c.Content, &c.Output, &c.CodeExecution.CacheDir} {
		*path = c.absolute(*path)
	}
	for i := range c.CodeExecution.Dependencies {
		if path := &c.CodeExecution.Dependencies[i].Path; *path != "" {
			*path = c.absolute(*path)
		}
	}
}

func (c *Config) absolute(path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(c.Root, path)
}

// shortest is the shortest name of a file for a person in the working
// directory.
func shortest(file string) string {
	folder, err := os.Getwd()
	if err != nil {
		return file
	}
	relative, err := filepath.Rel(folder, file)
	if err != nil || strings.HasPrefix(relative, "..") {
		return file
	}
	return relative
}

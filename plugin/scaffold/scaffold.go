// Package scaffold writes the beginning of a plugin for sites: a program that
// works, with a test.
//
//	err := scaffold.Write("shout", scaffold.Options{Language: scaffold.Go, Source: "/where/ddc/is"})
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed all:go all:rust
var files embed.FS

// The languages.
const (
	Go   = "go"
	Rust = "rust"
)

// Languages lists them.
func Languages() []string { return []string{Go, Rust} }

// Options say what is written.
type Options struct {
	Language string
	// Source is the folder of ddc's own sources, which the plugin is built
	// with.
	Source string
}

// Errors of a caller.
var (
	ErrName     = errors.New("a plugin's name is of small letters, digits, - and _, and begins with a letter")
	ErrNotEmpty = errors.New("the folder is not empty")
	ErrSource   = errors.New("these are not the sources of ddc")
)

var (
	names  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
	module = regexp.MustCompile(`(?m)^module (\S+)$`)
)

// Write writes a plugin into a folder, which is called as the plugin is, and
// must not exist or be empty.
func Write(folder string, o Options) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("make a plugin: %w", err)
	}
	name := filepath.Base(folder)
	if !names.MatchString(name) {
		return fmt.Errorf("make a plugin in %s: %w", folder, ErrName)
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make a plugin: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("make a plugin in %s: %w", folder, ErrNotEmpty)
	}
	texts, err := o.texts(name)
	if err != nil {
		return fmt.Errorf("make a plugin in %s: %w", folder, err)
	}
	for file, text := range texts {
		to := filepath.Join(folder, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return fmt.Errorf("make a plugin: %w", err)
		}
		if err := os.WriteFile(to, []byte(text), 0o666); err != nil {
			return fmt.Errorf("make a plugin: %w", err)
		}
	}
	return nil
}

// texts are the plugin's files, by path.
func (o Options) texts(name string) (map[string]string, error) {
	source, err := filepath.Abs(o.Source)
	if err != nil {
		return nil, err
	}
	ours, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	if _, err := os.Stat(filepath.Join(source, "proto", "ddc_site_v1.proto")); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	m := module.FindSubmatch(ours)
	if m == nil {
		return nil, fmt.Errorf("%w: its go.mod names no module", ErrSource)
	}
	replace := strings.NewReplacer("@NAME@", name, "@IDENT@", strings.ReplaceAll(name, "-", "_"), "@MODULE@", string(m[1]), "@SOURCE@", source)
	texts := map[string]string{}
	err = fs.WalkDir(files, o.Language, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(file)
		to := strings.TrimSuffix(strings.TrimPrefix(file, o.Language+"/"), ".tmpl")
		if path.Base(to) == "gitignore" {
			to = ".gitignore"
		}
		texts[to] = replace.Replace(string(text))
		return err
	})
	if err != nil {
		return nil, err
	}
	if o.Language == Go {
		return texts, addModule(texts, source, string(ours), string(m[1]), name)
	}
	texts["Cargo.lock"] = sorted(texts["Cargo.lock"])
	return texts, nil
}

// sorted is a lock file as Cargo wants it, with the packages by their names.
func sorted(lock string) string {
	parts := strings.Split(strings.TrimSuffix(lock, "\n"), "\n\n")
	slices.Sort(parts[1:]) // the first is the head
	return strings.Join(parts, "\n\n") + "\n"
}

// addModule has the plugin need what ddc needs, at the same versions, so that
// nothing is fetched that ddc was not built with.
func addModule(texts map[string]string, source, ours, own, name string) error {
	texts["go.mod"] = strings.Replace(ours, "module "+own, "module "+name, 1) + "\nrequire " + own + " v0.0.0\n\nreplace " + own + " => " + source + "\n"
	sums, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSource, err)
	}
	texts["go.sum"] = string(sums)
	return nil
}

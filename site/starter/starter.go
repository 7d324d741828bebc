// Package starter holds the small sites that `ddc init` makes, one for each
// theme.
package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"ddc/internal/suggest"
)

//go:embed all:themes
var themes embed.FS

// Docs is a manual with all pages at the side, Blog a list of dated posts with
// tags and a feed, and Minimal neither.
const (
	Docs    = "docs"
	Blog    = "blog"
	Minimal = "minimal"
)

// folders are those of which a theme's site is put together. No two of a theme
// have the same file.
var folders = map[string][]string{
	Docs:    {"shared", "pages", "docs"},
	Blog:    {"shared", "column", "blog"},
	Minimal: {"shared", "column", "pages", "minimal"},
}

// Themes lists the names of all themes, sorted.
func Themes() []string { return slices.Sorted(maps.Keys(folders)) }

// ErrNotEmpty says that the folder holds something already. Choose another.
var ErrNotEmpty = errors.New("the folder is not empty")

// ErrNoName says that the folder has no name: "" would be the root of all
// files.
var ErrNoName = errors.New("the folder has no name")

// ErrNoTheme says that no theme has the name. Choose one of Themes.
var ErrNoTheme = errors.New("no such theme")

// Write writes a theme's site into folder, which must not exist or be empty.
func Write(folder, theme string) error {
	if _, known := folders[theme]; !known {
		return noTheme(theme)
	}
	if folder == "" {
		return fmt.Errorf("make a site: %w", ErrNoName)
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make a site in %s: %w", folder, err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("make a site in %s: %w", folder, ErrNotEmpty)
	}
	for _, part := range folders[theme] {
		files, err := fs.Sub(themes, "themes/"+part)
		if err == nil {
			err = os.CopyFS(folder, files)
		}
		if err != nil {
			return fmt.Errorf("make a site in %s: %w", folder, err)
		}
	}
	return nil
}

func noTheme(name string) error {
	if near := suggest.Nearest(name, Themes()); near != "" {
		return fmt.Errorf("%w: %q; did you mean %q?", ErrNoTheme, name, near)
	}
	return fmt.Errorf("%w: %q; there are %s", ErrNoTheme, name, strings.Join(Themes(), ", "))
}

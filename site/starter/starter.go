// Package starter holds the small site that `ddc init` makes.
package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

//go:embed all:files
var files embed.FS

// ErrNotEmpty says that the folder holds something already. Choose another.
var ErrNotEmpty = errors.New("the folder is not empty")

// ErrNoName says that the folder has no name: "" would be the root of all files.
var ErrNoName = errors.New("the folder has no name")

// Write writes the site into folder, which must not exist or be empty.
func Write(folder string) error {
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
	site, err := fs.Sub(files, "files")
	if err == nil {
		err = os.CopyFS(folder, site)
	}
	if err != nil {
		return fmt.Errorf("make a site in %s: %w", folder, err)
	}
	return nil
}

package site

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ddc/internal/heir"
	"ddc/site/config"
	"ddc/site/output"
)

// Clean removes what builds of a site have left behind: the output, and the
// cache of code samples where it lies within the project. It returns what it removed.
func Clean(cfg *config.Config) (removed []string, err error) {
	there, err := output.Remove(cfg.Output)
	switch {
	case errors.Is(err, output.ErrForeign):
		return nil, Errors{{File: cfg.Output, Message: "the output folder was not made by ddc", Hint: "remove it by hand if you do not need it"}}
	case err != nil:
		return nil, err
	case there:
		removed = append(removed, cfg.Output)
	}
	cache := cfg.CodeExecution.CacheDir
	if cache == cfg.Root || !config.Within(cfg.Root, cache) || config.Within(cache, cfg.Content) {
		return removed, nil
	}
	there, err = removeWithin(cfg.Root, cache)
	if err != nil {
		return removed, fmt.Errorf("remove the cache: %w", err)
	}
	if there {
		removed = append(removed, cache)
	}
	return removed, nil
}

// removeWithin removes a folder of a project, unless a link on the way leads out of it.
func removeWithin(project, folder string) (there bool, err error) {
	relative, err := filepath.Rel(project, folder)
	if err != nil {
		return false, err
	}
	root, err := os.OpenRoot(project)
	if err != nil {
		return false, err
	}
	defer root.Close()
	if _, err := root.Stat(relative); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return true, heir.RemoveIn(root, relative)
}

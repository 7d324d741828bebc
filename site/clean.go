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

// Clean removes what builds of a site have left behind: the output, unless only
// caches are to go, and what is in the project of the cache of code samples and
// of what plugins have answered. It returns what it removed.
func Clean(cfg *config.Config, onlyCaches bool) (removed []string, err error) {
	if !onlyCaches {
		there, err := output.Remove(cfg.Output)
		switch {
		case errors.Is(err, output.ErrForeign):
			return nil, Errors{{File: cfg.Output, Message: "the output folder was not made by ddc", Hint: "remove it by hand if you do not need it"}}
		case err != nil:
			return nil, err
		case there:
			removed = append(removed, cfg.Output)
		}
	}
	var caches []string
	if cache := cfg.CodeExecution.CacheDir; cache != cfg.Root && config.Within(cfg.Root, cache) && !config.Within(cache, cfg.Content) {
		caches = append(caches, cache)
	}
	if answers, err := AnswersFolder(cfg); err == nil {
		caches = append(caches, answers)
	}
	for _, cache := range caches {
		there, err := removeWithin(cfg.Root, cache)
		if err != nil {
			return removed, fmt.Errorf("remove the cache: %w", err)
		}
		if there {
			removed = append(removed, cache)
		}
	}
	return removed, nil
}

// removeWithin removes a folder of a project, unless a link on the way leads
// out of it.
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

// answersFolder is where a project's answers are remembered, below its root.
const answersFolder = ".cache/answers"

// AnswersFolder is where the answers of plugins are kept for a project. The
// error says that it would lie outside of the project.
func AnswersFolder(cfg *config.Config) (string, error) {
	folder := filepath.Join(cfg.Root, answersFolder)
	if real := resolved(folder); !config.Within(resolved(cfg.Root), real) {
		return "", fmt.Errorf("%s leads out of the project, to %s", folder, real)
	}
	return folder, nil
}

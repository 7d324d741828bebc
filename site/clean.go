package site

import (
	"errors"
	"fmt"
	"os"

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
	if cache == cfg.Root || !within(cfg.Root, cache) || within(cache, cfg.Content) {
		return removed, nil
	}
	if _, err := os.Stat(cache); err != nil {
		return removed, nil
	}
	if err := os.RemoveAll(cache); err != nil {
		return removed, fmt.Errorf("remove the cache: %w", err)
	}
	return append(removed, cache), nil
}

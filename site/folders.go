package site

import (
	"path/filepath"

	"ddc/site/config"
)

// folder is the folder that a build may read: the project, or, if -c names a
// content folder elsewhere, that folder's parent.
func (b *build) folder() string {
	if config.Within(b.cfg.Root, b.cfg.Content) {
		return b.cfg.Root
	}
	return filepath.Dir(b.cfg.Content)
}

// sourceFolders are the folders that a site is made of, beside its content.
var sourceFolders = [...]string{"templates", "sass", "static", "data"}

// checkOutput refuses an output folder that would replace sources, or be read
// as a source.
func (b *build) checkOutput() error {
	output := resolved(b.cfg.Output)
	sources := []string{b.cfg.Content}
	for _, name := range sourceFolders {
		sources = append(sources, b.cfg.Folder(name))
	}
	for _, source := range sources {
		source = resolved(source)
		if config.Within(output, source) || config.Within(source, output) {
			return Errors{{File: b.cfg.Output, Message: "the output folder would replace or lie in the sources in " + source,
				Hint: "choose another with -o, or \"output\" in " + config.Name}}
		}
	}
	if config.Within(output, resolved(b.folder())) || b.cfg.File != "" && config.Within(output, resolved(b.cfg.File)) {
		return Errors{{File: b.cfg.Output, Message: "the output folder would replace the project",
			Hint: "choose another with -o, or \"output\" in " + config.Name}}
	}
	return nil
}

// resolved follows the links in the part of a path that exists.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}

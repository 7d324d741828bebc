package site

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"ddc/internal/diagnostic"
	"ddc/site/content"
)

// Bounds of what is read to quote the lines that problems are about: the size
// of one file, of all files, and their number. Problems in files beyond them
// are shown without their lines.
const (
	maxQuoted      = 8 << 20
	maxQuotedTotal = 32 << 20
	maxQuotedFiles = 200
)

// quote adds to problems the source lines that they are about. A file's name
// may come from a plugin. So only files that the build itself takes for sources
// are read, and no other file of the machine gets into a report.
func (b *build) quote(problems []Problem) {
	var names []string
	want := func(file string, line int, e *diagnostic.Excerpt) {
		if line > 0 && e == nil && b.isSource(file) && !slices.Contains(names, file) && len(names) < maxQuotedFiles {
			names = append(names, file)
		}
	}
	for _, p := range problems {
		want(p.File, p.Line, p.Excerpt)
		for _, n := range p.Related {
			want(n.File, n.Line, n.Excerpt)
		}
	}
	room := int64(maxQuotedTotal)
	for _, name := range names {
		file, err := b.project.Find(name)
		if err != nil || file.Size > room {
			continue // it has gone, or is no file: that is what the problem says, or will be the next build's
		}
		data, err := b.project.ReadFile(file, min(room, maxQuoted))
		if err != nil {
			continue
		}
		room -= int64(len(data))
		diagnostic.Quote(problems, name, string(data))
	}
}

// isSource says whether a file is the configuration, or a file that scanning
// would find in the site's folders.
func (b *build) isSource(file string) bool {
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return false
	}
	if file == b.configName() {
		return true
	}
	for _, part := range strings.Split(path.Clean(file), "/") {
		if !content.Visible(part) {
			return false
		}
	}
	folders := []string{b.name(b.cfg.Content)}
	for _, folder := range sourceFolders {
		folders = append(folders, b.name(b.cfg.Folder(folder)))
	}
	return slices.ContainsFunc(folders, func(folder string) bool {
		return filepath.IsLocal(folder) && strings.HasPrefix(path.Clean(file), folder+"/")
	})
}

package site

import (
	"maps"
	"path/filepath"
	"slices"
)

// Strays are the files outside of the site's folders that it has looked for so
// far, whether they are there or not: absolute paths, sorted.
func (s *Site) Strays() []string {
	s.scanned.mu.Lock()
	defer s.scanned.mu.Unlock()
	paths := make([]string, 0, len(s.scanned.strays))
	for _, name := range slices.Sorted(maps.Keys(s.scanned.strays)) {
		paths = append(paths, filepath.Join(s.folder(), filepath.FromSlash(name)))
	}
	return paths
}

// Folders are those that the site is made of, whether they are there or not:
// absolute paths.
func (s *Site) Folders() []string {
	folders := make([]string, len(siteFolders))
	for i, kind := range siteFolders {
		folders[i] = s.folderOf(kind)
	}
	return folders
}

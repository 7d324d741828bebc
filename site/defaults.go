package site

import (
	"embed"
	"io/fs"
	"strings"
)

// defaults are the templates of what each site may have. Its own take their
// place.
//
//go:embed defaults
var defaults embed.FS

// aliasTemplate is that of a page that leads to another.
const aliasTemplate = "internal/alias.html"

// withDefaults adds the templates that a site has not written.
func (t textFiles) withDefaults() error {
	return fs.WalkDir(defaults, "defaults", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		short := strings.TrimPrefix(name, "defaults/")
		if _, own := t.Texts[short]; own {
			return nil
		}
		text, err := defaults.ReadFile(name)
		t.Texts[short], t.Names[short] = string(text), "templates/"+short+" (built in)"
		return err
	})
}

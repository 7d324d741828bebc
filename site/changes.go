package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"ddc/internal/printable"
	"ddc/plugins/html_diff/html_diffpb"
)

// maxChanges bounds how many pages are compared node by node.
const maxChanges = 100

// Change is a page that differs from the one it replaces.
type Change struct {
	// Path is the page's path below the output folder.
	Path string
	// New says that there was no such page before.
	New bool
	// Patches is the number of patches that turn the old page into the new one,
	// or -1 if they were not counted.
	Patches int
}

// String is one line for people.
func (c Change) String() string {
	path := printable.Line(c.Path)
	switch {
	case c.New:
		return path + ": new"
	case c.Patches < 0:
		return path + ": changed"
	case c.Patches == 1:
		return path + ": changed in 1 place"
	}
	return fmt.Sprintf("%s: changed in %d places", path, c.Patches)
}

// changes compares the final pages with those of the output that is replaced,
// if Options.Changes asks for it.
func (b *build) changes(ctx context.Context) ([]Change, error) {
	if !b.options.Changes {
		return nil, nil
	}
	found := make([]Change, len(b.pages))
	compared := 0
	olds := make([]string, len(b.pages))
	for i, p := range b.pages {
		old, err := b.stage.Previous(p.Output())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			found[i] = Change{Path: p.Output(), New: true}
		case err != nil:
			return nil, fmt.Errorf("compare with the previous output: %w", err)
		case string(old) != p.html:
			found[i] = Change{Path: p.Output(), Patches: -1}
			if compared++; compared <= maxChanges {
				olds[i] = string(old)
			}
		}
	}
	err := eachIndex(ctx, b, len(b.pages), func(ctx context.Context, i int) error {
		if olds[i] == "" {
			return nil
		}
		answer, err := call(ctx, b, "html_diff", b.pages[i].file.Name, b.HtmlDiff.Diff, &html_diffpb.DiffRequest{OldHtml: olds[i], NewHtml: b.pages[i].html})
		if err != nil {
			return err
		}
		found[i].Patches = len(answer.Patches)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, c := range found {
		if c.Path != "" {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

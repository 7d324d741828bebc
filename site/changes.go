package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"ddc/internal/printable"
	"ddc/plugins/html_diff/html_diffpb"
	"ddc/site/output"
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
func (s *Site) changes(ctx context.Context, stage *output.Stage, pages []*page, final []string) ([]Change, error) {
	if !s.options.Changes {
		return nil, nil
	}
	found := make([]Change, len(pages))
	compared := 0
	var differ []int
	olds := make([]string, len(pages))
	for i, p := range pages {
		old, err := stage.Previous(p.Output())
		switch {
		case errors.Is(err, fs.ErrNotExist):
			found[i] = Change{Path: p.Output(), New: true}
		case err != nil:
			return nil, fmt.Errorf("compare with the previous output: %w", err)
		case string(old) != final[i]:
			found[i] = Change{Path: p.Output(), Patches: -1}
			if compared++; compared <= maxChanges {
				olds[i] = string(old)
				differ = append(differ, i)
			}
		}
	}
	err := beside(ctx, s.options.Jobs, differ, func(ctx context.Context, i int) error {
		answer, err := call(ctx, s.build, "html_diff", pages[i].name, s.HtmlDiff.Diff, &html_diffpb.DiffRequest{OldHtml: olds[i], NewHtml: final[i]})
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

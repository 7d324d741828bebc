package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"ddc/internal/printable"
	"ddc/internal/query"
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
func (s *Site) changes(ctx context.Context, ask *query.Ask, stage *output.Stage, w *whole) ([]Change, error) {
	if !s.options.Changes {
		return nil, nil
	}
	var changes []Change
	var differ []int // of changes
	var products []product
	olds := map[int]string{}
	for _, f := range w.files {
		if f.kind != pageProduct {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		old, err := stage.Previous(f.name, s.cfg.MaxText)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			changes = append(changes, Change{Path: f.name, New: true})
		case err != nil: // a link, a folder, or no text of ours
			changes = append(changes, Change{Path: f.name, Patches: -1})
		case query.Digest(old) != f.sum:
			if len(differ) < maxChanges {
				differ = append(differ, len(changes))
				olds[len(changes)] = string(old)
			}
			changes = append(changes, Change{Path: f.name, Patches: -1})
		default:
			continue
		}
		products = append(products, f)
	}
	err := beside(ctx, s.options.Jobs, differ, func(ctx context.Context, i int) error {
		text, err := s.final.Get(ctx, ask, products[i].key)
		if err != nil {
			return err
		}
		answer, err := call(ctx, s.build, "html_diff", products[i].source, s.HtmlDiff.Diff, &html_diffpb.DiffRequest{OldHtml: olds[i], NewHtml: text})
		if err != nil {
			return err
		}
		changes[i].Patches = len(answer.Patches)
		return nil
	})
	return changes, err
}

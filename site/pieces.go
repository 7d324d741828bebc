package site

import (
	"context"
	"slices"
	"sync/atomic"
)

// rewritePieces rewrites each different style and script in the pages.
func (r *making) rewritePieces(ctx context.Context, t *tree, pages []*shownPage) error {
	type first struct {
		inline
		page  *shownPage
		spelt []string
	}
	found, err := each(ctx, r.ask, r.named, r.options.Jobs, t.keys())
	if err != nil {
		return err
	}
	seen := map[inline]bool{}
	var pieces []first
	for i, n := range found {
		for j, piece := range n.pieces {
			if !seen[piece] {
				seen[piece] = true
				pieces = append(pieces, first{piece, pages[i], n.inPiece[j]})
			}
		}
	}
	var faulty atomic.Int64 // pieces, which may all have the same fault
	rewrite := func(ctx context.Context, f first) error {
		made, err := r.rewritePiece(ctx, r.ask, f.page.page, f.inline, f.spelt)
		if err != nil {
			faulty.Add(1)
			return err
		}
		if len(made.unknown) == 0 {
			return nil
		}
		source, err := r.writtenIn(ctx, r.ask, f.page.page)
		if err != nil {
			return err
		}
		r.notes.mu.Lock()
		defer r.notes.mu.Unlock()
		for _, u := range made.unknown {
			u.file, u.source = f.page.name, source
			r.references = append(r.references, u)
		}
		return nil
	}
	var all faults
	for some := range slices.Chunk(pieces, piecesAtOnce) {
		if err := all.collect(beside(ctx, r.options.Jobs, some, rewrite)); err != nil {
			return err
		}
		if faulty.Load() > mostFaultyPieces {
			break
		}
	}
	return all.err()
}

// Each faulty piece is looked for in its page and in all templates. So no more
// are rewritten, piecesAtOnce at a time, once more than mostFaultyPieces have
// faults.
const piecesAtOnce, mostFaultyPieces = 256, 100

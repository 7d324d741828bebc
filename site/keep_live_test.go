package site_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"ddc/internal/query/store"
	"ddc/site"
)

// A site that stays open keeps what it knows while its sources change and its
// files are asked for. Whatever was kept last, the next process comes to what a
// clean build does.
func TestWhatAnOpenSiteKeepsIsOfOneMoment(t *testing.T) {
	p := lively(t)
	folder := t.TempDir()
	kept, err := store.Open(t.Context(), folder, store.Options{Version: "1", Said: func(what string) { t.Log(what) }})
	require.NoError(t, err)
	options := site.Options{Now: moment, NoCodeExec: true}
	world, err := site.World(p.config(), options)
	require.NoError(t, err)
	session, err := kept.Session(t.Context(), world)
	require.NoError(t, err)
	live := options
	live.Remembered = &site.Remembered{Session: session, Build: kept.Build()}
	s, err := site.Open(t.Context(), p.config(), connect(t), live)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var beside errgroup.Group
	beside.Go(func() error {
		for ctx.Err() == nil {
			if _, err := s.File(ctx, "blog/a/index.html"); err != nil && ctx.Err() == nil {
				return err
			}
		}
		return nil
	})
	beside.Go(func() error {
		for ctx.Err() == nil {
			if _, err := s.KeepIfIdle(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
		return nil
	})
	for i := range 20 {
		p.change(change{"content/blog/a.md": titledAs(fmt.Sprint("A", i/3)) + fmt.Sprintf("edit %d\n", i), fmt.Sprintf("content/guide/x%d.md", i%4): []string{titledAs("X"), gone}[i%2]})
		_, err := s.Refresh(t.Context())
		require.NoError(t, err)
	}
	cancel()
	require.NoError(t, beside.Wait())
	require.NoError(t, s.Keep(t.Context()))
	require.NoError(t, s.Close())
	session.Close()
	require.NoError(t, kept.Close(t.Context()))

	clean := *p.config()
	clean.Output = t.TempDir() + "/clean"
	result, err := site.Build(t.Context(), &clean, connect(t), options)
	want := outcomeOf(t, clean.Output, result, err)
	k := &keeping{folder: folder, check: 1}
	result, err = k.build(t, p.config(), connect(t), options)
	assert.Empty(t, outcomeOf(t, p.config().Output, result, err).differs(want))
}

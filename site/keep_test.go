package site_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/query"
	"ddc/internal/query/store"
	"ddc/site"
	"ddc/site/config"
)

// keeping builds a site again and again, each time as another process would, with what
// the last one has kept.
type keeping struct {
	folder string
	check  uint64
	counts site.Counts // of the last build
}

func (k *keeping) build(t testing.TB, cfg *config.Config, plugins site.Plugins, o site.Options) (result *site.Result, err error) {
	t.Helper()
	kept, err := store.Open(t.Context(), k.folder, store.Options{Version: "1", Said: func(what string) { t.Log(what) }})
	require.NoError(t, err)
	world, err := site.World(cfg, o)
	require.NoError(t, err)
	session, err := kept.Session(t.Context(), world)
	require.NoError(t, err)
	o.Remembered = &site.Remembered{Session: session, Build: kept.Build(), Check: k.check, Differs: func(d query.Difference) { t.Error(d) }}
	o.Answers = site.NewAnswers(kept, kept.Build(), func(string) (string, bool) { return "1", true })
	s, err := site.Open(cfg, plugins, o)
	require.NoError(t, err)
	result, err = s.Build(t.Context())
	require.NoError(t, s.Keep(t.Context()))
	k.counts = s.Counts()
	require.NoError(t, s.Close())
	session.Close()
	require.NoError(t, kept.Close(context.WithoutCancel(t.Context())))
	return result, err
}

// kept opens the project's cache, builds, and says what was made of pages, by query, and
// how many calls were made.
func (k *keeping) made(t *testing.T, p *project) map[string]int {
	t.Helper()
	_, err := k.build(t, p.config(), connect(t), site.Options{Now: moment, NoCodeExec: true})
	require.NoError(t, err)
	made := map[string]int{}
	for _, query := range []string{"front", "body", "page", "finished", "final", "sheet", "picture", "font", "cut font", "search", "whole"} {
		if n := k.counts.Computed[query]; n > 0 {
			made[query] = n
		}
	}
	for _, n := range k.counts.Calls {
		made["calls"] += n
	}
	if made["calls"] == 0 {
		delete(made, "calls")
	}
	return made
}

func TestASiteOfWhichNothingHasChangedIsNotMadeAgain(t *testing.T) {
	p := lively(t)
	k := &keeping{folder: t.TempDir(), check: 1 << 60}
	cold := k.made(t, p)
	assert.NotZero(t, cold["calls"])
	assert.Equal(t, 7, cold["page"])
	want := outcomeOf(t, p.config().Output, &site.Result{}, nil)
	assert.Empty(t, k.made(t, p))
	assert.Empty(t, want.differs(outcomeOf(t, p.config().Output, &site.Result{}, nil)))

	require.NoError(t, os.RemoveAll(p.config().Output))
	assert.Empty(t, k.made(t, p), "the output is written again from what is kept")
	assert.Empty(t, want.differs(outcomeOf(t, p.config().Output, &site.Result{}, nil)))

	body := "eno\n"
	p.change(change{"content/guide/one.md": titledAs("One") + body})
	made := k.made(t, p)
	assert.Positive(t, made["calls"])
	delete(made, "calls")
	assert.Equal(t, map[string]int{"front": 1, "body": 1, "page": 1, "finished": 1, "final": 1, "search": 1, "whole": 1}, made, "a body is one page's own")
	assert.Empty(t, k.made(t, p))

	p.change(change{"content/guide/one.md": titledAs("One") + body})
	assert.Empty(t, k.made(t, p), "it is saved as it was")
	later := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(p.folder, "content/blog/a.md"), later, later))
	assert.Empty(t, k.made(t, p))
}

package site_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/query"
	"ddc/internal/query/store"
	"ddc/site"
	"ddc/site/config"
)

// keeping builds a site again and again, each time as another process would,
// with what the last one has kept.
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
	s, err := site.Open(t.Context(), cfg, plugins, o)
	require.NoError(t, err)
	result, err = s.Build(t.Context())
	require.NoError(t, s.Keep(t.Context()))
	k.counts = s.Counts()
	require.NoError(t, s.Close())
	session.Close()
	require.NoError(t, kept.Close(context.WithoutCancel(t.Context())))
	return result, err
}

// made builds, and says what was made of pages, by query, and
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

// What is remembered costs a build little: one of which nothing has changed
// reads one value, and a first one makes what it would make without, once.
func TestRememberedValuesAreReadWhenTheyAreAskedFor(t *testing.T) {
	p := lively(t)
	kept := &wrongly{}
	build := func(remembered bool) site.Counts {
		o := site.Options{Now: moment, NoCodeExec: true}
		if remembered {
			o.Remembered = &site.Remembered{Session: kept, Check: 1 << 60, Differs: func(d query.Difference) { t.Error(d) }}
		}
		s, err := site.Open(t.Context(), p.config(), connect(t), o)
		require.NoError(t, err)
		defer s.Close()
		_, err = s.Build(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.Keep(t.Context()))
		return s.Counts()
	}
	without := build(false)
	first := build(true)
	assert.Equal(t, without.Computed, first.Computed)
	assert.Equal(t, without.Calls, first.Calls)
	assert.Zero(t, kept.read.Load())
	again := build(true)
	assert.Empty(t, again.Calls)
	assert.Equal(t, int64(1), kept.read.Load(), "what the whole build comes to")
}

// What other sites answer is not remembered, nor is that nobody has asked them.
func TestOtherSitesAreAskedThoughNothingHasChanged(t *testing.T) {
	p := newProject(t, "content/a.md", titledAs("A")+"[x](http://127.0.0.1:1/)\n")
	k := &keeping{folder: t.TempDir(), check: 1 << 60}
	for i, asks := range []bool{false, true, true, false} {
		for _, dry := range []bool{false, true} {
			result, err := k.build(t, p.config(), connect(t), site.Options{Now: moment, NoCodeExec: true, NoSearch: true, CheckLinks: asks, Dry: dry})
			require.NoError(t, err)
			assert.Equal(t, asks, k.counts.Calls["linkcheck"] == 1, "build %d", i)
			assert.Equal(t, asks, slices.ContainsFunc(result.Warnings, func(w site.Problem) bool { return strings.Contains(w.Message, "127.0.0.1:1") }), "%v", result.Warnings)
		}
	}
}

// What is asked for anew in each process is so in a remembered site too.
func TestATimeThatIsShownIsThatOfTheBuild(t *testing.T) {
	p := newProject(t, "content/a.md", titledAs("A"), "content/b.md", titledAs("B")+"text",
		"templates/section.html", `{{ now() | date(format="%Y-%m-%d %H:%M:%S") }}`, "templates/index.html", `{{ now() | date(format="%H:%M:%S") }}`)
	k := &keeping{folder: t.TempDir(), check: 1 << 60}
	show := func(at time.Time) string {
		_, err := k.build(t, p.config(), connect(t), site.Options{Now: at, NoCodeExec: true, NoSearch: true})
		require.NoError(t, err)
		return p.read("index.html")
	}
	assert.Contains(t, show(moment), "10:00:00")
	assert.Contains(t, show(moment), "10:00:00")
	assert.Zero(t, k.counts.Computed["page"])
	assert.Contains(t, show(moment.Add(time.Second)), "10:00:01")
	assert.Equal(t, 1, k.counts.Computed["page"], "the other pages do not show it")
}

// Whatever somebody does to the output, the next build has it as a clean one.
func TestAnOutputThatWasTamperedWithIsMadeRight(t *testing.T) {
	p := lively(t)
	k := &keeping{folder: t.TempDir(), check: 1 << 60}
	k.made(t, p)
	output := p.config().Output
	want := outcomeOf(t, output, &site.Result{}, nil)
	page := filepath.Join(output, "blog/a/index.html")
	for name, tamper := range map[string]func() error{
		"nothing":      func() error { return nil },
		"another text": func() error { return os.WriteFile(page, []byte("other"), 0o666) },
		"a text as long": func() error {
			return os.WriteFile(page, []byte(strings.ToUpper(want.files["blog/a/index.html"])), 0o666)
		},
		"a file is gone":    func() error { return os.Remove(page) },
		"one more":          func() error { return os.WriteFile(filepath.Join(output, "CNAME"), nil, 0o666) },
		"an empty folder":   func() error { return os.Mkdir(filepath.Join(output, "empty"), 0o777) },
		"another mode":      func() error { return os.Chmod(page, 0o600) },
		"a link":            func() error { return errors.Join(os.Remove(page), os.Symlink("../../index.html", page)) },
		"all of it is gone": func() error { return os.RemoveAll(output) },
	} {
		require.NoError(t, tamper(), name)
		assert.Empty(t, k.made(t, p), name)
		assert.Empty(t, outcomeOf(t, output, &site.Result{}, nil).differs(want), name)
		assert.NoDirExists(t, filepath.Join(output, "empty"))
		info, err := os.Lstat(page)
		require.NoError(t, err)
		assert.True(t, info.Mode().IsRegular(), name)
		assert.NotEqual(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

// A file that has not changed is the same file in the next output, and who has
// the last output open sees it as it was.
func TestWhatHasNotChangedIsLinked(t *testing.T) {
	p := lively(t)
	k := &keeping{folder: t.TempDir(), check: 1 << 60}
	k.made(t, p)
	inode := func(name string) uint64 {
		info, err := os.Stat(filepath.Join(p.config().Output, name))
		require.NoError(t, err)
		return info.Sys().(*syscall.Stat_t).Ino
	}
	a, one := inode("blog/a/index.html"), inode("guide/one/index.html")
	p.change(change{"content/guide/one.md": titledAs("One") + "another\n"})
	k.made(t, p)
	assert.Equal(t, a, inode("blog/a/index.html"))
	assert.NotEqual(t, one, inode("guide/one/index.html"))
}

// A value that was kept wrongly is found by the build whose turn it is, which
// says so and has the right one.
func TestAWrongValueIsFoundAndSaid(t *testing.T) {
	p := newProject(t, "content/a.md", titledAs("A"))
	cfg := p.config()
	wrong := &wrongly{}
	build := func(check uint64) (said []string) {
		_, err := site.Build(t.Context(), cfg, connect(t), site.Options{NoCodeExec: true, NoSearch: true, Remembered: &site.Remembered{Session: wrong, Check: check,
			Differs: func(d query.Difference) { said = append(said, d.Error()) }}})
		require.NoError(t, err)
		return said
	}
	assert.Empty(t, build(1))
	want := p.read("a/index.html")
	require.NoError(t, os.RemoveAll(cfg.Output)) // so that the values are read
	assert.Empty(t, build(1), "all are right")
	require.NoError(t, os.RemoveAll(cfg.Output))
	wrong.change = true
	assert.Contains(t, build(1), "the remembered answer of final(a.md) differs from the one worked out again from the same 1 inputs: finished(a.md)")
	assert.Equal(t, want, p.read("a/index.html"))
	wrong.change = false
	assert.Empty(t, build(1))
}

// wrongly is a session in memory. If change is set, a page is another than it
// was.
type wrongly struct {
	taken  *query.Snapshot
	ground []byte
	values map[query.Fingerprint][]byte
	change bool
	read   atomic.Int64 // values that were read
}

func (w *wrongly) Keep(_ context.Context, taken *query.Snapshot, ground []byte) error {
	if w.values == nil {
		w.values = map[query.Fingerprint][]byte{}
	}
	for i := range taken.Nodes {
		k := &taken.Nodes[i]
		if k.Append != nil {
			encoded, err := k.Append(nil)
			if err != nil {
				return err
			}
			w.values[k.Fingerprint], k.Append = encoded, nil
		}
	}
	w.taken, w.ground = taken, ground
	return nil
}

func (w *wrongly) Snapshot() (*query.Snapshot, []byte) {
	if w.taken == nil {
		return nil, nil
	}
	s := &query.Snapshot{Nodes: slices.Clone(w.taken.Nodes), Value: func(f query.Fingerprint) ([]byte, bool) {
		w.read.Add(1)
		v, ok := w.values[f]
		return v, ok
	}}
	for i := range s.Nodes {
		if k := &s.Nodes[i]; w.change && k.Query == "final" && k.Key == "a.md" {
			other := []byte("other")
			k.Fingerprint = query.Digest(other)
			w.values[k.Fingerprint] = other
		}
	}
	return s, w.ground
}

// A page that is another while all else is as it was takes its own place alone:
// the output's folder, and the other files, are not touched.
func TestOneFileThatHasChangedIsReplacedAlone(t *testing.T) {
	p := lively(t)
	k := &keeping{folder: t.TempDir(), check: 1 << 60}
	output := p.config().Output
	build := func() {
		_, err := k.build(t, p.config(), connect(t), site.Options{Now: moment, NoCodeExec: true, NoSearch: true})
		require.NoError(t, err)
		beside, err := filepath.Glob(filepath.Join(filepath.Dir(output), ".*ddc-*"))
		require.NoError(t, err)
		assert.Empty(t, beside, "nothing is left beside the output")
	}
	stat := func(name string) syscall.Stat_t {
		info, err := os.Stat(filepath.Join(output, name))
		require.NoError(t, err)
		all := *info.Sys().(*syscall.Stat_t)
		all.Atim = syscall.Timespec{} // somebody has read it
		return all
	}
	build()
	folder, a, one := stat(""), stat("blog/a/index.html"), stat("guide/one/index.html")
	p.change(change{"content/guide/one.md": titledAs("One") + "another\n"})
	build()
	assert.Equal(t, folder.Ino, stat("").Ino)
	assert.Equal(t, a, stat("blog/a/index.html"))
	assert.NotEqual(t, one.Ino, stat("guide/one/index.html").Ino)
	assert.Contains(t, p.read("guide/one/index.html"), "another")
	assert.Equal(t, one.Mode, stat("guide/one/index.html").Mode)
	build()
	assert.Equal(t, folder.Ino, stat("").Ino, "nothing has changed")

	p.change(change{"content/guide/one.md": titledAs("One") + "third\n", "content/blog/a.md": titledAs("A") + "third\n"})
	build()
	assert.NotEqual(t, folder.Ino, stat("").Ino, "of two files both are there at once, or none")
	p.change(change{"content/guide/one.md": titledAs("One") + "fourth\n"})
	require.NoError(t, os.WriteFile(filepath.Join(output, "foreign"), nil, 0o666))
	build()
	assert.NoFileExists(t, filepath.Join(output, "foreign"))

	got := outcomeOf(t, output, &site.Result{}, nil)
	require.NoError(t, os.RemoveAll(output))
	k.folder = t.TempDir()
	build()
	assert.Empty(t, outcomeOf(t, output, &site.Result{}, nil).differs(got), "as a clean build has it")
}

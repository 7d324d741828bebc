package serve_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/site/serve"
)

func rename(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.Rename(from, to))
}

// Each is done while the server runs; then it shows what the sources are.
var saves = []struct {
	name string
	do   func(t *testing.T, s *server)
	path string
	want string // "" for nothing there
}{
	{"written over", func(t *testing.T, s *server) { s.write("content/index.html", "new") }, "/", "new"},
	{"saved beside and renamed over", func(t *testing.T, s *server) {
		for _, text := range []string{"first", "second"} {
			s.write("content/.index.html.tmp", text)
			rename(t, s.path("content/.index.html.tmp"), s.path("content/index.html"))
			s.shows("/", 200, text)
		}
		s.write("content/index.html~", "backup")
		rename(t, s.path("content/index.html"), s.path("content/index.html~"))
		s.write("content/index.html", "third")
	}, "/", "third"},
	{"deleted and written again", func(t *testing.T, s *server) {
		remove(t, s.path("content/index.html"))
		s.write("content/index.html", "again")
	}, "/", "again"},
	{"deleted", func(t *testing.T, s *server) { remove(t, s.path("content/a/index.html")) }, "/a/", ""},
	{"truncated, then written", func(t *testing.T, s *server) {
		emptied := time.Now()
		f, err := os.OpenFile(s.path("content/index.html"), os.O_WRONLY|os.O_TRUNC, 0)
		require.NoError(t, err)
		answered := make(chan answer, 1)
		go func() { answered <- s.get("/") }()
		time.Sleep(50 * time.Millisecond) // a writer that takes its time
		_, err = f.WriteString("whole")
		inTime := time.Since(emptied) < 250*time.Millisecond // a busy machine may have stopped it for longer than it is waited for
		require.NoError(t, errors.Join(err, f.Close()))
		got := await.Value(t, "an answer meanwhile", answered).body
		assert.False(t, inTime && strings.HasSuffix(got, "></script>"), "the page was shown while it was empty")
	}, "/", "whole"},
	{"folders within folders", func(t *testing.T, s *server) { s.write("content/x/y/z/index.html", "deep") }, "/x/y/z/", "deep"},
	{"file in a folder that was made before", func(t *testing.T, s *server) {
		require.NoError(t, os.MkdirAll(s.path("content/x/y"), 0o777))
		s.write("content/index.html", "both")
		s.shows("/", 200, "both")
		s.write("content/x/y/index.html", "later")
	}, "/x/y/", "later"},
	{"tree moved in", func(t *testing.T, s *server) {
		s.write("away/b/index.html", "moved")
		rename(t, s.path("away"), s.path("content/in"))
		s.shows("/in/b/", 200, "moved")
		s.write("content/in/b/index.html", "and changed")
	}, "/in/b/", "and changed"},
	{"folder renamed", func(t *testing.T, s *server) {
		rename(t, s.path("content/a"), s.path("content/b"))
		s.shows("/b/", 200, "a")
		s.write("content/b/index.html", "changed after")
		s.shows("/b/", 200, "changed after")
	}, "/a/", ""},
	{"folder deleted and made again", func(t *testing.T, s *server) {
		for _, text := range []string{"one", "two", "three"} {
			remove(t, s.path("content/a"))
			s.write("content/a/index.html", text)
			s.shows("/a/", 200, text)
		}
		s.write("content/a/index.html", "four")
	}, "/a/", "four"},
	{"content folder deleted and made again", func(t *testing.T, s *server) {
		remove(t, s.path("content"))
		s.shows("/", 404, "")
		s.write("content/index.html", "back")
		s.shows("/", 200, "back")
		s.write("content/index.html", "and changed")
	}, "/", "and changed"},
	{"project moved away and back", func(t *testing.T, s *server) {
		rename(t, s.folder, s.folder+"-away")
		s.shows("/", 404, "")
		rename(t, s.folder+"-away", s.folder)
		s.shows("/", 200, "home")
		s.write("content/index.html", "moved back")
	}, "/", "moved back"},
	{"folder that was not there", func(t *testing.T, s *server) { s.write("static/sub/new.txt", "new") }, "/sub/new.txt", "new"},
	{"link to a file", func(t *testing.T, s *server) {
		s.write("elsewhere/target", "one")
		require.NoError(t, os.Symlink(s.path("elsewhere/target"), s.path("content/link.html")))
		s.shows("/link.html", 200, "one")
		s.write("elsewhere/target", "two")
	}, "/link.html", "two"},
	{"link to a folder", func(t *testing.T, s *server) {
		s.write("elsewhere/index.html", "one")
		require.NoError(t, os.Symlink(s.path("elsewhere"), s.path("content/linked")))
		s.shows("/linked/", 200, "one")
		s.write("elsewhere/index.html", "two")
	}, "/linked/", "two"},
	{"links in a circle and to nowhere", func(t *testing.T, s *server) {
		require.NoError(t, os.Symlink(s.path("content"), s.path("content/circle")))
		require.NoError(t, os.Symlink("user@host.1234", s.path("content/.#index.html")))
		s.write("content/index.html", "lives")
	}, "/", "lives"},
	{"only the case of its name", func(t *testing.T, s *server) {
		rename(t, s.path("content/a"), s.path("content/A"))
		s.shows("/A/", 200, "a")
	}, "/a/", ""},
	{"where git ignores it", func(t *testing.T, s *server) {
		s.write(".gitignore", "content\n")
		s.write("content/.gitignore", "*\n")
		s.write("content/made/index.html", "one")
		s.shows("/made/", 200, "one")
		s.write("content/made/index.html", "two")
	}, "/made/", "two"},
	{"same size and times", func(t *testing.T, s *server) {
		info, err := os.Stat(s.path("content/a/index.html"))
		require.NoError(t, err)
		s.write("content/a/index.html", "b") // it was "a"
		require.NoError(t, os.Chtimes(s.path("content/a/index.html"), info.ModTime(), info.ModTime()))
	}, "/a/", "b"},
	{"configuration", func(t *testing.T, s *server) {
		for _, text := range []string{"one", "FAULT", "three"} {
			s.write(".config/site", text)
			s.next("the configuration")
		}
		s.write("content/index.html", "after")
	}, "/", "after"},
}

func TestEverySaveIsSeen(t *testing.T) {
	for name, o := range map[string]serve.Options{"watching": {}, "polling": {Poll: true}} {
		for _, c := range saves {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				s := start(t, o, "content/index.html", "home", "content/a/index.html", "a")
				c.do(t, s)
				if c.want == "" {
					s.shows(c.path, 404, "")
					return
				}
				s.shows(c.path, 200, c.want)
			})
		}
	}
}

func TestManyFilesAtOnceAreOneChangeOrFew(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", "home")
	require.NoError(t, os.Mkdir(s.path("away"), 0o777))
	for i := range 500 {
		s.write(filepath.Join("away", string(rune('a'+i%26)), time.Duration(i).String()+".html"), "x")
	}
	before := s.site.times()
	rename(t, s.path("away"), s.path("content/in"))
	s.next("the change")
	s.shows("/in/a/0s.html", 200, "x")
	assert.LessOrEqual(t, s.site.times()-before, 3)
}

// A program may write all the time: a checkout, a log, a generator. The wait
// for quiet has an end, and what there is then is shown.
func TestChangesWithoutAnEndAreShownMeanwhile(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", "home", "static/noise.txt", "0")
	writing, end := context.WithCancel(t.Context())
	defer end()
	ended := make(chan error, 1)
	go func() {
		pace := time.NewTicker(2 * time.Millisecond) // within what counts as quiet
		defer pace.Stop()
		for n := 0; ; n++ {
			select {
			case <-writing.Done():
				ended <- nil
				return
			case <-pace.C:
			}
			if err := os.WriteFile(s.path("static/noise.txt"), []byte(time.Duration(n).String()), 0o666); err != nil {
				ended <- err
				return
			}
		}
	}()
	for _, text := range []string{"one", "two", "three"} {
		s.save("content/index.html", text)
		s.shows("/", 200, text)
	}
	end()
	assert.NoError(t, await.Value(t, "the writer to end", ended))
}

func TestSaveWithoutAChangeMakesNothing(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", "home", "static/a.css", "p{}")
	before := s.site.times()
	f, err := os.OpenFile(s.path("static/a.css"), os.O_WRONLY, 0) // never empty, though a busy machine stops us here
	require.NoError(t, err)
	_, err = f.WriteString("p{}")
	require.NoError(t, errors.Join(err, f.Close()))
	require.NoError(t, os.Chtimes(s.path("static/a.css"), time.Now(), time.Now()))
	// What lies beside the sources is no matter either: an output, a cache.
	s.write("public/index.html", "output")
	s.write(".cache/x", "cache")
	s.save("content/index.html", "changed")
	assert.Equal(t, []string{"content/index.html"}, s.next("the real change").Files)
	assert.Equal(t, 1, s.site.times()-before)
	// What an editor puts beside it may be seen there, and that it has gone.
	s.write("static/.a.css.swp", "x")
	remove(t, s.path("static/.a.css.swp"))
	s.save("content/index.html", "changed again")
	assert.Equal(t, []string{"content/index.html"}, s.next("the next change").Files)
	assert.LessOrEqual(t, s.site.times()-before, 4)
}

// The kernel names the files that were saved. All others are looked at only
// where what it says is not enough.
func TestSaveHasItsFileLookedAtAlone(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", "home", "content/a/index.html", "a", "content/b/index.html", "b")
	looked := func(at string, do func()) (anywhere bool) {
		t.Helper()
		do()
		for !slices.Contains(s.next(at).Files, at) {
		}
		s.site.mu.Lock()
		defer s.site.mu.Unlock()
		return s.site.anywhere[len(s.site.anywhere)-1]
	}
	a, b, fresh, c := "content/a/index.html", "content/b/index.html", "content/a/new.html", "content/c/index.html"
	assert.False(t, looked(a, func() { s.save(a, "A") }))
	assert.False(t, looked(a, func() { // as editors do
		s.write("content/.a.tmp", "AA")
		rename(t, s.path("content/.a.tmp"), s.path(a))
	}))
	assert.False(t, looked(fresh, func() { s.save(fresh, "new") }))
	assert.False(t, looked(fresh, func() { remove(t, s.path(fresh)) }))
	assert.True(t, looked(c, func() { rename(t, s.path("content/a"), s.path("content/c")) }))
	assert.False(t, looked(c, func() { s.save(c, "c") }))
	// A name does not tell whether the file is a link, or has other names.
	assert.True(t, looked("content/c/link.html", func() { require.NoError(t, os.Symlink("../b/index.html", s.path("content/c/link.html"))) }))
	assert.True(t, looked("content/c/link.html", func() { s.save(b, "B") }))
	s.shows("/c/link.html", 200, "B")
	assert.True(t, looked("content/c/twin.html", func() { require.NoError(t, os.Link(s.path(b), s.path("content/c/twin.html"))) }))
	assert.True(t, looked("content/c/twin.html", func() {
		f, err := os.OpenFile(s.path(b), os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteString("X")
		require.NoError(t, errors.Join(err, f.Close()))
	}))
	s.shows("/c/twin.html", 200, "X")
}

func TestSaveDuringABuildWinsAndRequestsWaitForIt(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", "one")
	release, entered := s.site.holds()
	s.save("content/index.html", "two")
	await.Value(t, "the site to take the change in", entered)
	answered := make(chan answer, 1)
	go func() { answered <- s.get("/") }()
	s.save("content/index.html", "three")
	await.Value(t, "the site to give up, and take the next in", entered)
	select {
	case got := <-answered:
		assert.Fail(t, "a request was answered before the save that it came after", got.body)
	default:
	}
	release()
	assert.Contains(t, await.Value(t, "the answer", answered).body, "three")
}

func TestWhereTheKernelCannotWatchItIsPolledAndSaid(t *testing.T) {
	if os.Getenv("DDC_TEST_FEW_WATCHES") == "" {
		// The limit is of a process, so the test runs itself with a small one.
		program, err := os.Executable()
		require.NoError(t, err)
		c := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -n 24 && exec "$@"`, "sh", program, "-test.run", "^"+t.Name()+"$", "-test.v")
		c.Env = append(os.Environ(), "DDC_TEST_FEW_WATCHES=1")
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	log, said := logger()
	s := prepare(t)
	s.write("content/index.html", "one")
	var files []*os.File
	for { // inotify needs a descriptor of its own, and gets none
		f, err := os.Open("/dev/null")
		if err != nil {
			break
		}
		files = append(files, f)
	}
	free := func(n int) {
		for _, f := range files[len(files)-n:] {
			require.NoError(t, f.Close())
		}
		files = files[:len(files)-n]
	}
	free(1) // for the listener
	s.run(serve.Options{Log: log})
	await.Until(t, "the lack of watches to be told", func() bool { return strings.Contains(said(), "looking for changes twice a second") })
	free(len(files))
	s.write("content/index.html", "two")
	s.shows("/", 200, "two")
}

// A change that is seen only after it was taken in ends the check that runs,
// and is no change any more: the check is made all the same.
func TestCheckThatWasGivenUpIsMadeAgain(t *testing.T) {
	for when, first := range map[string]bool{"at first": true, "later": false} {
		t.Run(when, func(t *testing.T) {
			s := prepare(t, "content/a/index.html", "one", "content/b/index.html", "one")
			if !first {
				s.run(serve.Options{})
				s.next("the site to be ready")
			}
			s.site.takesInUnseen(func() { s.write("content/b/index.html", "FAULT") })
			if first {
				s.run(serve.Options{})
			} else {
				s.write("content/a/index.html", "two")
			}
			c := s.next("the changes")
			require.Len(t, c.Faults, 1)
			assert.Equal(t, "b/index.html", c.Faults[0].File)
		})
	}
}

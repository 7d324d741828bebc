package output

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// pages are what every output of these tests consists of, all with one text.
var pages = []string{"index.html", "deep/page.html", "deep/er/page.html"}

// build builds an output of one text, as far as y lets it.
func build(final, text string, y system) (*Stage, error) {
	s, err := begin(final, nil, y)
	if err != nil {
		return nil, err
	}
	for _, p := range pages {
		if err := errors.Join(s.Claim(p, p), s.Write(context.Background(), p, []byte(text))); err != nil {
			return s, err
		}
	}
	return s, s.Commit(context.Background())
}

// textOf is the text of an output, all of whose pages must agree.
func textOf(t *testing.T, final string) string {
	t.Helper()
	var texts []string
	for _, p := range pages {
		text, err := os.ReadFile(filepath.Join(final, p))
		require.NoError(t, err)
		texts = append(texts, string(text))
	}
	require.Len(t, slices.Compact(texts), 1, "%v: a part of it is lost", texts)
	return texts[0]
}

// odd are systems that lack something, by how the output is put in place there.
func odd() map[string]func(final string) system {
	exchanging := func(errno unix.Errno) func(string) system {
		return func(string) system {
			y := realSystem()
			y.exchange = func(string, string) error { return errno }
			return y
		}
	}
	return map[string]func(final string) system{
		"sound":                   func(string) system { return realSystem() },
		"no exchange":             exchanging(unix.EINVAL),
		"no renameat2":            exchanging(unix.ENOSYS),
		"renameat2 filtered":      exchanging(unix.EPERM),
		"exchange across layers":  exchanging(unix.EXDEV),
		"folder in a lower layer": lowerLayer,
		"no locks, no exchange":   func(string) system { return withoutLocks(exchanging(unix.EINVAL)("")) },
		"no locks, but renameat2": func(string) system { return withoutLocks(realSystem()) },
		"no locks, other layers":  func(final string) system { return withoutLocks(exchanging(unix.EXDEV)(final)) },
	}
}

// lowerLayer is a system in which the first output can't be renamed, as one in
// a lower layer of an overlay.
func lowerLayer(final string) system {
	folder, err := os.Open(final) // held open, or another might get its number
	if err != nil {
		return realSystem()
	}
	lower, err := folder.Stat()
	y := realSystem()
	y.exchange = func(string, string) error { return unix.EXDEV }
	y.rename = func(from, to string) error {
		defer runtime.KeepAlive(folder)
		if now, e := os.Stat(from); err == nil && e == nil && os.SameFile(lower, now) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: unix.EXDEV}
		}
		return os.Rename(from, to)
	}
	return y
}

func withoutLocks(y system) system {
	y.flock = func(*os.File) error { return unix.ENOLCK }
	return y
}

func TestOutputIsReplacedWhateverTheMachineLacks(t *testing.T) {
	for name, systemOf := range odd() {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			final := filepath.Join(folder, "public")
			_, err := build(final, "old", realSystem())
			require.NoError(t, err)
			s, err := build(final, "new", systemOf(final))
			require.NoError(t, err)
			assert.Equal(t, "new", textOf(t, final))
			assert.Equal(t, []string{"public"}, names(t, folder))
			notes := strings.Join(s.Notes(), "\n")
			assert.Equal(t, strings.HasPrefix(name, "no locks"), strings.Contains(notes, "what killed builds leave beside the output is not removed"), notes)
			assert.Equal(t, name != "sound" && name != "no locks, but renameat2", strings.Contains(notes, "the output was put in place"), notes)
			assert.Equal(t, name == "folder in a lower layer", strings.Contains(notes, "by way of a copy"), notes)
		})
	}
}

func TestFirstOutputIsPutInPlaceWhateverTheMachineLacks(t *testing.T) {
	for name, systemOf := range odd() {
		t.Run(name, func(t *testing.T) {
			final := filepath.Join(t.TempDir(), "public")
			_, err := build(final, "first", systemOf(final))
			require.NoError(t, err)
			assert.Equal(t, "first", textOf(t, final))
			assert.Equal(t, []string{"public"}, names(t, filepath.Dir(final)))
		})
	}
}

// errKilled is what a build in these tests is killed with.
var errKilled = errors.New("killed")

// killed builds a new output and is killed before its n-th step; false says
// that it needed fewer.
func killed(t *testing.T, final string, y system, n int) (s *Stage, died bool) {
	t.Helper()
	steps := 0
	y.step = func() {
		if steps++; steps > n {
			panic(errKilled)
		}
	}
	s, err := begin(final, nil, y)
	require.NoError(t, err)
	defer func() {
		if reason := recover(); reason != nil {
			require.Equal(t, errKilled, reason)
			died = true
		}
		s.unlock() // as the kernel does
	}()
	for _, p := range pages {
		require.NoError(t, errors.Join(s.Claim(p, p), s.Write(t.Context(), p, []byte("new"))))
	}
	require.NoError(t, s.Commit(t.Context()))
	return s, false
}

// killAtEachStep kills a build before each of its steps in turn, and sees what
// the next one finds.
func killAtEachStep(t *testing.T, newFinal func(t *testing.T) string, systemOf func(final string) system) (kills int) {
	t.Helper()
	for _, heir := range []bool{false, true} {
		for n := 0; ; n++ {
			final := newFinal(t)
			y := systemOf(final)
			s, died := killed(t, final, y, n)
			if died && heir { // somebody clears up at once
				require.NoError(t, os.RemoveAll(s.folder))
			}
			next, err := begin(final, nil, y)
			require.NoError(t, err, "killed before step %d", n+1)
			found := textOf(t, final)
			assert.Contains(t, []string{"old", "new"}, found)
			next.Abort()
			if len(next.Notes()) == 0 {
				assert.Equal(t, []string{filepath.Base(final)}, names(t, filepath.Dir(final)), "killed before step %d", n+1)
			}
			if !died {
				assert.Equal(t, "new", found)
				break
			}
			kills++
		}
	}
	return kills
}

func TestBuildKilledAtAnyStepOfReplacingLosesNoOutput(t *testing.T) {
	for name, systemOf := range odd() {
		t.Run(name, func(t *testing.T) {
			kills := killAtEachStep(t, func(t *testing.T) string {
				final := filepath.Join(t.TempDir(), "public")
				_, err := build(final, "old", realSystem())
				require.NoError(t, err)
				return final
			}, systemOf)
			t.Logf("killed %d times", kills)
			assert.Positive(t, kills)
		})
	}
}

// Two builds at once where neither can see that the other lives.
func TestBuildTakenForDeadBetweenItsTwoStepsBeginsThemAnew(t *testing.T) {
	folder := t.TempDir()
	final := filepath.Join(folder, "public")
	_, err := build(final, "old", realSystem())
	require.NoError(t, err)
	y := withoutLocks(realSystem())
	y.exchange = func(string, string) error { return unix.EINVAL }
	swept := 0
	y.step = func() {
		if _, err := os.Stat(final); errors.Is(err, fs.ErrNotExist) && swept < 3 {
			swept++
			withoutLocks(realSystem()).sweep(final)
			assert.Equal(t, "old", textOf(t, final))
		}
	}
	_, err = build(final, "new", y)
	require.NoError(t, err)
	assert.Equal(t, 3, swept)
	assert.Equal(t, "new", textOf(t, final))
	assert.Equal(t, []string{"public"}, names(t, folder))
}

func TestWithoutLocksNobodysFolderIsRemoved(t *testing.T) {
	folder := t.TempDir()
	final := filepath.Join(folder, "public")
	running := stage(t, final)
	put(t, running, "x", "y")
	other, err := begin(final, nil, withoutLocks(realSystem()))
	require.NoError(t, err)
	other.Abort()
	require.NoError(t, running.Commit(t.Context()))
	assert.FileExists(t, filepath.Join(final, "x"))
}

func TestFailureThatIsNoLackOfLocksIsTold(t *testing.T) {
	y := realSystem()
	y.flock = func(*os.File) error { return unix.EIO }
	_, err := begin(filepath.Join(t.TempDir(), "public"), nil, y)
	assert.ErrorIs(t, err, unix.EIO)
}

// killedWithoutLocks kills a build that replaces "old" by "new" on a file
// system without locks, before its step n+1, and says whether it got that far.
func killedWithoutLocks(t *testing.T, n int) (final string, y system, s *Stage, died bool) {
	t.Helper()
	final = filepath.Join(t.TempDir(), "public")
	_, err := build(final, "old", realSystem())
	require.NoError(t, err)
	y = withoutLocks(lowerLayer(final))
	s, died = killed(t, final, y, n)
	return final, y, s, died
}

// leftBeside checks that nothing stands beside the output but the killed
// build's own folder.
func leftBeside(t *testing.T, final string, s *Stage, n int) {
	t.Helper()
	for _, name := range names(t, filepath.Dir(final)) {
		assert.Contains(t, []string{"public", filepath.Base(s.folder)}, name, "killed before step %d", n+1)
	}
}

// Host and heir are killed at once, and nobody can tell whether they live.
func TestCopyThatABuildWithoutLocksLeftIsGoneAfterTheNext(t *testing.T) {
	for n := 0; ; n++ {
		final, y, s, died := killedWithoutLocks(t, n)
		if !died {
			assert.Greater(t, n, 5)
			return
		}
		_, err := build(final, "newer", y)
		require.NoError(t, err, "killed before step %d", n+1)
		assert.Equal(t, "newer", textOf(t, final))
		leftBeside(t, final, s, n)
	}
}

func TestCopyThatABuildWithoutLocksLeftLongAgoIsPutBack(t *testing.T) {
	for n := 0; ; n++ {
		final, y, s, died := killedWithoutLocks(t, n)
		if !died {
			return
		}
		y.now = func() time.Time { return time.Now().Add(lostAfter + time.Minute) }
		next, err := begin(final, nil, y)
		require.NoError(t, err)
		next.Abort()
		assert.Contains(t, []string{"old", "new"}, textOf(t, final), "killed before step %d", n+1)
		leftBeside(t, final, s, n)
	}
}

// The other sees no locks, takes this build for dead, and puts its output in
// place.
func TestBuildThatLivesWithoutLocksOutlivesAnotherThatDropsItsCopy(t *testing.T) {
	for at := 1; ; at++ {
		final := filepath.Join(t.TempDir(), "public")
		_, err := build(final, "old", realSystem())
		require.NoError(t, err)
		y := withoutLocks(lowerLayer(final))
		other := withoutLocks(realSystem())
		steps := 0
		y.step = func() {
			if steps++; steps != at {
				return
			}
			_, err := build(final, "other", other)
			assert.NoError(t, err)
		}
		_, err = build(final, "new", y)
		require.NoError(t, err, "the other came at step %d", at)
		assert.Contains(t, []string{"new", "other"}, textOf(t, final), "the other came at step %d", at)
		if steps < at {
			assert.Greater(t, at, 5)
			return
		}
	}
}

func TestOutputBehindALinkComesBackToo(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "real"), filepath.Join(folder, "public")
	_, err := build(target, "old", realSystem())
	require.NoError(t, err)
	require.NoError(t, os.Symlink("real", link))
	y := realSystem()
	y.exchange = func(string, string) error { return unix.EINVAL }
	_, died := killed(t, link, y, 2)
	require.True(t, died)
	require.NoDirExists(t, target)
	_, err = build(link, "new", realSystem())
	require.NoError(t, err)
	assert.Equal(t, "new", textOf(t, target))
	assert.Equal(t, []string{"public", "real"}, names(t, folder))
}

func TestCopyOfAnOutputKeepsLinksPermissionsAndTimes(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	require.NoError(t, os.MkdirAll(filepath.Join(from, "a"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(from, "a", "tool"), []byte("x"), 0o755))
	require.NoError(t, os.Symlink("a/tool", filepath.Join(from, "link")))
	require.NoError(t, copyFolder(t.Context(), to, from))
	for _, name := range []string{"a", "a/tool", "link"} {
		want, err := os.Lstat(filepath.Join(from, name))
		require.NoError(t, err)
		got, err := os.Lstat(filepath.Join(to, name))
		require.NoError(t, err)
		assert.Equal(t, want.Mode(), got.Mode(), name)
		if want.Mode().IsRegular() {
			assert.Equal(t, want.ModTime(), got.ModTime())
		}
	}
	target, err := os.Readlink(filepath.Join(to, "link"))
	require.NoError(t, err)
	assert.Equal(t, "a/tool", target)
}

// inOverlay tells the test binary, started again, to run a test with mounts of
// its own.
const inOverlay = "DDC_TEST_IN_OVERLAY"

// mountOverlay makes an overlay whose lower layer has an output.
func mountOverlay(t *testing.T) (final string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", folder, "tmpfs", 0, ""))
	layer := func(name string) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.Mkdir(path, 0o755))
		return path
	}
	lower, upper, work, merged := layer("lower"), layer("upper"), layer("work"), layer("merged")
	_, err := build(filepath.Join(lower, "public"), "old", realSystem())
	require.NoError(t, err)
	require.NoError(t, unix.Mount("overlay", merged, "overlay", 0, "redirect_dir=off,lowerdir="+lower+",upperdir="+upper+",workdir="+work))
	t.Cleanup(func() {
		assert.NoError(t, unix.Unmount(merged, 0))
		assert.NoError(t, unix.Unmount(folder, 0))
	})
	return filepath.Join(merged, "public")
}

func TestOutputInALowerLayerOfAnOverlayIsReplaced(t *testing.T) {
	if os.Getenv(inOverlay) == "" {
		if os.Geteuid() != 0 {
			t.Skip("only root may mount an overlay")
		}
		path, err := os.Executable()
		require.NoError(t, err)
		child := exec.CommandContext(t.Context(), path, "-test.run=^"+t.Name()+"$", "-test.v")
		child.Env = append(os.Environ(), inOverlay+"=yes")
		child.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		said, err := child.CombinedOutput()
		if errors.Is(err, unix.EPERM) {
			t.Skip("no mounts of its own: ", err)
		}
		require.NoError(t, err, string(said))
		t.Logf("%s", said)
		return
	}
	final := mountOverlay(t)
	require.ErrorIs(t, os.Rename(final, final+"-moved"), unix.EXDEV, "this is what it is about")
	s, err := build(final, "new", realSystem())
	require.NoError(t, err)
	assert.Equal(t, "new", textOf(t, final))
	assert.Contains(t, strings.Join(s.Notes(), "\n"), "by way of a copy")
	assert.Equal(t, []string{"public"}, names(t, filepath.Dir(final)))
	s, err = build(final, "newer", realSystem())
	require.NoError(t, err)
	assert.Empty(t, s.Notes(), "it lies in the upper layer now")

	kills := killAtEachStep(t, mountOverlay, func(string) system { return realSystem() })
	t.Logf("killed %d times", kills)
}

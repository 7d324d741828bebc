package output

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestBuildsThatBeginAtOnceDoNotSweepEachOther(t *testing.T) {
	final := filepath.Join(t.TempDir(), "public")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				s, err := Begin(final, nil)
				if !assert.NoError(t, err) {
					return
				}
				assert.NoError(t, s.Write(t.Context(), "x", nil))
				s.Abort()
			}
		})
	}
	all.Wait()
	assert.Empty(t, names(t, filepath.Dir(final)))
}

func TestDiskThatIsFullIsNamedAndNothingStays(t *testing.T) {
	folder := t.TempDir()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("mounting a small file system: ", err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(folder, 0)) })
	s := stage(t, filepath.Join(folder, "public"))
	err := s.Copy(t.Context(), "a/large", io.LimitReader(zeros{}, 1<<20))
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, "write a/large: no space left on device", err.Error(), "the hidden folder is nobody's business")
	s.Abort()
	assert.Empty(t, names(t, folder))
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestMountPointIsNoOutput(t *testing.T) {
	folder := t.TempDir()
	final := filepath.Join(folder, "public")
	require.NoError(t, os.Mkdir(final, 0o777))
	if err := unix.Mount("tmpfs", final, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("mounting a file system: ", err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(final, 0)) })
	s := stage(t, final)
	put(t, s, "x", "y")
	err := s.Commit(t.Context())
	assert.ErrorContains(t, err, "is a mount point")
	s.Abort()
	assert.Equal(t, []string{"public"}, names(t, folder))
}

func TestSourceThatBreaksOffIsReported(t *testing.T) {
	s := stage(t, filepath.Join(t.TempDir(), "public"))
	broken := errors.New("the source broke off")
	assert.ErrorIs(t, s.Copy(t.Context(), "x", io.MultiReader(strings.NewReader("half"), failing{broken})), broken)
	files, _ := s.Written()
	assert.Zero(t, files)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestSwapInTwoStepsPutsBackWhatItCouldNotReplace(t *testing.T) {
	folder := t.TempDir()
	final, fresh := filepath.Join(folder, "public"), filepath.Join(folder, ".fresh")
	require.NoError(t, os.Mkdir(final, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(final, "old"), nil, 0o600))

	_, err := realSystem().swapInTwo(fresh, final)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.Equal(t, []string{"old"}, names(t, final))

	require.NoError(t, os.Mkdir(fresh, 0o777))
	left, err := realSystem().swapInTwo(fresh, final)
	require.NoError(t, err)
	assert.Empty(t, names(t, final))
	assert.Equal(t, []string{"old"}, names(t, left))
}

func TestOutputOfABuildThatWasKilledBetweenTheTwoStepsComesBack(t *testing.T) {
	folder := t.TempDir()
	final := filepath.Join(folder, "public")
	fresh := filepath.Join(folder, prefix(final)+"1")
	for _, name := range []string{fresh, fresh + replacedSuffix} {
		require.NoError(t, os.Mkdir(name, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(name, Marker), nil, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(fresh+replacedSuffix, "old"), nil, 0o600))
	running, err := realSystem().lock(fresh)
	require.NoError(t, err)
	realSystem().sweep(final)
	assert.DirExists(t, fresh+replacedSuffix, "its build is about to go on")
	require.NoError(t, running.Close())
	realSystem().sweep(final)
	assert.Equal(t, []string{"public"}, names(t, folder))
	assert.FileExists(t, filepath.Join(final, "old"))
}

func TestLinkToTheOutputStays(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "real"), 0o777))
	link := filepath.Join(folder, "public")
	require.NoError(t, os.Symlink("real", link))
	s := stage(t, link)
	put(t, s, "x", "y")
	require.NoError(t, s.Commit(t.Context()))
	target, err := os.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, "real", target)
	assert.FileExists(t, filepath.Join(folder, "real", "x"))
}

func TestOutputIsAsOpenAsTheUmaskLetsIt(t *testing.T) {
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	require.NoError(t, os.Mkdir(plain, 0o777))
	want, err := os.Stat(plain)
	require.NoError(t, err)
	s := stage(t, filepath.Join(folder, "public"))
	require.NoError(t, s.Commit(t.Context()))
	got, err := os.Stat(filepath.Join(folder, "public"))
	require.NoError(t, err)
	assert.Equal(t, want.Mode(), got.Mode())
}

func TestFileInThePlaceOfTheOutputIsRefused(t *testing.T) {
	final := filepath.Join(t.TempDir(), "public")
	require.NoError(t, os.WriteFile(final, []byte("precious"), 0o600))
	_, err := Begin(final, nil)
	assert.Error(t, err)
	assert.FileExists(t, final)
}

package heir

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

func TestWhatAKilledProcessLeavesIsRemoved(t *testing.T) {
	folder := t.TempDir()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "DDC_TEST_LEAVES="+folder)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	done := await.Bound(t, "the process to have made its folders")
	said, err := bufio.NewReader(out).ReadString('\n')
	done()
	require.NoError(t, err)
	require.Equal(t, "<nil>\n", said)
	made, err := os.ReadDir(filepath.Join(folder, "a", "b"))
	require.NoError(t, err)
	require.Len(t, made, 3)
	require.NoError(t, cmd.Process.Kill())
	done = await.Bound(t, "the killed process to end")
	require.Error(t, cmd.Wait())
	done()
	await.Until(t, "the heir to remove what it was told of", func() bool {
		_, err := os.Stat(filepath.Join(folder, "a"))
		return os.IsNotExist(err)
	})
}

func TestClosedHeirRemovesWhatItsOwnersHaveLeft(t *testing.T) {
	h, err := Start()
	require.NoError(t, err)
	parent := t.TempDir()
	left, err := h.TempDir(parent, "left")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(left, "file"), nil, 0o600))
	output, err := h.TempDir(parent, "output")
	require.NoError(t, err)
	published := filepath.Join(parent, "published")
	require.NoError(t, os.Rename(output, published))
	require.NoError(t, syscall.Kill(h.cmd.Process.Pid, syscall.SIGINT))
	require.NoError(t, h.Close())
	assert.NoDirExists(t, left)
	assert.DirExists(t, published)
	require.NoError(t, h.Close(), "once more")
}

// The heir may have read its last line, and not have ended: what it is told
// then it never hears.
func TestFolderThatAClosedHeirWouldNotRemoveIsNotMade(t *testing.T) {
	h, err := Start()
	require.NoError(t, err)
	require.NoError(t, h.Close())
	parent := t.TempDir()
	_, err = h.TempDir(parent, "late")
	require.ErrorIs(t, err, ErrClosed)
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// A folder to which somebody still writes can't be removed at first. The rm
// that the heir finds fails as it does then, more often than the heir once
// tried.
func TestHeirTriesAgainUntilFoldersAreGone(t *testing.T) {
	folder, programs := t.TempDir(), t.TempDir()
	rm := "#!/bin/sh\necho >>" + programs + "/tries\n[ $(wc -l <" + programs + "/tries) -gt 8 ] && exec /bin/rm \"$@\"\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(programs, "rm"), []byte(rm), 0o700))
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	h, err := Start()
	require.NoError(t, err)
	made, err := h.TempDir(folder, "written")
	require.NoError(t, err)
	require.NoError(t, h.say.Close()) // as the kernel does when we end
	await.Until(t, "the folder to go", func() bool { _, err := os.Stat(made); return os.IsNotExist(err) })
	require.NoError(t, h.cmd.Wait())
}

func TestHeirFindsItsProgramsWhateverThePath(t *testing.T) {
	t.Setenv("PATH", "")
	h, err := Start()
	require.NoError(t, err)
	made, err := h.TempDir(t.TempDir(), "x")
	require.NoError(t, err)
	require.NoError(t, h.say.Close())
	require.NoError(t, h.cmd.Wait())
	assert.NoDirExists(t, made)
}

func TestHeirThatWasKilledOrStoppedHoldsUpNobody(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		h, err := Start()
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(h.cmd.Process.Pid, signal))
		_, err = h.TempDir(t.TempDir(), "x")
		assert.NoError(t, err)
		assert.NoError(t, h.Close())
	}
}

func TestWithoutAnHeirFoldersAreMadeAllTheSame(t *testing.T) {
	var none *Heir
	folder, err := none.TempDir(t.TempDir(), "x")
	require.NoError(t, err)
	assert.DirExists(t, folder)
	assert.NoError(t, none.Empty(folder))
	assert.NoError(t, none.Close())
}

func BenchmarkStartAndClose(b *testing.B) {
	for b.Loop() {
		h, err := Start()
		require.NoError(b, err)
		require.NoError(b, h.Close())
	}
}

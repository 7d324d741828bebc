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

func TestClosedHeirRemovesNothing(t *testing.T) {
	h, err := Start()
	require.NoError(t, err)
	folder, err := h.TempDir(t.TempDir(), "x")
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(h.cmd.Process.Pid, syscall.SIGINT))
	require.NoError(t, h.Close())
	assert.DirExists(t, folder)
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

package regular

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestOnlyARegularFileBelowTheRootIsOpened(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), []byte("text"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "folder"), 0o700))
	require.NoError(t, syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(folder, "link")))
	root, err := os.OpenRoot(folder)
	require.NoError(t, err)
	defer root.Close()

	f, info, err := Open(root, "file", os.O_RDONLY, 0)
	require.NoError(t, err)
	assert.EqualValues(t, 4, info.Size())
	require.NoError(t, f.Close())
	for _, name := range []string{"folder", "pipe"} { // the pipe's writer never comes
		_, _, err = Open(root, name, os.O_RDONLY, 0)
		assert.ErrorIs(t, err, ErrOther)
		assert.EqualError(t, err, name+" is not a regular file")
	}
	_, _, err = Open(root, "link", os.O_RDONLY, 0)
	assert.ErrorContains(t, err, "escapes")
}

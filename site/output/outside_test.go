package output

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNothingIsWrittenThroughALinkOutOfTheStage(t *testing.T) {
	final, outside := filepath.Join(t.TempDir(), "public"), t.TempDir()
	stage, err := Begin(final, nil)
	require.NoError(t, err)
	defer stage.Abort()
	require.NoError(t, os.Symlink(outside, filepath.Join(stage.folder, "a")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "b"), filepath.Join(stage.folder, "b")))
	assert.Error(t, stage.Write(t.Context(), "a/index.html", nil))
	assert.Error(t, stage.Write(t.Context(), "b", nil))
	assert.Error(t, stage.Write(t.Context(), "../c", nil))
	assert.Error(t, stage.Write(t.Context(), filepath.Join(outside, "d"), nil))
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestPreviousReadsFilesOfTheOutputAlone(t *testing.T) {
	final, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(final, Marker), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(final, "index.html"), []byte("old"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(final, "link")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(final, "pipe"), 0o600))
	stage, err := Begin(final, nil)
	require.NoError(t, err)
	defer stage.Abort()
	content, err := stage.Previous("index.html", 100)
	require.NoError(t, err)
	assert.Equal(t, "old", string(content))
	for _, name := range []string{"link", "pipe", "../secret"} {
		_, err := stage.Previous(name, 100)
		assert.Error(t, err, name)
	}
}

package tool

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSweepTakesFoldersOfTheDeadAndLeavesThoseInUse(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	left := filepath.Join(os.TempDir(), "ddc-tool-1")
	require.NoError(t, os.Mkdir(left, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(left, "in.ttf"), []byte("x"), 0o600))
	foreign := filepath.Join(os.TempDir(), "somebody-else")
	require.NoError(t, os.Mkdir(foreign, 0o700))
	require.NoError(t, InFolder(func(folder string) error {
		sweep()
		assert.DirExists(t, folder)
		return nil
	}))
	assert.NoDirExists(t, left)
	assert.DirExists(t, foreign)
}

package starter

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFolderThatHoldsSomethingIsLeftAlone(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "mine"), nil, 0o600))
	assert.ErrorIs(t, Write(folder), ErrNotEmpty)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

// os.CopyFS joins "" and a file's name to a path from the root.
func TestFolderWithoutANameIsNotTheRootOfAllFiles(t *testing.T) {
	require.NoFileExists(t, "/content/_index.md")
	assert.ErrorIs(t, Write(""), ErrNoName)
	assert.NoFileExists(t, "/content/_index.md")
}

func TestNewFolderGetsTheWholeSite(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "site")
	require.NoError(t, Write(folder))
	for _, file := range []string{".config/dodeca.kdl", "content/_index.md", "templates/base.html", "sass/main.scss", "static/favicon.svg"} {
		assert.FileExists(t, filepath.Join(folder, file))
	}
}

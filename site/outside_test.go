package site

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/config"
)

// A configuration is checked when it is loaded; the link may come later.
func TestCleanRemovesNothingBehindALinkOutOfTheProject(t *testing.T) {
	project, outside := t.TempDir(), t.TempDir()
	kept := filepath.Join(outside, "code-execution", "kept")
	require.NoError(t, os.MkdirAll(kept, 0o700))
	require.NoError(t, os.Symlink(outside, filepath.Join(project, ".cache")))
	cfg := &config.Config{Root: project, Content: filepath.Join(project, "content"), Output: filepath.Join(project, "public")}
	cfg.CodeExecution.CacheDir = filepath.Join(project, ".cache", "code-execution")
	_, err := Clean(cfg, false)
	assert.ErrorContains(t, err, "remove the cache")
	assert.DirExists(t, kept)
}

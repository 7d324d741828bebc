package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
)

// project makes a folder with a configuration.
func project(t *testing.T, text string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, ".config"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.FromSlash(Name)), []byte(text), 0o600))
	return folder
}

const least = "content \"content\"\noutput \"public\"\n"

func TestConfigurationThatIsALinkOutOfTheProjectIsNotRead(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte(least), 0o600))
	folder := project(t, "")
	file := filepath.Join(folder, filepath.FromSlash(Name))
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Symlink(outside, file))
	_, err := Load(folder, Overrides{})
	assert.ErrorContains(t, err, "escapes")

	require.NoError(t, os.Remove(file))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "kept.kdl"), []byte(least), 0o600))
	require.NoError(t, os.Symlink("../kept.kdl", file))
	_, err = Load(folder, Overrides{})
	assert.NoError(t, err, "one that stays within is followed")
}

func TestConfigurationThatIsNoFileIsNotWaitedFor(t *testing.T) {
	folder := project(t, "")
	file := filepath.Join(folder, filepath.FromSlash(Name))
	require.NoError(t, os.Remove(file))
	require.NoError(t, syscall.Mkfifo(file, 0o600))
	_, err := Load(folder, Overrides{})
	assert.ErrorContains(t, err, "not a regular file")
	_, err = read(folder) // as if it had become one since it was found
	assert.ErrorContains(t, err, "not a regular file")
}

func TestConfigurationWithoutEndIsRefused(t *testing.T) {
	folder := project(t, least+"// "+strings.Repeat("x", maxSize))
	_, err := Load(folder, Overrides{})
	var faults diagnostic.Errors
	require.ErrorAs(t, err, &faults, "it is the site's fault")
	assert.Equal(t, Name+":1:1: the file has 1048613 bytes; a configuration has at most 1048576", faults.Error())

	require.NoError(t, os.Truncate(filepath.Join(folder, filepath.FromSlash(Name)), 20<<30))
	_, err = Load(folder, Overrides{})
	assert.ErrorContains(t, err, "the file has 21474836480 bytes")
}

func TestCacheBehindALinkOutOfTheProjectIsRefused(t *testing.T) {
	folder, outside := project(t, least), t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(folder, ".cache")))
	_, err := Load(folder, Overrides{})
	assert.ErrorContains(t, err, "the cache of code samples, .cache/code-execution, lies outside the project by a symbolic link")

	require.NoError(t, os.Remove(filepath.Join(folder, ".cache")))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "elsewhere"), 0o700))
	require.NoError(t, os.Symlink("elsewhere", filepath.Join(folder, ".cache")))
	c, err := Load(folder, Overrides{})
	require.NoError(t, err, "one that stays within is followed")
	assert.Equal(t, filepath.Join(folder, "elsewhere", "code-execution"), c.CodeExecution.CacheDir, "and where it leads is what is used")
}

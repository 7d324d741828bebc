package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/tool"
)

// inRemovedFolder runs the program in a working directory that has been removed.
func inRemovedFolder(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(folder, 0o777))
	c := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", `rmdir "$PWD" && exec "$0" "$@"`, program}, args...)...)
	c.Dir = folder
	out, err := c.CombinedOutput()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError), string(out))
	}
	require.NoDirExists(t, folder)
	return c.ProcessState.ExitCode(), string(out)
}

func TestBuildWorksInAWorkingDirectoryThatWasRemoved(t *testing.T) {
	tools, err := filepath.Abs("../../.tools/bin") // else they are found by the working directory
	require.NoError(t, err)
	t.Setenv(tool.FolderVariable, tools)
	site := smallSite(t)
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			code, said := inRemovedFolder(t, "build", site, "--transport", transport)
			assert.Equal(t, exitOK, code, said)
			assert.FileExists(t, filepath.Join(site, "public", "index.html"))
		})
	}
}

func TestRelativePathInAWorkingDirectoryThatWasRemovedIsWrongUsage(t *testing.T) {
	site := smallSite(t)
	for _, args := range [][]string{{"build"}, {"build", "site"}, {"build", site, "-o", "out"}, {"build", site, "-c", "content"}, {"build", site, "--trace", "file"}} {
		code, said := inRemovedFolder(t, args...)
		assert.Equal(t, exitUsage, code, "%v: %s", args, said)
		assert.Contains(t, said, "the working directory does not exist any more")
	}
}

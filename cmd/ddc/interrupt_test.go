package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A terminal that closed left the temporary folder beside the output.
func TestSignalEndsABuildAndNothingIsLeft(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			outputs := t.TempDir()
			nothingLeft(t, outputs)
			asked := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-r.Context().Done() // the build waits for this answer until it is interrupted
			}))
			defer server.Close()
			site := smallSite(t)
			write(t, site, "content/link.md", "+++\ntitle = \"a\"\n+++\n[a]("+server.URL+")\n")

			program, err := os.Executable()
			require.NoError(t, err)
			build := exec.CommandContext(t.Context(), program, "build", site, "-o", filepath.Join(outputs, "out"), "--check-links")
			var stderr bytes.Buffer
			build.Stderr = &stderr
			require.NoError(t, build.Start())
			<-asked
			require.NoError(t, build.Process.Signal(sig))
			assert.Error(t, build.Wait())
			assert.Equal(t, exitInterrupted, build.ProcessState.ExitCode())
			assert.Contains(t, stderr.String(), "interrupted")
			assert.NoDirExists(t, filepath.Join(outputs, "out"))
		})
	}
}

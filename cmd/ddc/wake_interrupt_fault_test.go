//go:build ddcfault

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ctrl-C threw away minutes of cells.
func TestMatrixThatIsInterruptedPrintsWhatIsDone(t *testing.T) {
	nothingLeft(t, t.TempDir())
	program, err := os.Executable()
	require.NoError(t, err)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			run := exec.CommandContext(t.Context(), program, "wake", "matrix", "--fault", "none", "--wake", "futex,pipe", "--calls", "50", "--together", "1")
			var stdout bytes.Buffer
			run.Stdout = &stdout
			stderr, err := run.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, run.Start())
			var said strings.Builder
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				said.WriteString(lines.Text() + "\n")
				if strings.HasPrefix(lines.Text(), "1/4") { // with the row of calls over rings of 256
					require.NoError(t, run.Process.Signal(sig))
				}
			}
			assert.Error(t, run.Wait())
			assert.Equal(t, exitInterrupted, run.ProcessState.ExitCode(), said.String())
			// On a busy machine the next cell may have ended before the signal.
			assert.Regexp(t, "ddc: interrupted: [12] of 3 cells were run", said.String())
			assert.Contains(t, stdout.String(), "INPROC")
			assert.NotContains(t, stdout.String(), "PIPE", "that cell was not done")
		})
	}
}

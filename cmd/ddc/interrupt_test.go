package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

// A terminal that closed left the temporary folder beside the output. On a busy
// machine the build ends before its plugins do, and its heir clears up after
// it.
func TestSignalEndsABuildAndNothingIsLeft(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			temporary, beside := t.TempDir(), t.TempDir()
			asked := make(chan struct{}, 100) // on a busy machine the link is asked for again
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-r.Context().Done() // the build waits for this answer until it is interrupted
			}))
			defer server.Close()
			site := smallSite(t)
			write(t, site, "content/link.md", "+++\ntitle = \"a\"\n+++\n[a]("+server.URL+")\n")

			notIgnored(t, sig)
			c := startBuild(t, []string{"TMPDIR=" + temporary}, site, "-o", filepath.Join(beside, "out"), "--check-links")
			await.Closed(t, "the build to ask for the link", asked, c.running)
			require.NoError(t, c.Process.Signal(sig))
			await.Closed(t, "the build to end", c.ended, c.running)
			assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), c.stderr.String())
			assert.Contains(t, c.stderr.String(), "interrupted")
			clearedUp(t, c, temporary, beside)
			assert.NoDirExists(t, filepath.Join(beside, "out"))
		})
	}
}

// notIgnored has the programs that this test starts begin with a signal as it
// is at first, also where the test itself was told to ignore it, as by nohup:
// what is ignored stays so in children, and what is caught does not.
func notIgnored(t *testing.T, sig os.Signal) {
	t.Helper()
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, sig)
	t.Cleanup(func() { signal.Stop(caught) })
}

// A sample that does not end, on a machine that may be busy: the times are
// told.
func TestInterruptEndsABuildSoonAndASecondOneAtOnce(t *testing.T) {
	site := sampleSite(t)
	for name, times := range map[string]int{"once": 1, "twice": 2} {
		t.Run(name, func(t *testing.T) {
			temporary, beside := t.TempDir(), t.TempDir()
			c := startBuild(t, []string{"TMPDIR=" + temporary}, site, "-o", filepath.Join(beside, "out"), "--all-plugins")
			await.Until(t, "the sample to run", func() bool {
				for _, line := range c.processes() {
					if strings.HasPrefix(line, "sleep ") {
						return true
					}
				}
				return false
			}, c.running)
			begun := time.Now()
			require.NoError(t, c.Process.Signal(syscall.SIGINT))
			if times == 2 {
				// The first has been taken once it no longer is to be taken
				// twice.
				await.Until(t, "the second interrupt to end the build", func() bool { return c.Process.Signal(syscall.SIGINT) != nil })
			}
			await.Closed(t, "the build to end", c.ended, c.running)
			took := time.Since(begun)
			if times == 1 {
				assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), c.stderr.String())
				assert.Contains(t, c.stderr.String(), "interrupted")
			}
			assert.NoDirExists(t, filepath.Join(beside, "out"))
			t.Logf("ended after %v; nothing was left after %v more", took.Round(time.Millisecond), clearedUp(t, c, temporary, beside).Round(time.Millisecond))
		})
	}
}

// A plugin that was stopped does not hold up the end.
func TestInterruptEndsABuildWhosePluginsAreStopped(t *testing.T) {
	site := sampleSite(t)
	temporary, beside := t.TempDir(), t.TempDir()
	c := startBuild(t, []string{"TMPDIR=" + temporary}, site, "-o", filepath.Join(beside, "out"), "--all-plugins")
	await.Until(t, "all plugins", func() bool { return len(c.plugins()) == len(pluginNames()) }, c.running)
	for _, pid := range c.plugins() {
		require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	}
	begun := time.Now()
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	await.Closed(t, "the build to end", c.ended, c.running)
	t.Logf("ended after %v", time.Since(begun).Round(time.Millisecond))
	assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), c.stderr.String())
	clearedUp(t, c, temporary, beside)
}

// envStall is a folder, in which a build of the tests leaves a file as soon as
// its own work has come to a place that it never leaves, whatever its context
// says.
const envStall = "LC_DDC_STALL"

// stalling is a standard error that stops the host where it tells what a sample
// printed, as a library does that looks at no context.
type stalling struct {
	io.Writer
	folder string
}

func (s *stalling) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("code sample printed")) {
		if err := os.WriteFile(filepath.Join(s.folder, "stalled"), nil, 0o600); err != nil {
			panic(err)
		}
		select {}
	}
	return s.Writer.Write(p)
}

// The host's own computing can't be ended. The process ends all the same, and
// its heir removes the unfinished output.
func TestInterruptEndsABuildWhoseHostLooksAtNoContext(t *testing.T) {
	site := smallSite(t)
	write(t, site,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ncode_execution {\n enabled #true\n sh {\n  command \"sh\"\n  extension \"sh\"\n }\n}\n",
		"content/sample.md", "+++\ntitle = \"x\"\n+++\n\n```sh\necho something\n```\n")
	temporary, beside, stall := t.TempDir(), t.TempDir(), t.TempDir()
	output := filepath.Join(beside, "out")
	old := oldOutput(t, output)
	c := startBuild(t, []string{"TMPDIR=" + temporary, envStall + "=" + stall}, site, "-o", output, "-v")
	await.Until(t, "the sample to be told", func() bool {
		_, err := os.Stat(filepath.Join(stall, "stalled"))
		return err == nil
	}, c.running)
	staged, err := filepath.Glob(filepath.Join(beside, ".out.ddc-*"))
	require.NoError(t, err)
	assert.Len(t, staged, 1, "there is something to clear up")
	begun := time.Now()
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	await.Closed(t, "the build to end, which its own work never does", c.ended, c.running)
	took := time.Since(begun)
	assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), c.stderr.String())
	assert.Contains(t, c.stderr.String(), interrupted)
	t.Logf("ended after %v; nothing was left after %v more", took.Round(time.Millisecond), clearedUp(t, c, temporary, beside).Round(time.Millisecond))
	assert.Equal(t, old, tree(t, output))
}

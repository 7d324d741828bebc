package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/wake/strategy"
)

// The call, the page and the process are what nobody knew of the hang.
func TestTheHangOfTheReportIsReproducedAndNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a handler must be stuck")
	}
	t.Setenv("TMPDIR", t.TempDir()) // for the watchdog's reports
	for name, waits := range map[string]string{
		"":         `waits for process \d+ \(sleep\)\n`,
		"--nested": `waits for process \d+ \([^)]+\), which waits for process \d+ \([^)]+\)`,
	} {
		t.Run("reproduce"+name, func(t *testing.T) {
			var o outcome
			limit := ""
			named := regexp.MustCompile(`handler stuck: code_execution since \d+ s in ExecuteSamples for content/guide/quick-start\.md:84, ` + waits)
			// On a busy machine it may be named too late, or before the
			// innermost process runs.
			for _, limit = range []string{"12s", "20s", "30s"} {
				args := []string{"wake", "reproduce", "--limit", limit}
				if name != "" {
					args = append(args, name)
				}
				if o = ddc(t, args...); o.code == exitOK && named.MatchString(o.stdout) {
					break
				}
			}
			assert.Equal(t, exitOK, o.code, o.stderr)
			assert.Contains(t, o.stdout, "sample 5, line 70: ran well\n")
			assert.Regexp(t, named, o.stdout)
			assert.Contains(t, o.stdout, "rings: 0 frames unread by the plugin, 0 by the host; the plugin's doorbell: asleep, ")
			assert.Regexp(t, `the call's limit ended it: .* for content/guide/quick-start\.md:84 was not answered within `+limit+`; the plugin waits for process`, o.stdout)
		})
	}
	assert.Equal(t, exitUsage, ddc(t, "wake", "reproduce", "--limit", "1s").code)
	assert.Equal(t, exitUsage, ddc(t, "wake", "reproduce", "--wake", "telegraph").code)
}

// Who looks at a build that hangs so is told the same by all that look: the
// watchdog, "ddc inspect" from another process, and SIGUSR1.
func TestTheHangOfTheReportIsNamedByAllThatLook(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a handler must be stuck")
	}
	const named = `handler stuck: code_execution since \d+ s in ExecuteSamples for content/guide/quick-start\.md:84, waits for process \d+ \(sleep\)`
	program, err := os.Executable()
	require.NoError(t, err)
	for _, wake := range strategy.Names() {
		t.Run(wake, func(t *testing.T) {
			t.Parallel()
			c := exec.CommandContext(t.Context(), program, "wake", "reproduce", "--wake", wake, "--limit", "30s")
			c.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
			var stdout, stderr lockedText
			c.Stdout, c.Stderr = &stdout, &stderr
			notIgnored(t, syscall.SIGTERM)
			require.NoError(t, c.Start())
			said := func() string { return stdout.String() + stderr.String() }
			shows := func(text *lockedText, pattern string) func() bool {
				return func() bool { return regexp.MustCompile(pattern).MatchString(text.String()) }
			}
			// The watchdog speaks last: when three quarters of the call's time
			// are over.
			var o outcome
			await.Until(t, "ddc inspect", func() bool {
				o = ddc(t, "inspect", strconv.Itoa(c.Process.Pid))
				return regexp.MustCompile(named).MatchString(o.stdout)
			}, func() string { return o.stdout + o.stderr + said() })
			assert.Equal(t, exitSite, o.code, o.stderr)
			require.NoError(t, c.Process.Signal(syscall.SIGUSR1))
			await.Until(t, "the dump", shows(&stderr, named+`(.*\n)*.*  plugin has started process \d+ \(sleep\)\n`), said)
			await.Until(t, "the watchdog", shows(&stdout, `the watchdog says: plugin code_execution hangs: `+named+`; the report is in `), said)
			_ = c.Process.Signal(syscall.SIGTERM) // on a busy machine the call's time has ended it by now
			_ = c.Wait()
			assert.Contains(t, []int{exitInterrupted, exitOK}, c.ProcessState.ExitCode(), said())
		})
	}
}

// Nothing that hangs on purpose may stay after an interruption: neither the
// plugin, nor the sample that never ends, nor the inner build with a plugin and
// a sample of its own.
func TestReproductionThatIsInterruptedLeavesNoProcess(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	for _, test := range []struct {
		name string
		sig  syscall.Signal
		args []string
		// processes are how many run when the innermost sample does: a host, a
		// plugin and a sample for each.
		processes int
	}{
		{"Ctrl-C", syscall.SIGINT, nil, 3},
		{"terminated", syscall.SIGTERM, nil, 3},
		{"Ctrl-C, nested", syscall.SIGINT, []string{"--nested"}, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			nothingLeft(t, t.TempDir())
			c := &child{
				Cmd:    exec.CommandContext(t.Context(), program, append([]string{"wake", "reproduce", "--limit", "30s"}, test.args...)...),
				cookie: fmt.Sprintf("LC_DDCTEST=%d", rand.Uint64()),
			}
			c.Env = append(os.Environ(), c.cookie)
			c.Cmd.Stdout, c.Cmd.Stderr = &c.stdout, &c.stderr
			notIgnored(t, test.sig)
			require.NoError(t, c.Start())
			await.Until(t, "the sample that never ends", func() bool {
				running := c.processes()
				for _, line := range running {
					if strings.HasPrefix(line, "sleep infinity") {
						return len(running) == test.processes
					}
				}
				return false
			}, c.running)
			require.NoError(t, c.Process.Signal(test.sig))
			assert.Error(t, c.Wait())
			assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), c.stderr.String())
			assert.Contains(t, c.stderr.String(), "interrupted")
			assert.NotContains(t, c.stdout.String(), "the call's limit ended it")
			await.Until(t, "every process to end", func() bool { return len(c.processes()) == 0 }, c.running)
		})
	}
}

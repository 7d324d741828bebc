//go:build ddcfault

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/tool"
)

// TestCommandsOfTheDiagnosisPageDoAsItSays runs what docs/DIAGNOSIS.md tells
// its reader to type, with nothing but bin/. Where the reader looks and waits,
// the test waits: for the process, the hang and the dump.
func TestCommandsOfTheDiagnosisPageDoAsItSays(t *testing.T) {
	page, err := os.ReadFile("../../docs/DIAGNOSIS.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, block, "docs/DIAGNOSIS.md has no commands")

	dir := t.TempDir()
	program, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	for _, name := range []string{"ddc", "ddc-fault"} {
		require.NoError(t, os.Symlink(program, filepath.Join(dir, "bin", name)))
	}
	script := "n=0; soon() { n=$((n+1)); [ $n -lt 1200 ] || exit 9; sleep 0.1; }\n"
	for line := range strings.Lines(string(block[1])) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "pid="):
			line = fmt.Sprintf("until %s; do soon; done", line)
		case line == "bin/ddc inspect $pid":
			line = fmt.Sprintf("until %s >seen; [ $? -eq 1 ]; do soon; done; cat seen", line)
		case strings.HasPrefix(line, "kill -USR1"):
			line += "; until grep -q 'stack: ' said; do soon; done"
		}
		script += line + "\n"
	}
	file := filepath.Join(dir, "commands")
	require.NoError(t, os.WriteFile(file, []byte(script+"wait\n"), 0o600))
	said, err := os.Create(filepath.Join(dir, "said"))
	require.NoError(t, err)
	defer said.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", file)
	shell.Dir, shell.Stderr = dir, said
	shell.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	if compiler, err := tool.Find("sass"); err == nil { // the programs of the temporary bin find no checkout around them
		shell.Env = append(shell.Env, tool.FolderVariable+"="+filepath.Dir(compiler))
	}
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	out, err := shell.Output()
	text, readErr := os.ReadFile(said.Name())
	require.NoError(t, readErr)
	require.NoError(t, err, "%s\n%s\n%s", script, out, text[:min(len(text), 4000)])

	assert.Contains(t, string(out), "lost wake-up (plugin sleeps, ", "ddc inspect")
	assert.Contains(t, string(out), ": last events\n", "ddc inspect --events")
	assert.Contains(t, string(out), "in one process", "ddc build --transport inproc")
	dump := string(text)
	table, stacks := strings.LastIndex(dump, "DIAGNOSIS"), strings.Index(dump, "every goroutine's stack: ")
	assert.Greater(t, stacks, table, "the summary comes last")
	assert.NotContains(t, dump[table:stacks], "\ngoroutine ", "no stack is between them")
}

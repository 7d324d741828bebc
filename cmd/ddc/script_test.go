package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ddc/internal/fault"
	"ddc/internal/tool"
)

// TestScripts runs the scripts of testdata/script, each a folder of files and
// what is typed in it. CONTRIBUTING.md says how to write one.
func TestScripts(t *testing.T) {
	tools, err := filepath.Abs("../../.tools/bin")
	if err != nil {
		t.Fatal(err)
	}
	if named := os.Getenv(tool.FolderVariable); named != "" {
		tools = named
	}
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		WorkdirRoot:        t.TempDir(),
		RequireUniqueNames: true,
		UpdateScripts:      *rewrite,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", filepath.Join(e.WorkDir, ".home"))
			e.Setenv(tool.FolderVariable, tools)
			return nil
		},
		Condition: func(word string) (bool, error) {
			switch word {
			case "root":
				return os.Geteuid() == 0, nil
			case "faults":
				return fault.Enabled, nil
			}
			return false, fmt.Errorf("unknown condition %q", word)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "says": says},
	})
}

// exits runs a command that ends with a code: exits 2 ddc build --jobs many.
// Wrong usage is one line, in plain words, or with --json one object.
func exits(ts *testscript.TestScript, not bool, args []string) {
	if not || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code, err := 0, ts.Exec(args[1], args[2:]...)
	if ended := new(exec.ExitError); errors.As(err, &ended) {
		code, err = ended.ExitCode(), nil
	}
	ts.Check(err)
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if code != want {
		ts.Fatalf("it ended with %d, not %d", code, want)
	}
	if strings.Contains(stderr, "hangs: ") {
		ts.Fatalf("the watchdog spoke, or a wake-up was lost")
	}
	if code != exitUsage {
		return
	}
	asText := stdout == "" && strings.HasPrefix(stderr, "ddc: ")
	asJSON := stderr == "" && strings.HasPrefix(stdout, "{")
	if !asText && !asJSON || strings.Contains(stdout+stderr, "strconv") {
		ts.Fatalf("that is not how wrong usage is told")
	}
}

// says finds texts in the standard error of the last command, as they are
// written.
func says(ts *testscript.TestScript, not bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: [!] says TEXT...")
	}
	stderr := ts.ReadFile("stderr")
	for _, text := range args {
		if strings.Contains(stderr, text) == not {
			ts.Fatalf("said is %q: %t", text, !not)
		}
	}
}

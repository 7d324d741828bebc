package code_execution

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ddc/internal/proc"
	"ddc/internal/sandbox"
)

const (
	// memoryLimit is how much memory of its own each process of a sample may
	// have.
	memoryLimit = 4 << 30
	// processLimit is how many processes and threads a sample may add to those
	// of the machine. The kernel counts them by user, and does not count
	// root's.
	processLimit = 1024
)

// limiter is a shell command that limits itself, and then becomes the program
// that its arguments name. Shells use different options for the number of
// processes. If a shell does not know a limit, or refuses to raise it, that
// limit stays as it was.
const limiter = `ulimit -c 0; ulimit -d "$1"; ulimit -p "$2" || ulimit -u "$2"; shift 2; exec "$@"`

// limited is the command line for a program with its limits.
func limited(path string, args []string) []string {
	quiet := "{ " + strings.Replace(limiter, "; shift", "; } 2>/dev/null; shift", 1)
	return append([]string{"-c", quiet, "sh", fmt.Sprint(memoryLimit >> 10), fmt.Sprint(proc.Tasks() + processLimit), path}, args...)
}

// writeVariable names the environment variable with a list of folders that
// samples may write to besides their own.
const writeVariable = "DDC_SAMPLES_WRITE"

// policy lets the program write in its folders, and keeps it from the network
// unless it must fetch something. Programs may not read what the plugin itself
// may not read. policy is nil if the site's author wants no sandbox.
func (c *command) policy() *sandbox.Policy {
	if free() {
		return nil
	}
	return &sandbox.Policy{
		Read: []string{"/"}, Execute: []string{"/"}, Network: c.network, Programs: true,
		Write: slices.Concat([]string{"/dev/null", c.folder}, c.write, filepath.SplitList(os.Getenv(writeVariable))),
	}
}

func free() bool { return os.Getenv("DDC_SANDBOX") == "off" }

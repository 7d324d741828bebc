package conformance

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"ddc/conformance/scenario"
	"ddc/internal/proc"
	"ddc/wake"
)

// Main is the TestMain of a package that calls the suite. If a program across
// processes started this process as a peer, Main serves as that peer, with one
// of strategies. Otherwise it runs the tests, and then fails if they left
// goroutines or open files behind.
func Main(m *testing.M, strategies ...func() wake.Strategy) {
	if scenario.IsPeer() {
		if err := scenario.ServePeer(strategies...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(leakCheck{m})
}

// leakCheck counts open files around the tests.
type leakCheck struct{ m *testing.M }

func (l leakCheck) Run() int {
	// The runtime opens its poller's files with the first file that it polls.
	if r, w, err := os.Pipe(); err == nil {
		_, _ = r.Close(), w.Close()
	}
	before := openFiles()
	code := l.m.Run()
	if after := openFiles(); code == 0 && len(after) > len(before) {
		fmt.Fprintf(os.Stderr, "the tests left files open: %d before, %d after: %v\n", len(before), len(after), after)
		return 1
	}
	return code
}

// openFiles lists what this process's descriptors refer to.
func openFiles() []string {
	all, err := proc.Descriptors(proc.Self)
	if err != nil {
		return nil
	}
	var files []string
	for _, d := range all {
		files = append(files, d.Target)
	}
	return files
}

package await

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

// Watched is the tests of a package, whose waits are told of as those of this
// package are: where a test receives from a channel, waits for a group, a lock
// or a process, or calls what does, for more than ten seconds, standard error
// has the place.
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }
//
// Nobody looks while benchmarks run.
func Watched(m interface{ Run() int }) interface{ Run() int } {
	return &watched{tests: m, out: os.Stderr}
}

type watched struct {
	tests interface{ Run() int }
	out   io.Writer

	mu    sync.Mutex
	timer *time.Timer       // nil once the tests have ended
	seen  map[string]string // where each test waited at the last look, by its goroutine
}

// Run runs the tests.
func (w *watched) Run() int {
	if bench := flag.Lookup("test.bench"); bench == nil || bench.Value.String() == "" {
		w.mu.Lock()
		w.timer = time.AfterFunc(notice, w.look)
		w.mu.Unlock()
		defer w.stop()
	}
	return w.tests.Run()
}

func (w *watched) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
	w.timer = nil
}

// look tells of the tests that wait where they waited at the last look.
func (w *watched) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		return
	}
	seen := map[string]string{}
	for _, one := range stacks() {
		id, place := waits(one)
		if place == "" {
			continue
		}
		seen[id] = place
		switch w.seen[id] {
		case place:
			fmt.Fprintf(w.out, "a test has waited %v: %s\n", notice, place)
			seen[id] = toldOf + place
		case toldOf + place:
			seen[id] = toldOf + place
		}
	}
	w.seen = seen
	w.timer = time.AfterFunc(notice, w.look)
}

const toldOf = "told of "

// waits says where a test's own goroutine waits, and for what kind of thing.
// The place is "" for another goroutine, one that runs, and one whose wait
// somebody else tells of: for its sub-tests, or in this package.
func waits(stack string) (goroutine, place string) {
	head, frames, _ := strings.Cut(stack, "\n")
	goroutine, state, _ := strings.Cut(head, " [")
	state, _, _ = strings.Cut(state, "]")
	state, _, _ = strings.Cut(state, ",") // behind it is for how long
	if strings.HasPrefix(state, "run") || !strings.Contains(frames, "\ntesting.tRunner(") {
		return "", ""
	}
	lines := strings.Split(frames, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		function, file := lines[i], strings.TrimSpace(lines[i+1])
		at, _, _ := strings.Cut(file, " +0x")
		inTest := strings.Contains(at, "_test.go:")
		if strings.HasPrefix(function, "testing.") || strings.HasPrefix(function, "ddc/internal/await.") && !inTest {
			return "", ""
		}
		if inTest {
			if end := strings.LastIndexByte(function, '('); end > 0 {
				function = function[:end]
			}
			return goroutine, fmt.Sprintf("%s in %s at %s", state, path.Base(function), path.Base(at))
		}
	}
	return "", ""
}

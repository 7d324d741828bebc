package host

import (
	"log/slog"
	"strings"
	"sync"

	"ddc/internal/printable"
)

// maxCrash is how many lines tell of a crash: with Go's runtime, what it met, the
// signal, and what it makes of them.
const maxCrash = 3

// finalWords finds in what a plugin writes why it ended. A crash is told by its first
// lines, behind which come stacks and registers without end. Without one it is the
// last error that was logged, or else the last line.
type finalWords struct {
	mu     sync.Mutex
	crash  []string
	stacks bool // the crash's lines are over
	error  string
	last   string
}

// crashes begin the lines by which a crash is told: by Go's runtime, by the C
// library, by the loader of programs, by the runtime of C++.
var crashes = []string{
	"panic: ", "fatal error: ", "runtime: ", "runtime/cgo: ", "unexpected fault address ", "[signal ", "SIG", "signal arrived during ",
	"*** ", "free(): ", "malloc(): ", "malloc_consolidate(): ", "realloc(): ", "munmap_chunk(): ", "double free or corruption", "corrupted ", "terminate called ", "libc++abi: ",
	"Assertion failed", "mmap: ", "pthread_create failed", "failed to create new OS thread",
}

func tellsOfCrash(line string) bool {
	if strings.HasPrefix(line, "runtime: sp=") { // where the stack lies, in numbers
		return false
	}
	for _, start := range crashes {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return strings.Contains(line, ": Assertion `")
}

// heard takes the next line, which is a log record or is not.
func (w *finalWords) heard(line string, r record, isRecord bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if isRecord {
		// It lives, whatever it wrote before.
		w.crash, w.stacks = nil, false
		if r.level >= slog.LevelError {
			w.error = r.message
		} else {
			w.last = r.message
		}
		return
	}
	switch {
	case strings.HasPrefix(line, "goroutine ") || strings.HasPrefix(line, "PC="):
		w.stacks = len(w.crash) > 0
	case !w.stacks && len(w.crash) < maxCrash && tellsOfCrash(line):
		w.crash = append(w.crash, line)
	}
	if len(w.crash) == 0 && strings.TrimSpace(line) != "" {
		w.last = line
	}
}

// String is what the plugin said of its end, fit to be shown, or nothing.
func (w *finalWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(w.crash) > 0:
		return printable.Line(strings.Join(w.crash, "; "))
	case w.error != "":
		return printable.Line(w.error)
	}
	return printable.Line(w.last)
}

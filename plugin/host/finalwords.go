package host

import (
	"log/slog"
	"strings"
	"sync"

	"ddc/internal/printable"
)

// maxCrash is how many lines of a crash are kept. Go's runtime writes what
// happened, the signal, and what they mean.
const maxCrash = 3

// finalWords finds out why a plugin ended, from its output. A crash is told by
// its first lines; endless stacks and registers follow them. Without a crash it
// is the last logged error, or else the last line.
type finalWords struct {
	mu     sync.Mutex
	crash  []string
	stacks bool // the crash's lines are over
	error  string
	last   string
}

// crashes are how a crash's first line begins: from Go's runtime, the C
// library, the dynamic loader and the C++ runtime.
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

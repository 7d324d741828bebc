package dump

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"ddc/internal/printable"
)

// maxStacks bounds what a dump says of goroutines, in bytes.
const maxStacks = 1 << 20

// waits says what a goroutine waits for in the transport, by a function on its
// stack. The first that fits counts, so the innermost are first.
var waits = []struct{ function, what string }{
	{"ddc/transport/hub.(*sender).awaitSpace", "waits for ring space"},
	{"ddc/transport/hub.(*slots).awaitSlot", "waits for a slot"},
	{"ddc/transport/hub.(*sender).takeTurn", "waits for its turn at a ring"},
	{"ddc/transport/hub.(*Link).standIn", "receives in a pump's place"},
	{"ddc/transport/hub.(*Link).pump", "is a pump"},
	{"ddc/rpc.(*Conn).awaitReply", "waits for a reply"},
	{"ddc/rpc.(*inbox)", "waits for a stream's next message"},
	{"ddc/rpc.(*credit)", "waits for credit to send on a stream"},
	{"ddc/rpc.(*serverStream).run", "runs a handler"},
	{"ddc/rpc.(*workers).worker", "waits for a call to handle"},
	{"ddc/plugin/host.(*Plugin).acquire", "waits for a plugin to be started"},
	{"ddc/plugin/host.(*process).watch", "waits for a plugin's end"},
}

// Stacks writes every goroutine's stack, under what it waits for in the
// transport's own words, and first how many wait for what.
func Stacks(w io.Writer) {
	all := goroutines()
	counts(w, all)
	for _, g := range all {
		fmt.Fprintf(w, "\n%s %s\n%s\n", g.header, g.waits, g.frames) // a dump that cannot be written helps nobody
	}
}

// Brief writes how many goroutines wait for what, and each one's stack in one
// line, innermost function first: for a log, which makes a record of each line.
func Brief(w io.Writer) {
	all := goroutines()
	counts(w, all)
	for _, g := range all {
		fmt.Fprintf(w, "%s %s\n", g.header, g.line())
	}
}

// File writes the stacks to a new file in a folder, and how many goroutines
// wait for what to w, with the file's name last.
func File(folder string, w io.Writer) error {
	f, err := os.CreateTemp(folder, fmt.Sprintf("ddc-dump-%d-*.txt", os.Getpid()))
	if err != nil {
		counts(w, goroutines())
		return fmt.Errorf("write every goroutine's stack: %w", err)
	}
	Stacks(printable.NewWriter(f)) // people will read it on a terminal
	counts(w, goroutines())
	fmt.Fprintf(w, "every goroutine's stack: %s\n", f.Name())
	if err := f.Close(); err != nil {
		return fmt.Errorf("write every goroutine's stack: %w", err)
	}
	return nil
}

// goroutine is one of this process's, as the runtime writes it.
type goroutine struct {
	header, frames string
	waits          string // for what, in the transport's words; or ""
}

func goroutines() []goroutine {
	stacks := make([]byte, maxStacks)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var all []goroutine
	for text := range strings.SplitSeq(strings.TrimSpace(string(stacks)), "\n\n") {
		header, frames, _ := strings.Cut(text, "\n")
		all = append(all, goroutine{header, frames, waitOf(text)})
	}
	return all
}

// shown is how many functions of a stack a line names.
const shown = 16

// line is the innermost functions of a stack, without arguments and places.
func (g goroutine) line() string {
	var functions []string
	for line := range strings.Lines(g.frames) {
		if strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "created by ") {
			continue
		}
		name := strings.TrimSpace(line)
		if end := strings.LastIndexByte(name, '('); end > 0 {
			name = name[:end] + "()"
		}
		if functions = append(functions, name); len(functions) == shown {
			break
		}
	}
	return strings.Join(functions, " < ")
}

func counts(w io.Writer, all []goroutine) {
	counts := map[string]int{}
	for _, g := range all {
		if g.waits != "" {
			counts[g.waits]++
		}
	}
	fmt.Fprintf(w, "%d goroutines\n", len(all))
	for _, what := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	}) {
		fmt.Fprintf(w, "  %d: %s\n", counts[what], what)
	}
}

// waitOf says what the goroutine of a stack waits for, "" for nothing known.
// Who made the goroutine does not count.
func waitOf(stack string) string {
	stack, _, _ = strings.Cut(stack, "\ncreated by ")
	for _, w := range waits {
		if strings.Contains(stack, "\n"+w.function) {
			return w.what
		}
	}
	return ""
}

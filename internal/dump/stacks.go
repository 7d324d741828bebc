package dump

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
)

// maxStacks bounds what a dump says of goroutines, in bytes.
const maxStacks = 1 << 20

// waits says what a goroutine waits for in the transport, by a function on its
// stack. The first that fits counts, so the innermost are first.
var waits = []struct{ function, what string }{
	{"ddc/transport/hub.(*sender).awaitSpace", "waits for ring space"},
	{"ddc/transport/hub.(*slots).awaitSlot", "waits for a slot"},
	{"ddc/transport/hub.(*sender).takeTurn", "waits for its turn at a ring"},
	{"ddc/transport/hub.(*Link).Await", "receives in a pump's place"},
	{"ddc/transport/hub.(*Link).pump", "is a pump"},
	{"ddc/rpc.(*Conn).roundTrip", "waits for a reply"},
	{"ddc/rpc.(*inbox)", "waits for a stream's next message"},
	{"ddc/rpc.(*credit)", "waits for credit to send on a stream"},
	{"ddc/rpc.(*serverStream).run", "runs a handler"},
	{"ddc/rpc.(*session).worker", "waits for a call to handle"},
	{"ddc/plugin/host.(*Plugin).acquire", "waits for a plugin to be started"},
	{"ddc/plugin/host.(*process).watch", "waits for a plugin's end"},
}

// Stacks writes every goroutine's stack, under what it waits for in the
// transport's own words, and first how many wait for what.
func Stacks(w io.Writer) {
	stacks := make([]byte, maxStacks)
	stacks = stacks[:runtime.Stack(stacks, true)]
	goroutines := strings.Split(string(stacks), "\n\n")
	counts := map[string]int{}
	for i, g := range goroutines {
		if what := waitOf(g); what != "" {
			counts[what]++
			header, frames, _ := strings.Cut(g, "\n")
			goroutines[i] = header + " " + what + "\n" + frames
		}
	}
	fmt.Fprintf(w, "%d goroutines\n", len(goroutines))
	for _, what := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	}) {
		fmt.Fprintf(w, "  %d: %s\n", counts[what], what)
	}
	fmt.Fprintf(w, "\n%s\n", strings.Join(goroutines, "\n\n")) // a dump that cannot be written helps nobody
}

// waitOf says what the goroutine of a stack waits for, "" for nothing known. Who
// made the goroutine does not count.
func waitOf(stack string) string {
	stack, _, _ = strings.Cut(stack, "\ncreated by ")
	for _, w := range waits {
		if strings.Contains(stack, "\n"+w.function) {
			return w.what
		}
	}
	return ""
}

package await

import (
	"runtime"
	"strings"
)

// Goroutines counts those that are within a function, as stacks name it
// ("inproc.(*end).send("), and in a state as they tell it ("select"; "" is
// any). The runtime is asked, since neither a channel nor a lock tells who
// waits for it.
func Goroutines(state, function string) (n int) {
	for _, one := range stacks() {
		head, frames, _ := strings.Cut(one, "\n")
		if strings.Contains(head, "["+state) && strings.Contains(frames, function) {
			n++
		}
	}
	return n
}

// stacks are those of all goroutines.
func stacks() []string {
	stacks := make([]byte, 1<<20)
	used := runtime.Stack(stacks, true)
	for used == len(stacks) { // there may be more
		stacks = make([]byte, 2*len(stacks))
		used = runtime.Stack(stacks, true)
	}
	return strings.Split(string(stacks[:used]), "\n\n")
}

package plugin

import (
	"fmt"
	"os"

	"ddc/internal/memory"
	"ddc/plugin/agreement"
)

// guardHeap ends this process when more than live bytes are alive on its heap,
// before the kernel has to choose which process to kill; 0 is no bound. The
// host repeats its calls.
func guardHeap(live int64) *memory.Guard {
	if live == 0 {
		return nil
	}
	return memory.NewGuard(live, live+live/2, func(bytes int64) {
		fmt.Fprintf(os.Stderr, "out of memory: %d MB, at most %d MB\n", bytes/1e6, live/1e6)
		os.Exit(agreement.ExitExhausted)
	})
}

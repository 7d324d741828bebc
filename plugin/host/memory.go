package host

import (
	"fmt"
	"os"
	"strconv"

	"ddc/plugin/agreement"
	"ddc/slot"
	"ddc/transport/hub"
)

// Memory bounds a plugin's heap, in bytes; 0 is no bound.
type Memory struct {
	// Soft is beyond which the plugin's collector works hard to leave no
	// garbage. The plugin still gets the memory that it needs.
	Soft int64
	// Live is how much may be alive. A plugin that needs more ends itself. A
	// call that needs more on every attempt fails with InvalidArgument.
	Live int64
}

// expendable is a plugin's oom_score_adj: when memory runs out, the kernel
// kills the plugin rather than its host, since a plugin can be started again.
// Its children inherit it.
const expendable = 500

// makeExpendable is best effort: without it the kernel chooses by size alone.
func makeExpendable(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(strconv.Itoa(expendable)), 0)
}

// heapLimit is the environment that tells a plugin its Memory.Soft, unless the
// user set GOMEMLIMIT.
func heapLimit(limit int64) []string {
	if limit == 0 || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return []string{"GOMEMLIMIT=" + strconv.FormatInt(limit, 10)}
}

// heapAtStart is the environment that keeps a plugin's collector from running
// before the plugin has said how large its heap may be, unless the user has
// said so: what a program makes ready at its start all stays alive.
func heapAtStart() []string {
	if os.Getenv(agreement.GOGC) != "" {
		return nil
	}
	return []string{agreement.GOGC + "=" + agreement.StartGOGC}
}

// hubParties are the parties of a hub's slot pool: two for each peer.
const hubParties = 2 * hub.DefaultPeers

// SlotsWithin are the default classes of slots. If they would take more than
// limit together, the largest classes are left out, and payloads travel in more
// pieces. A slot takes memory once it was used, and keeps it.
func SlotsWithin(limit int64) []slot.Class {
	classes := slot.DefaultClasses(hubParties)
	total := func() (sum int64) {
		for _, c := range classes {
			sum += int64(c.Size) * int64(c.Count)
		}
		return sum
	}
	for len(classes) > 1 && total() > limit {
		classes = classes[:len(classes)-1]
	}
	return classes
}

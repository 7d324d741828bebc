package host

import (
	"fmt"
	"os"
	"strconv"

	"ddc/slot"
	"ddc/transport/hub"
)

// expendable is how much rather than its host a plugin is to be killed when memory runs out: it can be
// started again. Its children are as expendable.
const expendable = 500

// makeExpendable is best effort: without it the kernel chooses by size alone.
func makeExpendable(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(strconv.Itoa(expendable)), 0)
}

// heapLimit is what a plugin is told of MemoryLimit, unless the user told it less.
func heapLimit(limit int64) []string {
	if limit == 0 || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return []string{"GOMEMLIMIT=" + strconv.FormatInt(limit, 10)}
}

// hubParties are the parties of a hub's slot pool: two for each peer.
const hubParties = 2 * hub.DefaultPeers

// SlotsWithin are the default classes of slots, without the largest ones where all together would take more than
// limit: then payloads travel in more pieces. Slots take memory once they were used, and keep it.
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

package proc

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// vmstat has the kernel's counters.
const vmstat = "/proc/vmstat"

// OutOfMemoryKills is how many processes the kernel has killed because memory
// ran out, in a control group or on the machine. It is -1 if that is not known.
func OutOfMemoryKills() int64 { return outOfMemoryKills(vmstat) }

func outOfMemoryKills(file string) int64 {
	counters, err := os.ReadFile(file)
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(counters)) {
		if number, found := strings.CutPrefix(line, "oom_kill "); found {
			if n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64); err == nil {
				return n
			}
		}
	}
	return -1
}

// MemoryRanOut says whether a process that has ended probably did because
// memory ran out: it was killed, and the kernel has counted such a kill since
// it began, when there were so many before.
func MemoryRanOut(state *os.ProcessState, before int64) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		return false
	}
	return before >= 0 && OutOfMemoryKills() > before
}

package matrix

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// procStat is what /proc/PID/stat says of a process.
type procStat struct {
	pid, parent, group int
	state              byte
}

func readStat(pid int) (s procStat, ok bool) {
	s, ok = parseStat(fmt.Sprintf("/proc/%d/stat", pid))
	s.pid = pid
	return s, ok
}

// parseStat reads what is said of a process, or of a thread.
func parseStat(file string) (s procStat, ok bool) {
	line, err := os.ReadFile(file)
	if err != nil {
		return s, false
	}
	// The second field is the program's name, in parentheses, and may hold anything.
	end := bytes.LastIndexByte(line, ')')
	fields := strings.Fields(string(line[end+1:]))
	if end < 0 || len(fields) < 3 {
		return s, false
	}
	number := func(i int) int { n, _ := strconv.Atoi(fields[i]); return n }
	return procStat{state: fields[0][0], parent: number(1), group: number(2)}, true
}

// processes lists all processes.
func processes() []procStat {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []procStat
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if s, ok := readStat(pid); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

// demand is how long the threads of this process, and of all that descend from
// it, have run or have been ready to run so far. Unlike the time they have run it
// goes on where a busy machine does not let them.
func demand() time.Duration {
	var sum time.Duration
	for _, pid := range descendants() {
		sum += processDemand(pid)
	}
	return sum
}

// descendants are this process and all that descend from it.
func descendants() []int {
	children := map[int][]int{}
	for _, s := range processes() {
		children[s.parent] = append(children[s.parent], s.pid)
	}
	all := []int{os.Getpid()}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

func processDemand(pid int) (sum time.Duration) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0 // it has ended
	}
	for _, t := range threads {
		var ran, waited int64
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, t.Name()))
		if err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(line), &ran, &waited); err == nil {
			sum += time.Duration(ran + waited)
		}
	}
	return sum
}

// waitsForProcessor says whether a thread of this process, but for that which asks,
// or of one that descends from it, is ready to run, or waits for a page or a disk.
// What a thread has waited is added to its demand only when it runs.
func waitsForProcessor() bool {
	ready := 0
	for _, pid := range descendants() {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			continue
		}
		for _, file := range threads {
			if s, ok := parseStat(file); ok && (s.state == 'R' || s.state == 'D') {
				ready++
			}
		}
	}
	return ready > 1
}

// groupAlive says whether a process group has a process that is not only a zombie.
func groupAlive(group int) bool {
	for _, s := range processes() {
		if s.group == group && s.state != 'Z' && s.state != 'X' {
			return true
		}
	}
	return false
}

// What threads do in the kernel, as the report of the hang says it.
const (
	inFutexBell = "futex_wait on the doorbell"
	inFutex     = "futex_wait, idle"
	inEpoll     = "epoll_wait"
	inPoll      = "poll"
	inOther     = "another system call"
	inNothing   = "no system call"
)

// threadWaits counts a process's threads by what they wait for.
func threadWaits(pid int) map[string]int {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	hubs := hubMemory(pid)
	waits := map[string]int{}
	for _, t := range threads {
		if what := threadWait(fmt.Sprintf("/proc/%d/task/%s", pid, t.Name()), hubs); what != "" {
			waits[what]++
		}
	}
	return waits
}

func threadWait(folder string, hubs []addresses) string {
	call, err := os.ReadFile(folder + "/syscall")
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(call))
	if len(fields) < 2 {
		return inNothing // it runs
	}
	switch channel, _ := os.ReadFile(folder + "/wchan"); {
	case fields[0] == strconv.Itoa(syscall.SYS_FUTEX):
		address, _ := strconv.ParseUint(fields[1], 0, 64)
		for _, h := range hubs {
			if h.from <= address && address < h.to {
				return inFutexBell
			}
		}
		return inFutex
	case bytes.Contains(channel, []byte("ep_poll")), fields[0] == strconv.Itoa(syscall.SYS_EPOLL_PWAIT):
		return inEpoll
	case bytes.Contains(channel, []byte("poll")), fields[0] == strconv.Itoa(syscall.SYS_PPOLL):
		return inPoll
	}
	return inOther
}

type addresses struct{ from, to uint64 }

// hubMemory says where a process has mapped its hub.
func hubMemory(pid int) []addresses {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil
	}
	var found []addresses
	for line := range strings.Lines(string(maps)) {
		var a addresses
		if strings.Contains(line, "memfd:ddc-hub") {
			if _, err := fmt.Sscanf(line, "%x-%x", &a.from, &a.to); err == nil {
				found = append(found, a)
			}
		}
	}
	return found
}

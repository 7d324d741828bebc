package inspect

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"ddc/internal/enclosure"
	"ddc/internal/printable"
)

// Doing is what a process does, all its threads together.
type Doing string

// What processes do.
const (
	Running Doing = "running" // some thread runs, or could
	Asleep  Doing = "asleep"
	Stopped Doing = "stopped" // by a signal, or a debugger
	Ended   Doing = "dead"
	Unknown Doing = "unknown"
)

// Process is what /proc says of a process.
type Process struct {
	PID   int   `json:"pid"`
	Doing Doing `json:"doing"`
	// CPU is what it and its descendants have used so far.
	CPU time.Duration `json:"cpu_ns"`
	// Children says that a descendant of it runs, or could.
	Children bool `json:"children_running,omitempty"`
	// Awaits are its children, oldest first: processes that it may be waiting
	// for. A descendant that has children of its own has them in Awaits, too.
	Awaits  []Child  `json:"awaits,omitempty"`
	Threads []Thread `json:"threads,omitempty"`
}

// Thread is one of a process's threads.
type Thread struct {
	ID    int    `json:"id"`
	State string `json:"state"` // R runs, S sleeps, D waits for a device, T is stopped, ...
	// Call is the number of the system call that it is in, and Waits the
	// function of the kernel that it waits in; "" where nobody may know.
	Call  string `json:"call,omitempty"`
	Waits string `json:"waits,omitempty"`
}

// Child is a process that another has started.
type Child struct {
	PID    int     `json:"pid"`
	Name   string  `json:"name"`
	Awaits []Child `json:"awaits,omitempty"`
}

// stat is what /proc/PID/stat says.
type stat struct {
	pid, parent int
	name        string // of the program, cut by the kernel; it may hold anything
	state       byte
	used        time.Duration
	began       string // in ticks since the machine's start: tells two of one number apart
}

// tickTime is USER_HZ, in which /proc counts: 100 a second wherever
// Go runs on Linux.
const tickTime = 10 * time.Millisecond

func readStat(path string) (s stat, err error) {
	line, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	// The second field is the program's name, in parentheses, and
	// may hold anything.
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 1 || end < open {
		return s, fmt.Errorf("%s: not of the form that is known", path)
	}
	fields := strings.Fields(string(line[end+1:]))
	if len(fields) < 20 {
		return s, fmt.Errorf("%s: not of the form that is known", path)
	}
	number := func(text string) int { n, _ := strconv.Atoi(text); return n }
	s.name = printable.Line(string(line[open+1 : end]))
	s.pid = number(strings.TrimSpace(string(line[:open])))
	s.state, s.parent = fields[0][0], number(fields[1])
	s.began = fields[19]
	s.used = time.Duration(number(fields[11])+number(fields[12])) * tickTime
	return s, nil
}

// ends are the processes to look at. Those that have something to do are worth
// a look at each thread.
type ends map[int]struct{ closely bool }

// lookAtProcesses looks at processes, and at what descends from them. Those
// that holds says no to are others, that have come to the same number.
func lookAtProcesses(pids ends, holds func(pid int, began string) bool) map[int]Process {
	looks := map[int]Process{}
	family := familyTree()
	family.adoptWardens(pids)
	for pid, how := range pids {
		own, ok := family.own[pid]
		p := Process{PID: pid, Doing: Ended}
		if ok && own.state != 'Z' && own.state != 'X' && holds(pid, own.began) {
			p.Threads = []Thread{{ID: pid, State: string(own.state)}}
			if how.closely {
				p.Threads = threads(pid)
			}
			p.Doing = doing(p.Threads)
			p.CPU, p.Children = family.descendants(pid)
			p.Awaits = family.childrenOf(pid, maxGenerations)
		}
		looks[pid] = p
	}
	return looks
}

// doing sums threads up.
func doing(threads []Thread) Doing {
	if len(threads) == 0 {
		return Unknown
	}
	sum := Asleep
	for _, t := range threads {
		switch t.State {
		case "T", "t":
			return Stopped
		case "R":
			sum = Running
		}
	}
	return sum
}

func threads(pid int) []Thread {
	folder := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var all []Thread
	for _, e := range entries {
		path := folder + "/" + e.Name()
		s, err := readStat(path + "/stat")
		if err != nil {
			continue
		}
		t := Thread{ID: s.pid, State: string(s.state)}
		if waits, err := os.ReadFile(path + "/wchan"); err == nil && string(waits) != "0" {
			t.Waits = string(waits)
		} else if call, err := os.ReadFile(path + "/syscall"); err == nil {
			t.Call, _, _ = strings.Cut(strings.TrimSpace(string(call)), " ")
		}
		all = append(all, t)
	}
	return all
}

// family is all processes, by their parents.
type family struct {
	own      map[int]stat
	children map[int][]int
}

func familyTree() family {
	f := family{own: map[int]stat{}, children: map[int][]int{}}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return f
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		if s, err := readStat("/proc/" + e.Name() + "/stat"); err == nil {
			f.own[s.pid] = s
			f.children[s.parent] = append(f.children[s.parent], s.pid)
		}
	}
	return f
}

// adoptWardens puts the wardens that a host has started for its plugins under
// those: what they watch is the plugin's work.
func (f family) adoptWardens(pids ends) {
	for host := range pids {
		f.children[host] = slices.DeleteFunc(f.children[host], func(child int) bool {
			asker := enclosure.Asker(child)
			_, known := pids[asker]
			if known && asker != host {
				f.children[asker] = append(f.children[asker], child)
			}
			return known && asker != host
		})
	}
}

// These bound how much is said about a process's descendants.
const (
	maxGenerations = 4
	maxChildren    = 8
)

// childrenOf are the children of a process that have not ended, and theirs.
func (f family) childrenOf(pid, generations int) []Child {
	if generations == 0 {
		return nil
	}
	var all []Child
	for _, child := range slices.Sorted(slices.Values(f.children[pid])) {
		if s := f.own[child]; s.state != 'Z' && s.state != 'X' && len(all) < maxChildren {
			all = append(all, Child{child, s.name, f.childrenOf(child, generations-1)})
		}
	}
	return all
}

// descendants is what a process and all that descend from it have used, and
// whether one of the latter runs.
func (f family) descendants(pid int) (used time.Duration, running bool) {
	used = f.own[pid].used
	queue := f.children[pid]
	for i := 0; i < len(queue) && i < len(f.own); i++ {
		s := f.own[queue[i]]
		used += s.used
		running = running || s.state == 'R'
		queue = append(queue[:len(queue):len(queue)], f.children[s.pid]...)
	}
	return used, running
}

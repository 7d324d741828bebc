package inspect

import (
	"slices"
	"time"

	"ddc/internal/enclosure"
	"ddc/internal/printable"
	"ddc/internal/proc"
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
		if ok && !own.Ended() && holds(pid, own.Began) {
			p.Threads = []Thread{{ID: pid, State: string(own.State)}}
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
	ids, err := proc.Threads(pid)
	if err != nil {
		return nil
	}
	var all []Thread
	for _, id := range ids {
		s, err := proc.Thread(pid, id)
		if err != nil {
			continue
		}
		t := Thread{ID: id, State: string(s.State), Waits: proc.Channel(pid, id)}
		if t.Waits == "" {
			if call, err := proc.Call(pid, id); err == nil && len(call) > 0 {
				t.Call = call[0]
			}
		}
		all = append(all, t)
	}
	return all
}

// family is all processes, by their parents.
type family struct {
	own      map[int]proc.Stat
	children map[int][]int
}

func familyTree() family {
	all := proc.All()
	f := family{own: map[int]proc.Stat{}, children: proc.Families(all)}
	for _, s := range all {
		f.own[s.PID] = s
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
		if s := f.own[child]; !s.Ended() && len(all) < maxChildren {
			all = append(all, Child{child, printable.Line(s.Name), f.childrenOf(child, generations-1)})
		}
	}
	return all
}

// descendants is what a process and all that descend from it have used, and
// whether one of the latter runs.
func (f family) descendants(pid int) (used time.Duration, running bool) {
	used = f.own[pid].Used
	queue := f.children[pid]
	for i := 0; i < len(queue) && i < len(f.own); i++ {
		s := f.own[queue[i]]
		used += s.Used
		running = running || s.State == 'R'
		queue = append(queue[:len(queue):len(queue)], f.children[s.PID]...)
	}
	return used, running
}

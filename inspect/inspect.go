// Package inspect looks at a hub from outside and says what it sees: who waits
// for what, and whether anything is wrong.
//
//	hubs, err := inspect.Open("4711")              // processes, or hubs' files
//	first, second := hubs[0].Look(), ...           // a quarter of a second later
//	for _, d := range inspect.Diagnose(first, second) {
//		fmt.Println(d.Name, d)                     // fonts lost wake-up (plugin sleeps, 3 frames unread, no token)
//	}
//
// It needs no help of those it looks at, which may run, stand still, be stopped
// or be dead: the hub's memory is found through /proc and mapped for reading,
// and what the processes do is read from /proc too. One look costs some ten
// milliseconds of one processor, and those it looks at nothing.
//
// [Diagnose] is the one place where states get a name. `ddc inspect`, the dump
// on SIGUSR1 and the host's watchdog all ask it.
package inspect

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"ddc/internal/proc"
	"ddc/transport/hub"
)

// Snapshot is a hub, and the processes on its links, at one moment.
type Snapshot struct {
	hub.Snapshot
	// Processes are what the links say is at their ends, by process id.
	Processes map[int]Process
}

// Hub is a hub that is looked at.
type Hub struct {
	// Path is how the hub was found.
	Path string
	// Holders are the processes that had the hub mapped when it was opened.
	Holders []int

	observer *hub.Observer
	inode    uint64         // of the memory, or 0 where it is a copy
	held     map[int]string // processes that have it, and when they began
}

// ErrNoHub is returned where there is none to look at.
var ErrNoHub = errors.New("no hub found")

// Open opens the hubs of processes, be they hosts or plugins, or those that are
// files: /proc/PID/fd/N, or copies. Each hub is opened once; of several
// processes those that have none are passed over.
func Open(targets ...string) (hubs []*Hub, err error) {
	defer func() {
		if err != nil {
			for _, h := range hubs {
				err = errors.Join(err, h.Close())
			}
			hubs = nil
		}
	}()
	var none error
	for _, target := range targets {
		paths := []string{target}
		if pid, err := strconv.Atoi(target); err == nil {
			paths, err = findHubs(pid)
			if errors.Is(err, ErrNoHub) {
				none = err
				continue
			}
			if err != nil {
				return hubs, err
			}
		}
		for _, path := range paths {
			inode := inodeOf(path)
			if slices.ContainsFunc(hubs, func(h *Hub) bool { return h.inode != 0 && h.inode == inode }) {
				continue
			}
			h, err := openFile(path)
			if err != nil {
				return hubs, err
			}
			hubs = append(hubs, h)
		}
	}
	if len(hubs) == 0 {
		return nil, none
	}
	return hubs, nil
}

func openFile(path string) (*Hub, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open hub: %w", err)
	}
	inode := hubInode(f)
	observer, err := hub.Observe(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	h := &Hub{Path: path, observer: observer, inode: inode, held: map[int]string{}}
	if inode != 0 {
		h.Holders = holders(inode)
	}
	return h, nil
}

// Look looks once.
func (h *Hub) Look() Snapshot {
	s := Snapshot{Snapshot: h.observer.Snapshot()}
	if h.inode == 0 {
		return s
	}
	s.Processes = lookAtProcesses(s.ends(), h.holds)
	s.forgetSelf()
	tokens := tokenFinder{}
	for i := range s.Links {
		tokens.fill(&s.Links[i])
	}
	return s
}

// holds says whether a process has the hub. One that had it once has it as long
// as it lives.
func (h *Hub) holds(pid int, began string) bool {
	if h.held[pid] == began {
		return true
	}
	has, err := hasMapped(pid, h.inode)
	if err != nil {
		return true // who may not ask takes the link's word
	}
	if has {
		h.held[pid] = began
	}
	return has
}

// Events are the last events of a link, by its place.
func (h *Hub) Events(place int) [2][]hub.Event { return h.observer.Events(place) }

// Held says whether any of Holders still has the hub. For a copy it says true.
func (h *Hub) Held() bool {
	return h.inode == 0 || slices.ContainsFunc(h.Holders, func(pid int) bool {
		has, err := hasMapped(pid, h.inode)
		return has && err == nil
	})
}

// Close lets the hub go.
func (h *Hub) Close() error { return h.observer.Close() }

// Own is a look at a hub by its own host, which knows of every token. It does
// not say that the host runs, since the look itself makes it run.
func Own(h *hub.Hub) Snapshot {
	s := Snapshot{Snapshot: h.Snapshot()}
	s.Processes = lookAtProcesses(s.ends(), func(int, string) bool { return true })
	s.forgetSelf()
	return s
}

// forgetSelf forgets what this process does: it runs because it looks.
func (s *Snapshot) forgetSelf() {
	if own, ok := s.Processes[os.Getpid()]; ok {
		own.Doing = Unknown
		s.Processes[own.PID] = own
	}
}

// ends are the processes at the ends of the links.
func (s *Snapshot) ends() ends {
	all := ends{}
	for i := range s.Links {
		l := &s.Links[i]
		for _, pid := range l.PIDs {
			if pid != 0 {
				e := all[pid]
				e.closely = e.closely || busy(l)
				all[pid] = e
			}
		}
	}
	return all
}

// findHubs finds the files of the hubs that a process has.
func findHubs(pid int) ([]string, error) {
	if _, err := os.Stat(proc.Folder(pid)); err != nil {
		return nil, fmt.Errorf("%w: there is no process %d", ErrNoHub, pid)
	}
	paths, err := hubFiles(pid)
	if err != nil {
		return nil, fmt.Errorf("look at process %d: %w", pid, err)
	}
	if len(paths) > 0 {
		return paths, nil
	}
	// A plugin keeps the memory and not the descriptor: its host has both.
	mapped, err := mappedHubs(pid)
	if err != nil {
		return nil, fmt.Errorf("look at process %d: %w", pid, err)
	}
	for _, m := range mapped {
		paths = append(paths, fileOf(m))
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%w: process %d has none: it is neither a build nor a plugin of one, or a build without shared memory (--transport grpc or inproc)", ErrNoHub, pid)
	}
	return paths, nil
}

// fileOf finds a file for memory that a process has mapped: a descriptor of
// some other process if there is one, else the mapping itself, which only a
// privileged user may open.
func fileOf(m proc.Mapping) string {
	for _, holder := range holders(m.Inode) {
		paths, err := hubFiles(holder)
		if err != nil {
			continue
		}
		for _, path := range paths {
			if inodeOf(path) == m.Inode {
				return path
			}
		}
	}
	return m.Path
}

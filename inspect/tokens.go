package inspect

import (
	"strconv"
	"strings"

	"ddc/internal/proc"
	"ddc/internal/sys"
	"ddc/transport/hub"
)

// tokenFinder finds tokens that are in the kernel: it knows the descriptors of
// each process by the objects behind them.
type tokenFinder map[int]map[uint64]descriptor

// descriptor is one of a process's, and how much there is to read from it.
type descriptor struct {
	number int
	// count is an eventfd's; others are asked when that is wanted.
	count   uint64
	eventfd bool
}

// fill says of each bell of a link whether a token is pending, where one of its
// processes may still be asked.
func (t tokenFinder) fill(l *hub.LinkSnapshot) {
	bells := []*hub.BellState{&l.Sides[0].BellState, &l.Sides[1].BellState, &l.Caller}
	for i, bell := range bells {
		if !bell.Blind {
			continue
		}
		for _, pid := range l.PIDs {
			if token, ok := t.token(pid, l.Objects[i][0]); ok {
				bell.Token, bell.Blind = token, false
				break
			}
		}
	}
}

func (t tokenFinder) token(pid int, object uint64) (token, ok bool) {
	if pid == 0 || object == 0 {
		return false, false
	}
	if t[pid] == nil {
		t[pid] = descriptors(pid)
	}
	d, ok := t[pid][object]
	if !ok {
		return false, false
	}
	if d.eventfd {
		return d.count > 0, true
	}
	n, err := sys.Unread(pid, d.number)
	return n > 0, err == nil
}

// descriptors lists the pipes, sockets and eventfds of a process by what
// package sys calls them.
func descriptors(pid int) map[uint64]descriptor {
	found := map[uint64]descriptor{}
	all, err := proc.Descriptors(pid)
	if err != nil {
		return found
	}
	for _, d := range all {
		kind, rest, _ := strings.Cut(d.Target, ":")
		switch {
		case kind == "pipe", kind == "socket":
			if inode, err := strconv.ParseUint(strings.Trim(rest, "[]"), 10, 64); err == nil {
				found[inode] = descriptor{number: d.Number}
			}
		case strings.Contains(rest, "eventfd"):
			if id, count, ok := proc.Eventfd(pid, uintptr(d.Number)); ok {
				found[id] = descriptor{number: d.Number, count: count, eventfd: true}
			}
		}
	}
	return found
}

package memory

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"ddc/internal/activity"
	"ddc/internal/proc"
	"ddc/internal/sys"
)

// A sample comes after what the one before has cost, fifty times, and after
// quick at least: so the meter takes a fiftieth of one processor, however many
// processes there are.
const (
	quick = 20 * time.Millisecond
	share = 50
)

// Meter looks, from time to time, at how much memory this process and its
// descendants take. A group tells that at once; without one, all processes are
// asked.
type Meter struct {
	group   *Group
	stop    chan struct{}
	stopped sync.WaitGroup
	peak    int64
}

// NewMeter starts to look, while somebody is at work. The group may be nil.
func NewMeter(group *Group, a *activity.Activity) *Meter {
	m := &Meter{group: group, stop: make(chan struct{})}
	m.stopped.Go(func() {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-m.stop:
				m.peak = max(m.peak, m.now())
				return
			}
			begun := time.Now()
			m.peak = max(m.peak, m.now())
			if !a.Await(m.stop) {
				return
			}
			timer.Reset(max(quick, share*time.Since(begun)))
		}
	})
	return m
}

// Stop looks a last time, and gives the most that was seen, in bytes.
func (m *Meter) Stop() int64 {
	close(m.stop)
	m.stopped.Wait()
	return m.peak
}

func (m *Meter) now() int64 {
	if m.group != nil {
		if use, ok := m.group.use(); ok {
			return use
		}
	}
	return Now()
}

// Now is how much memory this process and its descendants take, in bytes.
func Now() int64 {
	var sum int64
	segments := map[segment]int64{}
	for _, p := range proc.Descendants(os.Getpid()) {
		if p.Parent != 0 && sys.ShareMemory(p.Parent, p.PID) {
			continue // vfork(2): until it runs its program, it is its parent's memory
		}
		sum += anonymous(p.PID)
		addSegments(p.PID, segments)
	}
	for _, size := range segments {
		sum += size
	}
	return sum
}

// anonymous is a process's memory but for what files and shared segments are
// behind.
func anonymous(pid int) int64 {
	resident, shared, err := proc.Memory(pid)
	if err != nil {
		return 0 // it has ended
	}
	return max(0, resident-shared)
}

// segment is a memfd, whoever holds it.
type segment struct{ device, inode uint64 }

// addSegments adds the memfds that a process holds, mapped or not, by their
// size in memory.
func addSegments(pid int, to map[segment]int64) {
	all, err := proc.Descriptors(pid)
	if err != nil {
		return
	}
	for _, d := range all {
		if !strings.HasPrefix(d.Target, "/memfd:") {
			continue
		}
		var stat syscall.Stat_t
		if syscall.Stat(d.Path, &stat) == nil {
			to[segment{stat.Dev, stat.Ino}] = stat.Blocks * 512
		}
	}
}

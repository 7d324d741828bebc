package memory

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A sample comes after what the one before has cost, fifty times, and after quick at least: so the meter
// takes a fiftieth of one processor, however many processes there are.
const (
	quick = 20 * time.Millisecond
	share = 50
)

// Meter looks, from time to time, at how much memory this process and its descendants take. A group tells that at
// once; without one, all processes are asked.
type Meter struct {
	group   *Group
	stop    chan struct{}
	stopped sync.WaitGroup
	peak    int64
}

// NewMeter starts to look. The group may be nil.
func NewMeter(group *Group) *Meter {
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
	for _, pid := range tree(os.Getpid()) {
		sum += anonymous(pid)
		addSegments(pid, segments)
	}
	for _, size := range segments {
		sum += size
	}
	return sum
}

// tree is a process and its descendants. Those that end meanwhile are left out.
func tree(pid int) []int {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		lists, err := filepath.Glob("/proc/" + strconv.Itoa(pids[i]) + "/task/*/children")
		if err != nil {
			continue
		}
		for _, list := range lists {
			children, err := os.ReadFile(list)
			if err != nil {
				continue
			}
			for _, child := range strings.Fields(string(children)) {
				if pid, err := strconv.Atoi(child); err == nil {
					pids = append(pids, pid)
				}
			}
		}
	}
	return pids
}

// anonymous is a process's memory but for what files and shared segments are behind.
func anonymous(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text) // size, resident, shared
	if len(fields) < 3 {
		return 0
	}
	resident, err1 := strconv.ParseInt(string(fields[1]), 10, 64)
	shared, err2 := strconv.ParseInt(string(fields[2]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return max(0, resident-shared) * int64(os.Getpagesize())
}

// segment is a memfd, whoever holds it.
type segment struct{ device, inode uint64 }

// addSegments adds the memfds that a process holds, mapped or not, by their size in memory.
func addSegments(pid int, to map[segment]int64) {
	folder := "/proc/" + strconv.Itoa(pid) + "/fd/"
	d, err := os.Open(folder)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // of one that has just ended, none
	for _, name := range names {
		target, err := os.Readlink(folder + name)
		if err != nil || !strings.HasPrefix(target, "/memfd:") {
			continue
		}
		var stat syscall.Stat_t
		if syscall.Stat(folder+name, &stat) == nil {
			to[segment{stat.Dev, stat.Ino}] = stat.Blocks * 512
		}
	}
}

package memory

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrNotPermitted says that no group could be made: the kernel has none, or
// they are not ours to make. Then the limit holds by what the processes do
// themselves.
var ErrNotPermitted = errors.New("control groups of memory are not ours to make")

// Group is a control group of its own for this process and those that it starts
// from now on.
type Group struct {
	folder, before string // where it is, and where this process was
	v2             bool
	brought        int64 // what this process had taken before, which counts where it was
}

// made numbers the groups of this process.
var made atomic.Int64

// Confine moves this process into a new group with a limit. doomed is told of
// the group's folder before it is made. A nil Group without an error says that
// the group we are in is as strict already. A process that shall outlive this
// one must be started before.
func Confine(limit int64, doomed func(folder string) error) (*Group, error) {
	h, ok := find()
	if !ok {
		return nil, ErrNotPermitted
	}
	if h.limit() <= limit {
		return nil, nil
	}
	parent, err := h.parent()
	if err != nil {
		return nil, err
	}
	g := &Group{folder: filepath.Join(parent, fmt.Sprintf("ddc-%d-%d", os.Getpid(), made.Add(1))), before: h.own, v2: h.v2, brought: anonymous(os.Getpid())}
	if err := doomed(g.folder); err != nil {
		return nil, err
	}
	if err := os.Mkdir(g.folder, 0o755); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotPermitted, err)
	}
	if err := h.enter(g.folder, limit-min(g.brought, limit/2)); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrNotPermitted, err), os.Remove(g.folder))
	}
	return g, nil
}

// parent is the group to make ours in. Version 2 allows no processes beside
// groups, but in its root: so the new group is a sibling of the present one,
// unless that has a limit, which would be left behind.
func (h hierarchy) parent() (string, error) {
	if !h.v2 || h.own == h.root {
		return h.own, nil
	}
	if h.limitOf(h.own) != math.MaxInt64 {
		return "", fmt.Errorf("%w: the present group has a limit, which is not to be left", ErrNotPermitted)
	}
	parent := filepath.Dir(h.own)
	controllers, err := os.ReadFile(filepath.Join(parent, "cgroup.subtree_control"))
	if err != nil || !strings.Contains(" "+strings.TrimSpace(string(controllers))+" ", " memory ") {
		return "", fmt.Errorf("%w: groups in %s do not bound memory", ErrNotPermitted, parent)
	}
	return parent, nil
}

func (h hierarchy) enter(folder string, limit int64) error {
	if err := put(folder, h.limitFile(), limit); err != nil {
		return err
	}
	// Swapped out is not within the limit. Where swap is not accounted for
	// there is no such file.
	swap, most := "memory.memsw.limit_in_bytes", limit
	if h.v2 {
		swap, most = "memory.swap.max", 0
	}
	if err := put(folder, swap, most); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return put(folder, "cgroup.procs", int64(os.Getpid()))
}

func put(folder, file string, value int64) error {
	f, err := os.OpenFile(filepath.Join(folder, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strconv.FormatInt(value, 10))
	return errors.Join(err, f.Close())
}

// Folder is where the group is, or "" for nil.
func (g *Group) Folder() string {
	if g == nil {
		return ""
	}
	return g.folder
}

// How often, and in what steps, Close waits for processes that have ended to be
// gone.
const (
	leaves    = 50
	leavePace = 10 * time.Millisecond
)

// Close moves this process back, ends what still runs in the group, and removes
// it. An error says that a process cannot be ended: the group then stays, and
// nothing else depends on that.
func (g *Group) Close() error {
	if g == nil {
		return nil
	}
	if err := put(g.before, "cgroup.procs", int64(os.Getpid())); err != nil {
		return fmt.Errorf("leave the control group: %w", err)
	}
	for try := 1; ; try++ {
		err := os.Remove(g.folder)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if try == leaves || !errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("remove the control group: %w", err)
		}
		g.endAll()
		time.Sleep(leavePace)
	}
}

// endAll kills what runs in the group: at once where the kernel does that
// (version 2), else one by one.
func (g *Group) endAll() {
	if put(g.folder, "cgroup.kill", 1) == nil {
		return
	}
	pids, err := os.ReadFile(filepath.Join(g.folder, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, text := range strings.Fields(string(pids)) {
		if pid, err := strconv.Atoi(text); err == nil && pid > 0 && pid != os.Getpid() { // 0 is one that we can't see
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
		}
	}
}

// use is how much memory is taken in the group, and false where the kernel
// doesn't say.
func (g *Group) use() (int64, bool) {
	text, err := os.ReadFile(filepath.Join(g.folder, "memory.stat"))
	if err != nil {
		return 0, false
	}
	wanted := []string{"total_rss ", "total_shmem "}
	if g.v2 {
		wanted = []string{"anon ", "shmem "}
	}
	sum, found := g.brought, 0
	for line := range strings.Lines(string(text)) {
		for _, name := range wanted {
			if number, ok := strings.CutPrefix(line, name); ok {
				value, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
				if err != nil {
					return 0, false
				}
				sum += value
				found++
			}
		}
	}
	return sum, found == len(wanted)
}

// Package memory keeps a process and everything that it starts within a limit,
// and tells how much they took.
//
//	limit := memory.Default()                  // what we may take
//	group, err := memory.Confine(limit, ...)   // the kernel sees to it, where we may ask it to
//	meter := memory.NewMeter(nil, nil)         // how much it was
//	...
//	peak := meter.Stop()
//	err = group.Close()
//
// Memory here is what the kernel can't take back: the anonymous pages of all
// processes, and the pages of shared segments, each counted once. The text of
// programs and cached files are left out: they go when somebody needs the room.
//
// A group costs 1.5 ms, the first of a process up to 14 ms, in which the kernel
// waits for all processors; the meter at most a fiftieth of one processor.
package memory

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"ddc/internal/proc"
)

// MaxDefault is what we take at most without being told.
const MaxDefault = 4 << 30

// Min is the least limit that makes sense: sixteen plugins that do nothing,
// Dart Sass and room to work.
const Min = 256 << 20

// Default is the limit of the control groups that this process is in, at most
// MaxDefault.
func Default() int64 {
	limit := int64(MaxDefault)
	if h, ok := find(); ok {
		limit = min(limit, h.limit())
	}
	return limit
}

// Parse reads a size: "4GiB", "512MiB", "1.5G", "800M" or a number of bytes.
func Parse(text string) (int64, error) {
	number, factor := text, 1.0
	for _, unit := range []struct {
		name  string
		bytes float64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
		{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30},
	} {
		if rest, ok := strings.CutSuffix(text, unit.name); ok {
			number, factor = strings.TrimSpace(rest), unit.bytes
			break
		}
	}
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(value) || value*factor > math.MaxInt64/2 {
		return 0, fmt.Errorf("%q is no size: write 4GiB, 512MiB or a number of bytes", text)
	}
	bytes := int64(value * factor)
	if bytes < Min {
		return 0, fmt.Errorf("%q is too little: a build needs %d MiB", text, Min>>20)
	}
	return bytes, nil
}

// hierarchy is the tree of control groups that bounds memory, of either
// version.
type hierarchy struct {
	v2   bool
	root string // where it is mounted
	own  string // the group of this process
}

// The files of a group, by version.
func (h hierarchy) limitFile() string {
	if h.v2 {
		return "memory.max"
	}
	return "memory.limit_in_bytes"
}

// find finds the hierarchy. In a container the name that the kernel tells may
// be of a tree that is not mounted there; then the root of what is mounted is
// our own group.
func find() (hierarchy, bool) {
	text, err := proc.ControlGroups(proc.Self)
	if err != nil {
		return hierarchy{}, false
	}
	return findIn(text, "/sys/fs/cgroup")
}

func findIn(text, mount string) (hierarchy, bool) {
	var unified *hierarchy
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		h := hierarchy{v2: parts[1] == "", root: mount}
		if !h.v2 {
			h.root = filepath.Join(mount, "memory")
		}
		h.own = filepath.Join(h.root, parts[2])
		if _, err := os.Stat(h.own); err != nil {
			h.own = h.root
		}
		switch {
		case h.v2:
			unified = &h
		case strings.Contains(","+parts[1]+",", ",memory,"):
			_, err := os.Stat(filepath.Join(h.own, h.limitFile()))
			return h, err == nil
		}
	}
	if unified == nil {
		return hierarchy{}, false
	}
	_, err := os.Stat(filepath.Join(unified.root, "cgroup.controllers"))
	return *unified, err == nil
}

// limit is the least of the limits of our own group and those above it.
func (h hierarchy) limit() int64 {
	least := int64(math.MaxInt64)
	for folder := h.own; ; folder = filepath.Dir(folder) {
		least = min(least, h.limitOf(folder))
		if folder == h.root || folder == filepath.Dir(folder) {
			return least
		}
	}
}

// limitOf is the limit of one group, or MaxInt64 where it has none.
func (h hierarchy) limitOf(folder string) int64 {
	text, err := os.ReadFile(filepath.Join(folder, h.limitFile()))
	if err != nil {
		return math.MaxInt64
	}
	value, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || value <= 0 || value > 1<<60 { // "max", or version 1's word for it
		return math.MaxInt64
	}
	return value
}

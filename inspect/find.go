package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// hubName is what the kernel calls a hub's memory.
const hubName = "/memfd:ddc-hub"

// hubFiles lists the descriptors of a process that are hubs, each hub once.
func hubFiles(pid int) ([]string, error) {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var paths []string
	seen := map[uint64]bool{}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		if target, err := os.Readlink(path); err != nil || !strings.HasPrefix(target, hubName) {
			continue
		}
		if inode := inodeOf(path); inode != 0 && !seen[inode] {
			seen[inode] = true
			paths = append(paths, path)
		}
	}
	return paths, nil
}

func inodeOf(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// hubInode is the inode of a hub's own memory, or 0 for a copy of it.
func hubInode(f *os.File) uint64 {
	target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil || !strings.HasPrefix(target, hubName) {
		return 0
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// mapping is a hub in the memory of a process.
type mapping struct {
	addresses string // as in /proc/PID/maps: "7f00-7f40"
	inode     uint64
}

// mappedHubs lists the hubs that a process has mapped.
func mappedHubs(pid int) ([]mapping, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	var found []mapping
	for line := range strings.Lines(string(maps)) {
		// 7f5a80000000-7f5a86c00000 rw-s 00000000 00:01 1234
		// /memfd:ddc-hub (deleted)
		fields := strings.Fields(line)
		if len(fields) < 6 || !strings.HasPrefix(fields[5], hubName) {
			continue
		}
		if inode, err := strconv.ParseUint(fields[4], 10, 64); err == nil {
			found = append(found, mapping{fields[0], inode})
		}
	}
	return found, nil
}

func hasMapped(pid int, inode uint64) (bool, error) {
	mapped, err := mappedHubs(pid)
	for _, m := range mapped {
		if m.inode == inode {
			return true, nil
		}
	}
	return false, err
}

// holders lists the processes that have a hub mapped, this one apart. Those
// that this user may not look at are not among them.
func holders(inode uint64) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if is, err := hasMapped(pid, inode); err == nil && is {
			pids = append(pids, pid)
		}
	}
	return pids
}

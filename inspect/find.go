package inspect

import (
	"os"
	"strings"
	"syscall"

	"ddc/internal/proc"
)

// hubName is what the kernel calls a hub's memory.
const hubName = "/memfd:ddc-hub"

// hubFiles lists the descriptors of a process that are hubs, each hub once.
func hubFiles(pid int) ([]string, error) {
	all, err := proc.Descriptors(pid)
	if err != nil {
		return nil, err
	}
	var paths []string
	seen := map[uint64]bool{}
	for _, d := range all {
		if !strings.HasPrefix(d.Target, hubName) {
			continue
		}
		if inode := inodeOf(d.Path); inode != 0 && !seen[inode] {
			seen[inode] = true
			paths = append(paths, d.Path)
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
	target, err := proc.Target(proc.Self, f.Fd())
	if err != nil || !strings.HasPrefix(target, hubName) {
		return 0
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// mappedHubs lists the hubs that a process has mapped.
func mappedHubs(pid int) ([]proc.Mapping, error) { return proc.Mappings(pid, hubName) }

func hasMapped(pid int, inode uint64) (bool, error) {
	mapped, err := mappedHubs(pid)
	for _, m := range mapped {
		if m.Inode == inode {
			return true, nil
		}
	}
	return false, err
}

// holders lists the processes that have a hub mapped, this one apart. Those
// that this user may not look at are not among them.
func holders(inode uint64) []int {
	all, err := proc.PIDs()
	if err != nil {
		return nil
	}
	var pids []int
	for _, pid := range all {
		if pid == os.Getpid() {
			continue
		}
		if is, err := hasMapped(pid, inode); err == nil && is {
			pids = append(pids, pid)
		}
	}
	return pids
}

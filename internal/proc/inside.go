package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// What a process has, and what its threads do. The right to look at these is
// the right to trace the process (ptrace(2), PTRACE_MODE_READ).

// Call is the system call that a thread is in: its number, its arguments, the
// stack and the place, as the kernel writes them. It has no words for a thread
// that runs.
func Call(pid, thread int) ([]string, error) {
	text, err := read(threadFolder(pid, thread) + "/syscall")
	if err != nil {
		return nil, err
	}
	if words := strings.Fields(string(text)); len(words) > 1 {
		return words, nil
	}
	return nil, nil // "running"
}

// Channel is the function of the kernel that a thread waits in, or "" if it
// waits in none, or nobody may know.
func Channel(pid, thread int) string {
	text, err := read(threadFolder(pid, thread) + "/wchan")
	if err != nil || string(text) == "0" {
		return ""
	}
	return string(text)
}

// Turns is how long a thread has run, and how long it has been ready to run.
// The latter grows only when it runs again.
func Turns(pid, thread int) (ran, waited time.Duration, err error) {
	text, err := read(threadFolder(pid, thread) + "/schedstat")
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(string(text), (*int64)(&ran), (*int64)(&waited)); err != nil {
		return 0, 0, fmt.Errorf("read what thread %d has run: %w", thread, err)
	}
	return ran, waited, nil
}

// Ready counts the threads of some processes that run, are ready to, or wait
// for a page or a disk: they are not at rest. A process that has
// ended has none.
func Ready(pids ...int) (count int) {
	for _, pid := range pids {
		threads, err := Threads(pid)
		if err != nil {
			continue
		}
		for _, t := range threads {
			if s, err := Thread(pid, t); err == nil && (s.State == 'R' || s.State == 'D') {
				count++
			}
		}
	}
	return count
}

// Memory is what a process holds of memory, in bytes, and how much of that is
// of files and shared.
func Memory(pid int) (resident, shared int64, err error) {
	text, err := read(Folder(pid) + "/statm")
	if err != nil {
		return 0, 0, err
	}
	var size int64
	if _, err := fmt.Sscan(string(text), &size, &resident, &shared); err != nil {
		return 0, 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	page := int64(os.Getpagesize())
	return resident * page, shared * page, nil
}

// ControlGroups are the groups that a process is in, a line for each hierarchy,
// as cgroups(7) describes.
func ControlGroups(pid int) (string, error) {
	text, err := read(Folder(pid) + "/cgroup")
	return string(text), err
}

// Descriptor is one of a process's.
type Descriptor struct {
	Number int
	// Target is what it refers to: a path, "pipe:[1234]", "/memfd:NAME
	// (deleted)".
	Target string
	// Path opens the same file again, where that may be.
	Path string
}

// DescriptorNumbers lists the descriptors of a process, in order.
func DescriptorNumbers(pid int) ([]int, error) { return numbers(Folder(pid) + "/fd") }

// Descriptors lists the descriptors of a process with what they refer to.
func Descriptors(pid int) ([]Descriptor, error) {
	numbers, err := DescriptorNumbers(pid)
	if err != nil {
		return nil, err
	}
	all := make([]Descriptor, 0, len(numbers))
	for _, n := range numbers {
		path := Folder(pid) + "/fd/" + strconv.Itoa(n)
		if target, err := os.Readlink(path); err == nil {
			all = append(all, Descriptor{n, target, path})
		}
	}
	return all, nil
}

// Target is what a descriptor of a process refers to.
func Target(pid int, descriptor uintptr) (string, error) {
	return os.Readlink(Folder(pid) + "/fd/" + strconv.Itoa(int(descriptor)))
}

// Eventfd says which counter a descriptor is, and what it counts; false for
// what is no eventfd. Kernels before 5.2 do not tell counters apart: the id is
// then 0.
func Eventfd(pid int, descriptor uintptr) (id, count uint64, ok bool) {
	info, err := read(Folder(pid) + "/fdinfo/" + strconv.Itoa(int(descriptor)))
	if err != nil {
		return 0, 0, false
	}
	id, _ = infoNumber(info, "eventfd-id:", 10)
	count, ok = infoNumber(info, "eventfd-count:", 16)
	return id, count, ok
}

func infoNumber(info []byte, key string, base int) (uint64, bool) {
	for line := range bytes.Lines(info) {
		if text, ok := bytes.CutPrefix(line, []byte(key)); ok {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), base, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// Mapping is a file in the memory of a process.
type Mapping struct {
	From, To uint64 // addresses
	Inode    uint64
	Path     string // opens the file, if the user is privileged
}

// Mappings lists where a process has mapped the files whose names begin with
// prefix.
func Mappings(pid int, prefix string) ([]Mapping, error) {
	maps, err := read(Folder(pid) + "/maps")
	if err != nil {
		return nil, err
	}
	var found []Mapping
	for line := range strings.Lines(string(maps)) {
		//	7f5a80000000-7f5a86c00000 rw-s 00000000 00:01 1234   /memfd:ddc-hub (deleted)
		fields := strings.Fields(line)
		if len(fields) < 6 || !strings.HasPrefix(fields[5], prefix) {
			continue
		}
		m := Mapping{Path: Folder(pid) + "/map_files/" + fields[0]}
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &m.From, &m.To); err != nil {
			continue
		}
		if m.Inode, err = strconv.ParseUint(fields[4], 10, 64); err == nil {
			found = append(found, m)
		}
	}
	return found, nil
}

// Package proc reads what /proc says of processes: their states and parents,
// threads, descriptors and mappings. It is the only reader of it.
//
//	for _, s := range proc.All() {
//		fmt.Println(s.PID, s.Parent, s.Name)
//	}
//
// Everything here is a look at something that changes: a process may have
// ended, and another may have come to its number, before the answer is used.
// What cannot be read, because the process has ended or is another user's, is
// an error if that process was asked for, and left out of lists.
//
// Numbers are those of the mounted /proc. In a namespace that has another's
// they are not what getpid(2) says; [Number] asks /proc itself.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Self stands for the process that asks, wherever a number is wanted.
const Self = 0

// Tick is USER_HZ, in which the kernel counts: 100 a second wherever Go runs on
// Linux.
const Tick = 10 * time.Millisecond

// Folder is where /proc shows a process.
func Folder(pid int) string {
	if pid == Self {
		return "/proc/self"
	}
	return "/proc/" + strconv.Itoa(pid)
}

func threadFolder(pid, thread int) string {
	return Folder(pid) + "/task/" + strconv.Itoa(thread)
}

// Number is the number by which /proc knows the process that asks.
func Number() (int, error) {
	name, err := os.Readlink("/proc/self")
	if err != nil {
		return 0, fmt.Errorf("find this process: %w", err)
	}
	number, err := strconv.Atoi(name)
	if err != nil {
		return 0, fmt.Errorf("find this process: %w", err)
	}
	return number, nil
}

// PIDs lists all processes, in order.
func PIDs() ([]int, error) { return numbers("/proc") }

// Threads lists the threads of a process, in order. The error for one that
// has ended is os.ErrNotExist.
func Threads(pid int) ([]int, error) { return numbers(Folder(pid) + "/task") }

// read is a file of /proc. The error for a process that has ended is
// os.ErrNotExist.
func read(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	return text, gone(err)
}

// gone says os.ErrNotExist of who ended between the opening of its file and the
// reading: there the kernel says ESRCH.
func gone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%w: %w", os.ErrNotExist, err)
	}
	return err
}

// numbers lists the entries of a folder that are numbers.
func numbers(folder string) ([]int, error) {
	f, err := os.Open(folder)
	if err != nil {
		return nil, gone(err)
	}
	defer f.Close()                  //nolint:errcheck // it was only read
	names, err := f.Readdirnames(-1) // unlike ReadDir, it does not ask what each one is
	if err != nil {
		return nil, gone(err)
	}
	var found []int
	for _, name := range names {
		if number, err := strconv.Atoi(name); err == nil {
			found = append(found, number)
		}
	}
	slices.Sort(found)
	return found, nil
}

// Runnable is how many threads of the machine run or want to.
func Runnable() (int, error) {
	text, err := read("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	return parseRunnable(string(text))
}

// parseRunnable reads "0.20 0.18 0.12 1/80 11206".
func parseRunnable(text string) (int, error) {
	if fields := strings.Fields(text); len(fields) > 3 {
		running, _, _ := strings.Cut(fields[3], "/")
		return strconv.Atoi(running)
	}
	return 0, fmt.Errorf("/proc/loadavg has no number of threads: %q", text)
}

// Stat is what /proc says of a process or a thread in one line.
type Stat struct {
	PID, Parent, Group int
	// Name is the program's, cut by the kernel. It may hold anything: see
	// internal/printable.
	Name string
	// State is R for one that runs or could, S and D for sleepers, T for one
	// that is stopped, Z and X for one that has ended.
	State byte
	// Used is the processor time of all its threads, or of the one.
	Used time.Duration
	// Reaped is the processor time of those of its children that it has waited
	// for, and of theirs.
	Reaped time.Duration
	// Began is in ticks since the machine's start: it tells two of one number
	// apart.
	Began string
}

// Ended says that nothing is left of the process but its status, which its
// parent has not asked for yet.
func (s Stat) Ended() bool { return s.State == 'Z' || s.State == 'X' }

// Of looks at a process.
func Of(pid int) (Stat, error) { return readStat(Folder(pid) + "/stat") }

// Thread looks at one thread of a process.
func Thread(pid, thread int) (Stat, error) { return readStat(threadFolder(pid, thread) + "/stat") }

func readStat(path string) (Stat, error) {
	line, err := read(path)
	if err != nil {
		return Stat{}, err
	}
	s, ok := parseStat(line)
	if !ok {
		return Stat{}, fmt.Errorf("read %s: not of the form that is known", path)
	}
	return s, nil
}

func parseStat(line []byte) (s Stat, ok bool) {
	// The second field is the program's name, in parentheses, and may hold
	// anything, parentheses too.
	begin, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if begin < 1 || end < begin {
		return s, false
	}
	fields := strings.Fields(string(line[end+1:]))
	if len(fields) < 20 {
		return s, false
	}
	number := func(text string) int { n, _ := strconv.Atoi(text); return n }
	return Stat{
		PID: number(strings.TrimSpace(string(line[:begin]))), Name: string(line[begin+1 : end]),
		State: fields[0][0], Parent: number(fields[1]), Group: number(fields[2]),
		Used: time.Duration(number(fields[11])+number(fields[12])) * Tick, Reaped: time.Duration(number(fields[13])+number(fields[14])) * Tick,
		Began: fields[19],
	}, true
}

// All looks at all processes, in the order of their numbers.
func All() []Stat {
	pids, err := PIDs()
	if err != nil {
		return nil
	}
	var all []Stat
	for _, pid := range pids {
		if s, err := Of(pid); err == nil {
			all = append(all, s)
		}
	}
	return all
}

// Families gives the children of each process among all, in order.
func Families(all []Stat) map[int][]int {
	children := map[int][]int{}
	for _, s := range all {
		children[s.Parent] = append(children[s.Parent], s.PID)
	}
	return children
}

// Descendant is a process that another has started, or the first of all, whose
// Parent is not asked for and 0.
type Descendant struct{ PID, Parent int }

// Descendants are a process, and then all that descend from it. It asks each
// for its children, and so costs less than [All] where there are many others.
func Descendants(pid int) []Descendant {
	family := []Descendant{{PID: pid}}
	for i := 0; i < len(family); i++ {
		parent := family[i].PID
		lists, err := filepath.Glob(Folder(parent) + "/task/*/children")
		if err != nil {
			continue
		}
		for _, list := range lists {
			for _, child := range children(list) {
				family = append(family, Descendant{PID: child, Parent: parent})
			}
		}
	}
	return family
}

// StartedByThread are the processes that the calling thread has started and
// that nobody has reaped. Some kernels do not say.
func StartedByThread() []int { return children("/proc/thread-self/children") }

func children(list string) []int {
	text, err := read(list)
	if err != nil {
		return nil
	}
	var pids []int
	for _, word := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(word); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Words are the words that a process was started with: none for one that has
// ended.
func Words(pid int) []string {
	line, err := read(Folder(pid) + "/cmdline")
	if err != nil || len(line) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
}

// Tasks is the number of processes and threads of the machine, or 0.
func Tasks() int {
	text, err := os.ReadFile("/proc/loadavg") // 0.20 0.18 0.12 1/80 11206
	if err != nil {
		return 0
	}
	var load float64
	var running, all int
	if _, err := fmt.Sscanf(string(text), "%g %g %g %d/%d", &load, &load, &load, &running, &all); err != nil {
		return 0
	}
	return all
}

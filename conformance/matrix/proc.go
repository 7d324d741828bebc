package matrix

import (
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ddc/internal/proc"
)

// turns is how long the threads of some processes have run, and how long they
// have been ready to run while a busy machine did not let them.
type turns struct {
	ran, waited time.Duration
	ended       int // how many threads have ended, of those that were seen
}

// demand is both: what they would have run on an idle machine, or more.
func (t turns) demand() time.Duration { return t.ran + t.waited }

// thread is a thread of a process.
type thread struct{ pid, id int }

// ledger adds up turns. What a thread has run does not go with it: else the
// end of a busy process would look like idleness.
type ledger struct {
	threads func() map[thread]turns // those that live
	last    map[thread]turns
	sum     turns
}

func newLedger() *ledger { return &ledger{threads: ownThreads} }

// turns are those of all threads until now.
func (l *ledger) turns() turns {
	now := l.threads()
	for which, t := range now {
		before, known := l.last[which]
		if known && (t.ran < before.ran || t.waited < before.waited) { // another, of the same number
			l.sum.ended++
			before = turns{}
		}
		l.sum.ran += t.ran - before.ran
		l.sum.waited += t.waited - before.waited
	}
	for which := range l.last {
		if _, lives := now[which]; !lives {
			l.sum.ended++
		}
	}
	l.last = now
	return l.sum
}

// ownThreads are those of this process and its descendants.
func ownThreads() map[thread]turns {
	all := map[thread]turns{}
	for _, pid := range descendants() {
		maps.Copy(all, threadsOf(pid))
	}
	return all
}

// threadsOf are those of a process that live.
func threadsOf(pid int) map[thread]turns {
	all := map[thread]turns{}
	ids, err := proc.Threads(pid)
	if err != nil {
		return all // it has ended
	}
	for _, t := range ids {
		if ran, waited, err := proc.Turns(pid, t); err == nil {
			all[thread{pid, t}] = turns{ran: ran, waited: waited}
		}
	}
	return all
}

// descendants are this process and all its descendants.
func descendants() []int {
	children := proc.Families(proc.All())
	all := []int{os.Getpid()}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// waitsForProcessor says whether any thread of this process or a descendant is
// ready to run, or waits for a page or a disk. The asking thread does not
// count. demand alone does not show this: a thread's waiting is added to it
// only when the thread runs.
func waitsForProcessor() bool { return proc.Ready(descendants()...) > 1 }

// starves says whether a process has something to do and was not let: a thread
// of it is ready, and since it had run for so long it ran for less than enough.
func starves(pid int, since, enough time.Duration) bool {
	return proc.Ready(pid) > 0 && hasRun(pid)-since < enough
}

// hasRun is how long the threads of a process that live have run.
func hasRun(pid int) (sum time.Duration) {
	for _, t := range threadsOf(pid) {
		sum += t.ran
	}
	return sum
}

// groupAlive says whether a process group has a process that is not a zombie.
func groupAlive(group int) bool {
	for _, s := range proc.All() {
		if s.Group == group && !s.Ended() {
			return true
		}
	}
	return false
}

// What threads do in the kernel, in the words of the hang's report.
const (
	inFutexBell = "futex_wait on the doorbell"
	inFutex     = "futex_wait, idle"
	inEpoll     = "epoll_wait"
	inPoll      = "poll"
	inOther     = "another system call"
	inNothing   = "no system call"
)

// threadWaits counts a process's threads by what they wait for.
func threadWaits(pid int) map[string]int {
	threads, err := proc.Threads(pid)
	if err != nil {
		return nil
	}
	hubs, _ := proc.Mappings(pid, "/memfd:ddc-hub") // of one that cannot be asked, none
	waits := map[string]int{}
	for _, t := range threads {
		if what := threadWait(pid, t, hubs); what != "" {
			waits[what]++
		}
	}
	return waits
}

func threadWait(pid, thread int, hubs []proc.Mapping) string {
	call, err := proc.Call(pid, thread)
	if err != nil {
		return ""
	}
	if len(call) == 0 {
		return inNothing // it runs
	}
	switch channel := proc.Channel(pid, thread); {
	case call[0] == strconv.Itoa(syscall.SYS_FUTEX):
		address, _ := strconv.ParseUint(call[1], 0, 64)
		for _, h := range hubs {
			if h.From <= address && address < h.To {
				return inFutexBell
			}
		}
		return inFutex
	case strings.Contains(channel, "ep_poll"), call[0] == strconv.Itoa(syscall.SYS_EPOLL_PWAIT):
		return inEpoll
	case strings.Contains(channel, "poll"), call[0] == strconv.Itoa(syscall.SYS_PPOLL):
		return inPoll
	}
	return inOther
}

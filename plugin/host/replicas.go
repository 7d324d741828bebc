package host

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"ddc/internal/proc"
)

// Replicas lets several processes of one plugin run at once. A call goes to the
// one that has the fewest; which it is makes no difference, since a plugin is a
// function of its requests. If it dies there, another makes it.
//
// The first process is called as the plugin is, the others NAME#2, NAME#3 and
// so on: in [Host.Plugins], in logs and in the hub.
type Replicas struct {
	// Of is how many there may be, by the plugin's name. Another is started
	// when a call finds all of them busy.
	Of map[string]int
	// Up is how many there may be of a plugin that is not in Of, by its name,
	// or nil for one. Another is started once calls have waited for long, if a
	// processor has nothing to do.
	Up func(name string) int
	// Extra bounds the processes beyond the first of each plugin, in all. Those
	// of Of count too.
	Extra int
}

// most is how many processes of a plugin may run, and after how much waiting
// for each another is started.
func (r *Replicas) most(name string) (n int, after time.Duration) {
	if n, said := r.Of[name]; said {
		return n, 0
	}
	if r.Up == nil {
		return 1, 0
	}
	return r.Up(name), longWait
}

// longWait is how long calls must have waited, in sum, for each process that
// there is, before another is started: some five times what starting it costs.
const longWait = 250 * time.Millisecond

// separator stands between a plugin's name and the number of its process.
const separator = "#"

// baseOf is the name of the plugin that a process belongs to.
func baseOf(name string) string {
	base, _, _ := strings.Cut(name, separator)
	return base
}

// replicas are the processes of one plugin.
type replicas struct {
	host  *Host
	most  int
	after time.Duration

	mu     sync.Mutex
	all    []*Plugin // the first is the plugin that callers know
	waited time.Duration
}

// ailing is what a process that has just died counts, in calls under way:
// others are asked first, but it is asked again.
const ailing = 4

// shift is a call's stay with one of the processes.
type shift struct {
	*Plugin
	crowded bool      // all were busy
	begun   time.Time // if crowded, for which alone it counts
}

// take chooses the process for a call, but if there are others not the one that
// has just failed it. The caller calls done.
func (r *replicas) take(failed *Plugin) shift {
	r.mu.Lock()
	defer r.mu.Unlock()
	chosen := r.least(failed)
	crowded := chosen.load() > 0
	if crowded && len(r.all) < r.most && r.waited >= r.after*time.Duration(len(r.all)) && r.worthwhile() {
		if another := r.another(); another != nil {
			chosen, crowded, r.waited = another, false, 0
		}
	}
	chosen.busy++
	s := shift{Plugin: chosen, crowded: crowded}
	if crowded {
		s.begun = time.Now()
	}
	return s
}

// worthwhile says whether a processor is free for another process: where others
// keep all busy, calls wait for those and not for the plugin.
func (r *replicas) worthwhile() bool {
	if r.after == 0 {
		return true
	}
	r.waited = 0 // to be asked again after as much waiting
	return r.host.spare()
}

// someIdle says whether a processor has nothing to do, or true where nobody
// knows. This thread, and the process that is busy, are among those that run.
func someIdle() bool {
	running, err := proc.Runnable()
	return err != nil || running <= runtime.NumCPU()
}

// load is what counts in the choice. The group's lock is held.
func (p *Plugin) load() int {
	if p.failed {
		return p.busy + ailing
	}
	return p.busy
}

func (r *replicas) least(failed *Plugin) *Plugin {
	var chosen *Plugin
	for _, p := range r.all {
		if p == failed && len(r.all) > 1 {
			continue
		}
		if chosen == nil || p.load() < chosen.load() {
			chosen = p
		}
	}
	return chosen
}

// another adds a process, if the host has one left.
func (r *replicas) another() *Plugin {
	p := r.host.replica(r, len(r.all)+1)
	if p != nil {
		r.all = append(r.all, p)
	}
	return p
}

// done ends a call's stay. It says whether the process died of it, or during
// it.
func (r *replicas) done(s shift, died bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.busy--
	s.failed = died
	if s.crowded {
		r.waited += time.Since(s.begun)
	}
}

// newPlugin makes a plugin of a name, or a further process of it. The host's
// lock is held.
func (h *Host) newPlugin(name string) *Plugin {
	return &Plugin{host: h, name: name, turn: make(chan struct{}, 1), room: semaphore.NewWeighted(everyone),
		patience: newPatience(h.CallTimeout(name)), allowance: newAllowance(time.Now), closed: h.closed}
}

// replica makes the nth process of a plugin, or nil if there are enough. The
// lock of r is held.
func (h *Host) replica(r *replicas, n int) *Plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.extra >= h.options.Calls.Replicas.Extra {
		return nil
	}
	h.extra++
	p := h.newPlugin(fmt.Sprintf("%s%s%d", r.all[0].name, separator, n))
	p.replicas = r
	h.plugins[p.name] = p
	return p
}

// list lists the processes.
func (r *replicas) list() []*Plugin {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// startAll starts the first process of a plugin, and the others that
// Replicas.Of asks for.
func (r *replicas) startAll(ctx context.Context) error {
	r.mu.Lock()
	for r.after == 0 && len(r.all) < r.most {
		if r.another() == nil {
			break
		}
	}
	r.mu.Unlock()
	for _, p := range r.list() {
		if _, err := p.acquire(ctx); err != nil {
			return err
		}
	}
	return nil
}

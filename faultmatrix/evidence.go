package faultmatrix

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"ddc/plugin"
	"ddc/transport/hub"
)

// The sides of a link, as hub.State counts them.
const (
	toHost   = 0
	toPlugin = 1
)

// hung is the outcome of a workload in which nothing moves.
func (w *workload) hung(v view, share float64, instead error) Outcome {
	name, side := v.culprit()
	look := v.plugins[name]
	e := &Evidence{CPU: share, HostThreads: threadWaits(os.Getpid()), HostWaits: goroutineWaits(ownStacks())}
	o := Outcome{
		Verdict: Hung, Stage: cmp.Or(w.now(), "start"), Answered: int(v.answered), Plugin: name,
		Evidence: e, Stalls: w.stalls.Stalls, Latency: w.watch.latencies(),
	}
	if name != "" {
		o.AnsweredByPlugin = int(w.byPlugin[name].Load())
		e.PluginThreads = threadWaits(look.PID)
		e.PluginWaits = w.askPlugin(name, look.PID)
		e.Link = linkEvidence(look, side)
	}
	e.Words = e.words(name, look)
	o.Why = e.Words[0]
	if instead != nil {
		o.Why = instead.Error()
	}
	return o
}

// culprit finds the link at which it hangs: one whose sleeper lost a wake-up, the plugin's
// before the host's; else one that sleeps over a token; else one whose sender waits for
// room; else that of the oldest call.
func (v view) culprit() (name string, side int) {
	names := slices.Sorted(maps.Keys(v.plugins))
	signs := []func(hub.State, int) bool{
		lost, due, func(s hub.State, side int) bool { return s.Attached && s.Sides[side].Starved },
	}
	for _, sign := range signs {
		for _, side := range []int{toPlugin, toHost} {
			for _, n := range names {
				if sign(v.plugins[n].Link, side) {
					return n, side
				}
			}
		}
	}
	var oldest time.Time
	for _, n := range names {
		if calls := v.plugins[n].Calls; len(calls) > 0 && (name == "" || calls[0].Started.Before(oldest)) {
			name, oldest = n, calls[0].Started
		}
	}
	return name, toPlugin
}

func linkEvidence(l plugin.Look, side int) LinkEvidence {
	s := l.Link.Sides[side]
	return LinkEvidence{
		ToPlugin: side == toPlugin, Unread: s.Produced - s.Consumed, Cells: ringCells, SenderWaits: s.Starved,
		Asleep: s.Parked, Token: s.Token, Due: due(l.Link, side),
	}
}

// answerTime is how long a plugin may take to answer SIGUSR1.
const answerTime = 300 * time.Millisecond

// askPlugin has a plugin dump its goroutines, and counts what they wait for.
func (w *workload) askPlugin(name string, pid int) map[string]int {
	before := len(w.log.said(name))
	if syscall.Kill(pid, syscall.SIGUSR1) != nil {
		return nil
	}
	for deadline := time.Now().Add(answerTime); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if said := w.log.said(name)[before:]; len(said) > 0 {
			time.Sleep(50 * time.Millisecond) // the rest of the dump
			return goroutineWaits(strings.Join(w.log.said(name)[before:], "\n"))
		}
	}
	return nil
}

func ownStacks() string {
	stacks := make([]byte, 4<<20)
	return string(stacks[:runtime.Stack(stacks, true)])
}

// What goroutines wait for, told by the innermost function of theirs that is known.
const (
	forSpace   = "ring space"
	forTurn    = "its turn to send"
	forSlot    = "a payload slot"
	forReply   = "a reply"
	forBell    = "its doorbell"
	forHandler = "a later call (handler)"
)

var waitsByFunction = []struct{ function, what string }{
	{"faultmatrix.(*probe).park", forHandler},
	{"hub.(*Link).pushInTurn", forSpace},
	{"hub.(*Link).allocPiece", forSlot},
	{"hub.(*Link).takeTurn", forTurn},
	{"wake.(*Doorbell).sleep", forBell},
	{"rpc.(*Conn).roundTrip", forReply},
}

// goroutineWaits counts the goroutines of a dump.
func goroutineWaits(stacks string) map[string]int {
	waits := map[string]int{}
	for _, g := range strings.Split(stacks, "goroutine ") {
		if what := goroutineWait(g); what != "" {
			waits[what]++
		}
	}
	return waits
}

func goroutineWait(stack string) string {
	what, at := "", len(stack)
	for _, w := range waitsByFunction {
		if i := strings.Index(stack, w.function); i >= 0 && i < at {
			what, at = w.what, i
		}
	}
	if strings.Contains(stack, "hub.(*Link).pump") && what != "" && what != forBell {
		return what + ", on the receiving goroutine"
	}
	return what
}

// words say a hang as people do.
func (e *Evidence) words(name string, look plugin.Look) []string {
	if name == "" {
		return []string{"calls are under way, and no plugin runs"}
	}
	words := []string{e.sentence(name)}
	if syscall.Kill(look.PID, 0) != nil {
		words = append([]string{fmt.Sprintf("plugin %s has ended, and whoever waits for it was not told", name)}, words...)
	}
	return append(words,
		"goroutines of the host wait for: "+counts(e.HostWaits),
		"threads of the host are in: "+counts(e.HostThreads),
		fmt.Sprintf("goroutines of plugin %s wait for: %s", name, cmp.Or(counts(e.PluginWaits), "it does not answer SIGUSR1")),
		fmt.Sprintf("threads of plugin %s are in: %s", name, counts(e.PluginThreads)),
	)
}

// sentence says who waits, who sleeps, over what.
func (e *Evidence) sentence(name string) string {
	l, from, to := e.Link, "host", name
	if !l.ToPlugin {
		from, to = to, from
	}
	text := waitsFor(from, l, e.HostWaits) + to
	if !l.Asleep {
		return fmt.Sprintf("%s awake with %d unread frames in a ring of %d", text, l.Unread, l.Cells)
	}
	switch {
	case l.Unread > 0:
		text += fmt.Sprintf(" asleep with %d unread frames in a ring of %d", l.Unread, l.Cells)
	case l.Due:
		text += " asleep, with a signal unseen"
	default:
		text += " asleep with nothing unread"
	}
	if l.Token {
		return text + ", a token left for it and not delivered"
	}
	return text + ", no token"
}

func waitsFor(from string, l LinkEvidence, host map[string]int) string {
	switch {
	case l.ToPlugin && host[forSpace] > 0, l.SenderWaits:
		return from + " waits for ring space, "
	case l.ToPlugin && host[forSlot] > 0:
		return from + " waits for a payload slot, "
	case l.ToPlugin && host[forReply] > 0:
		return from + " waits for a reply, "
	}
	return ""
}

// counts writes "80 a reply, 1 ring space", the most first.
func counts(m map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(m[b]-m[a], strings.Compare(a, b)) })
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = fmt.Sprintf("%d %s", m[k], k)
	}
	return strings.Join(parts, ", ")
}

package matrix

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

	"ddc/inspect"
	"ddc/internal/proc"
	"ddc/plugin/host"
	"ddc/transport/hub"
)

// hung is the outcome of a workload in which nothing moves.
func (w *workload) hung(v view, share float64, instead error) Outcome {
	name, side := v.culprit()
	look := v.plugins[name]
	e := &Evidence{CPU: share, HostThreads: threadWaits(os.Getpid()), HostWaits: goroutineWaits(ownStacks()), Inspect: diagnoses()}
	o := Outcome{
		Verdict: Hung, Stage: cmp.Or(w.now(), "start"), Answered: int(v.answered), Plugin: name,
		Evidence: e, Stalls: w.stalls.Stalls, Latency: w.watch.latencies(),
	}
	if name != "" {
		o.AnsweredByPlugin = int(w.plugins[name].answered.Load())
		e.PluginThreads = threadWaits(look.PID)
		e.PluginWaits = w.askPlugin(name, look.PID)
		e.Link = linkEvidence(look, side)
		e.Link.CallerForgotten = callerForgotten(v, name)
	}
	e.Words = e.words(name, look)
	o.Why = e.Words[0]
	if instead != nil {
		o.Why = instead.Error() + ": " + o.Why
	}
	return o
}

// culprit finds the link at which the cell hangs. It is the first that there is
// of: a link whose sleeper lost a wake-up, the plugin's before the host's; one
// that sleeps over a token; one whose sender waits for room or for a slot; one
// with an answered call that has not ended; the link of the oldest call.
func (v view) culprit() (name string, side int) {
	names := slices.Sorted(maps.Keys(v.plugins))
	signs := []func(hub.State, int) bool{
		lost, due,
		func(s hub.State, side int) bool {
			return s.Attached && (s.Sides[side].Starved || s.Sides[side].SpaceSince != 0)
		},
		func(s hub.State, side int) bool { return s.Attached && s.Sides[side].SlotSince != 0 },
	}
	for _, sign := range signs {
		for _, side := range []int{hub.PeerSide, hub.HostSide} {
			for _, n := range names {
				if sign(v.plugins[n].Link, side) {
					return n, side
				}
			}
		}
	}
	var oldest time.Time
	for _, n := range names {
		if callerForgotten(v, n) {
			return n, hub.HostSide
		}
		if calls := v.plugins[n].Calls; len(calls) > 0 && (name == "" || calls[0].Started.Before(oldest)) {
			name, oldest = n, calls[0].Started
		}
	}
	return name, hub.PeerSide
}

// callerForgotten says that a caller sleeps in its pump's place although all
// calls have their answers.
func callerForgotten(v view, name string) bool {
	l := v.plugins[name]
	return l.Link.Caller.Parked && len(l.Calls) == 0 && v.waited[name] > 0
}

func linkEvidence(l host.Look, side int) LinkEvidence {
	s := &l.Link.Sides[side]
	return LinkEvidence{
		ToPlugin: side == hub.PeerSide, Unread: s.Unread(), Cells: l.Link.Cells, Due: due(l.Link, side),
		SenderWaitsForSpace: s.SpaceSince != 0, SenderWaitsForSlot: s.SlotSince != 0,
		Asleep: s.Parked, Token: s.Token, Sent: s.Sent, Received: s.Received, Suppressed: s.Suppressed,
	}
}

// inspectPause is the time between the two looks of a diagnosis.
const inspectPause = 250 * time.Millisecond

// diagnoses are what ddc inspect says about the links where something is wrong.
func diagnoses() []string {
	hubs, err := inspect.Open(fmt.Sprint(os.Getpid()))
	if err != nil {
		return nil // there is none in one process
	}
	var found []string
	for _, h := range hubs {
		first := h.Look()
		time.Sleep(inspectPause)
		for _, d := range inspect.Diagnose(first, h.Look()) {
			if d.Wrong() {
				found = append(found, d.Name+": "+d.String())
			}
		}
		_ = h.Close()
	}
	return found
}

// answerTime is how long a plugin that sleeps may take to answer SIGUSR1, and
// answerPause how long it may sleep in the middle of its answer. Time in which
// a thread of it is ready to run does not count, up to answerLimit: a plugin
// that spins does not answer either.
const (
	answerTime  = 2 * time.Second
	answerPause = 50 * time.Millisecond
	answerLimit = 30 * time.Second
	answerLook  = 5 * time.Millisecond
)

// askPlugin has a plugin dump its goroutines, and counts what they wait for.
func (w *workload) askPlugin(name string, pid int) map[string]int {
	before := len(w.log.said(name))
	if syscall.Kill(pid, syscall.SIGUSR1) != nil {
		return nil
	}
	said := func() []string { return w.log.said(name)[before:] }
	if !sleepsUntil(pid, answerTime, func() bool { return len(said()) > 0 }) {
		return nil
	}
	for more := 0; more != len(said()); {
		more = len(said())
		sleepsUntil(pid, answerPause, func() bool { return len(said()) > more })
	}
	return goroutineWaits(strings.Join(said(), "\n"))
}

// sleepsUntil waits until done, and says whether it came: for as long as the
// process pid takes to have slept for limit, or answerLimit.
func sleepsUntil(pid int, limit time.Duration, done func() bool) bool {
	end := time.Now().Add(answerLimit)
	for slept := time.Duration(0); slept < limit && time.Now().Before(end); time.Sleep(answerLook) {
		if done() {
			return true
		}
		if proc.Ready(pid) == 0 {
			slept += answerLook
		}
	}
	return done()
}

func ownStacks() string {
	stacks := make([]byte, 4<<20)
	return string(stacks[:runtime.Stack(stacks, true)])
}

// What goroutines wait for, according to their innermost known function.
const (
	forSpace   = "ring space"
	forTurn    = "its turn to send"
	forSlot    = "a payload slot"
	forReply   = "a reply"
	forBell    = "its doorbell"
	forHandler = "a later call (handler)"
)

var waitsByFunction = []struct{ function, what string }{
	{"matrix.(*probe).park", forHandler},
	{"hub.(*sender).pushInTurn", forSpace},
	{"hub.(*slots).allocPiece", forSlot},
	{"hub.(*sender).takeTurn", forTurn},
	{"hub.(*Link).pump(", forBell},
	{"hub.(*Link).standIn", forReply + ", in the pump's place"},
	{"rpc.(*Conn).awaitReply", forReply},
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
	if strings.Contains(stack, "hub.(*Link).pump(") && what != "" && what != forBell {
		return what + ", on the receiving goroutine"
	}
	return what
}

// words describe a hang for people.
func (e *Evidence) words(name string, look host.Look) []string {
	if name == "" {
		return []string{"calls are under way, and no plugin runs"}
	}
	words := []string{e.sentence(name)}
	if syscall.Kill(look.PID, 0) != nil {
		words[0] = fmt.Sprintf("plugin %s has ended, and whoever waits for it was not told", name)
	}
	own := slices.DeleteFunc(slices.Clone(e.Inspect), func(d string) bool { return !strings.HasPrefix(d, name+": ") })
	for _, d := range own {
		words = append(words, "ddc inspect: "+d)
	}
	if n := len(e.Inspect) - len(own); n > 0 {
		words = append(words, fmt.Sprintf("ddc inspect: and %d more links", n))
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
	if l.CallerForgotten {
		return fmt.Sprintf("host's caller asleep on its doorbell although %s has answered, %s", name, token(l.Token))
	}
	text := to
	switch {
	case l.SenderWaitsForSpace:
		text = from + " waits for ring space, " + to
	case l.SenderWaitsForSlot:
		text = from + " waits for a payload slot, " + to
	case l.ToPlugin && e.HostWaits[forReply] > 0:
		text = from + " waits for a reply, " + to
	}
	unread := fmt.Sprintf("%d unread frames in a ring of %d", l.Unread, l.Cells)
	switch {
	case !l.Asleep:
		return text + " awake with " + unread
	case l.SenderWaitsForSpace && l.Unread < uint64(l.Cells):
		text += fmt.Sprintf(" asleep, the ring has room for %d and nobody said so", uint64(l.Cells)-l.Unread)
	case l.Unread > 0:
		text += " asleep with " + unread
	case l.Due:
		text += " asleep, with a signal unseen"
	default:
		text += " asleep with nothing unread"
	}
	return text + ", " + token(l.Token)
}

func token(left bool) string {
	if left {
		return "a token left and not delivered"
	}
	return "no token"
}

// counts writes "80 a reply, 1 ring space", the largest count first.
func counts(m map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(m[b]-m[a], strings.Compare(a, b)) })
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = fmt.Sprintf("%d %s", m[k], k)
	}
	return strings.Join(parts, ", ")
}

package watch

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"ddc/internal/trace"
	"ddc/plugin/host"
	"ddc/transport/hub"
)

// Tracer writes what happens on the links of a host as a Chrome trace: calls
// and the handlers that answer them, sleeps, tokens, and waits for space and
// slots, of the host and of all plugins on one time line. It needs a hub with
// host.Options.Hub.Trace.
//
// Both ends of each link note the events in shared memory. So an event costs
// the traced process some 100 ns, and a plugin that is killed leaves all its
// events behind. A goroutine of the host reads them. Events that it was too
// late for are counted, and reported at the end of the trace.
type Tracer struct {
	host *host.Host
	out  *trace.Chrome
	stop chan struct{}
	done chan struct{}
	once sync.Once
	err  error
	hubs []*tracedHub
	lost uint64

	named map[track]bool
	flows int
}

type tracedHub struct {
	hub      *hub.Hub
	observer *hub.Observer
	index    int
	ends     map[end]*tracedEnd
	// asleep is since when each bell has been slept on, and flow the arrow of
	// the last token left for it. Both are by place and bell.
	asleep map[end]int64
	flow   map[end]int
}

// end is an end of a link, or one of its bells.
type end struct{ place, which int }

type tracedEnd struct {
	next       uint64
	spaceSince int64
	slots      []int64 // since when senders wait
}

type track struct{ pid, tid int }

// drainEvery is the pause between two readings. A ring holds 65536 events, each
// of which takes at least 50 ns, so it cannot fill within 3 ms; in builds it
// takes seconds.
const drainEvery = 20 * time.Millisecond

// Trace starts to write a trace of h to w. If it is stopped after the host was
// closed, it has everything that the plugins did.
func Trace(h *host.Host, w io.Writer) (*Tracer, error) {
	if h.Local() {
		return nil, fmt.Errorf("trace: plugins in this process share no memory, and note no events")
	}
	t := &Tracer{host: h, out: trace.NewChrome(w), stop: make(chan struct{}), done: make(chan struct{}), named: map[track]bool{}}
	t.name(os.Getpid(), 0, "process_name", "host")
	t.follow()
	go t.run()
	return t, nil
}

// follow opens new hubs: an isolated plugin gets one with each run.
func (t *Tracer) follow() {
	for i, hub := range t.host.Hubs() {
		if i < len(t.hubs) && t.hubs[i].hub == hub {
			continue
		}
		observer, err := hub.Observer()
		if err != nil {
			continue // it has been closed meanwhile
		}
		traced := &tracedHub{
			hub: hub, observer: observer, index: i, ends: map[end]*tracedEnd{}, asleep: map[end]int64{}, flow: map[end]int{},
		}
		if i == len(t.hubs) {
			t.hubs = append(t.hubs, traced)
			continue
		}
		t.drain(t.hubs[i])
		_ = t.hubs[i].observer.Close() // it was only read
		t.hubs[i] = traced
	}
}

func (t *Tracer) run() {
	defer close(t.done)
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for stopping := false; !stopping; {
		select {
		case <-t.stop:
			stopping = true
		case <-tick.C:
		}
		t.follow()
		for _, h := range t.hubs {
			t.drain(h)
		}
	}
}

// Stop writes what is left, and ends the trace.
func (t *Tracer) Stop() error {
	t.once.Do(func() {
		close(t.stop)
		<-t.done
		for _, h := range t.hubs {
			_ = h.observer.Close() // it was only read
		}
		if t.lost > 0 {
			t.out.Add(trace.Mark{Name: fmt.Sprintf("%d events were overwritten before they could be read", t.lost), Phase: "i", At: trace.Micro(trace.Now()), Process: os.Getpid()})
		}
		t.err = t.out.Close()
	})
	return t.err
}

// drain writes the events since the last time.
func (t *Tracer) drain(h *tracedHub) {
	for _, l := range h.observer.Links() {
		for side := range 2 {
			key := end{l.Peer, side}
			e := h.ends[key]
			if e == nil {
				e = &tracedEnd{}
				h.ends[key] = e
			}
			events, next := h.observer.EventsFrom(l.Peer, side, e.next)
			t.lost += next - e.next - uint64(len(events))
			e.next = next
			for _, event := range events {
				t.event(h, e, &l, side, event)
			}
		}
	}
}

// Threads of a trace: the host has one for each link, a plugin one for each
// kind of work.
const (
	pumpThread = iota
	callerThread
	senderThread
	threadsPerLink = 4
)

var threadNames = [...]string{"pump", "caller in the pump's place", "senders"}

// thread gives the track of a link's end, and names it the first time.
func (t *Tracer) thread(h *tracedHub, l *hub.State, side, which int) track {
	k := track{pid: l.PIDs[side], tid: 1 + which}
	if side == 0 {
		k.tid += threadsPerLink * (l.Peer + 64*h.index)
	}
	if !t.named[k] {
		t.named[k] = true
		name := threadNames[which]
		if side == 0 {
			name = l.Name + ": " + name
		} else {
			t.name(k.pid, 0, "process_name", l.Name)
		}
		t.name(k.pid, k.tid, "thread_name", name)
	}
	return k
}

func (t *Tracer) name(pid, tid int, what, name string) {
	t.out.Add(trace.Mark{Name: what, Phase: "M", Process: pid, Thread: tid, Args: map[string]any{"name": name}})
}

// bellThread says which side's track, and which of its tracks, a bell's sleeper
// is on.
func bellThread(bell uint64) (side, which int) {
	switch bell {
	case 1:
		return 1, pumpThread
	case 2:
		return 0, callerThread
	}
	return 0, pumpThread
}

func (t *Tracer) event(h *tracedHub, e *tracedEnd, l *hub.LinkName, side int, event trace.Event) {
	at := trace.Micro(event.When)
	bell := end{l.Peer, int(event.Arg)}
	switch event.Kind {
	case trace.Asleep:
		h.asleep[bell] = event.When
	case trace.Awake:
		if since := h.asleep[bell]; since != 0 {
			owner, which := bellThread(event.Arg)
			t.slice(t.thread(h, &l.State, owner, which), "asleep", "sleep", since, event.When)
			t.arrow(h, bell, t.thread(h, &l.State, owner, which), "f", at-0.001)
		}
		delete(h.asleep, bell)
	case trace.Token:
		k := t.thread(h, &l.State, side, senderThread)
		t.slice(k, "token", "wake", event.When, event.When+500)
		t.flows++
		h.flow[bell] = t.flows
		t.arrow(h, bell, k, "s", at)
	case trace.SpaceWait:
		e.spaceSince = event.When
	case trace.SpaceCame:
		if e.spaceSince != 0 {
			t.slice(t.thread(h, &l.State, side, senderThread), "waits for ring space", "wait", e.spaceSince, event.When)
		}
		e.spaceSince = 0
	case trace.SlotWait:
		e.slots = append(e.slots, event.When)
	case trace.SlotCame:
		if len(e.slots) > 0 {
			t.slice(t.thread(h, &l.State, side, senderThread), "waits for a slot", "wait", e.slots[0], event.When)
			e.slots = e.slots[1:]
		}
	case trace.CallBegan, trace.CallEnded, trace.HandlerBegan, trace.HandlerEnded:
		t.call(h, l, side, event)
	case trace.Ended:
		k := t.thread(h, &l.State, side, pumpThread)
		t.out.Add(trace.Mark{Name: "link ended", Phase: "i", At: at, Process: k.pid, Thread: k.tid})
	}
}

// call marks the beginning or the end of a call, which may overlap others.
func (t *Tracer) call(h *tracedHub, l *hub.LinkName, side int, event trace.Event) {
	m := trace.Mark{
		Category: "call", Phase: "b", At: trace.Micro(event.When), Process: l.PIDs[side],
		ID: fmt.Sprintf("%d.%d.%d.%d", h.index, l.Peer, l.Incarnation, event.Stream()),
	}
	if side == 1 {
		m.Category = "handler"
	}
	if event.Kind == trace.CallEnded || event.Kind == trace.HandlerEnded {
		m.Phase = "e"
	} else {
		m.Name = cmp.Or(l.Method(event.Method()), "call")
		m.Args = map[string]any{"plugin": l.Name, "stream": event.Stream()}
	}
	t.out.Add(m)
}

func (t *Tracer) slice(k track, name, category string, from, to int64) {
	t.out.Add(trace.Mark{Name: name, Category: category, Phase: "X", At: trace.Micro(from), Lasts: trace.Micro(to - from), Process: k.pid, Thread: k.tid})
}

// arrow begins or ends the arrow from a token to the sleeper that it woke.
func (t *Tracer) arrow(h *tracedHub, bell end, k track, phase string, at float64) {
	if h.flow[bell] == 0 {
		return
	}
	m := trace.Mark{Name: "wakes", Category: "wake", Phase: phase, At: at, Process: k.pid, Thread: k.tid, ID: fmt.Sprint("w", h.flow[bell])}
	if phase == "f" {
		m.Bind = "e"
		delete(h.flow, bell)
	}
	t.out.Add(m)
}

//go:build explore

package explore

import (
	"context"
	"strings"

	"ddc/internal/fault"
	"ddc/shm"
	"ddc/wake"
)

// processes are the processes of a scenario, each with a wake strategy of its
// own of one name.
type processes struct {
	w *World
	// wakes are what sleepers use, rings what those do who only ring: where the
	// sleeper has an event loop, they need none.
	wakes, rings map[string]wake.Strategy
	gates        map[string]*shm.Word32
	spin         wake.Spin
}

func newProcesses(w *World, strategyName string, names ...string) *processes {
	p := &processes{w: w, wakes: map[string]wake.Strategy{}, rings: map[string]wake.Strategy{}, gates: map[string]*shm.Word32{}}
	for _, name := range names {
		w.process(name)
		s, err := byName(strategyName)
		w.Must(err)
		p.wakes[name], p.rings[name], p.gates[name] = s, s, new(shm.Word32)
		if below, looped := strings.CutSuffix(strategyName, fault.EpollSuffix); looped {
			p.rings[name], err = byName(below)
			w.Must(err)
		}
		w.Name(p.gates[name], "gate."+name)
	}
	return p
}

// bell is one doorbell, with an end in each process.
type bell struct {
	words *wake.Words
	ends  map[string]*wake.Doorbell
}

// bell makes a doorbell on which a goroutine of the sleeper's process sleeps
// until ready, and which the ringers' processes ring.
func (p *processes) bell(name, sleeper string, ready func() bool, ringers ...string) *bell {
	b := &bell{words: new(wake.Words), ends: map[string]*wake.Doorbell{}}
	nameWords(p.w, b.words, "bell."+name)
	p.w.counted("bell."+name, b.words)
	files, err := p.wakes[sleeper].Make()
	p.w.Must(err)
	for i, process := range append([]string{sleeper}, ringers...) {
		strategies := p.rings
		if i == 0 {
			strategies = p.wakes
		}
		p.w.Within(process, func() {
			waker, err := strategies[process].Open(b.words.Tokens(p.gates[sleeper]), files)
			p.w.Must(err)
			b.ends[process] = wake.NewDoorbell(b.words, waker, p.spin)
		})
	}
	p.w.Sleeper(sleeper, sleeper+" on bell."+name, func() bool { return b.words.Parked.Peek() == 1 }, ready,
		func() bool { pending, _ := b.ends[sleeper].Pending(); return pending })
	return b
}

// await sleeps in a process until ready, without an end.
func (b *bell) await(w *World, process string, ready func() bool) {
	w.Must(b.ends[process].Await(context.Background(), ready))
}

// nameWords names a doorbell's words, and takes out those on which no decision
// rests.
func nameWords(w *World, words *wake.Words, name string) {
	w.Name(&words.Seq, name+".seq")
	w.Name(&words.Left, name+".left")
	w.Name(&words.Sleeping, name+".sleeping")
	w.Name(&words.Taken, name+".taken")
	w.Name(&words.Parked, name+".parked")
	w.Quiet(&words.Sent, &words.Suppressed, &words.Received, &words.Spurious)
	if !fault.On(fault.EAGAINDropsToken) {
		w.Quiet(&words.Parked)
	}
}

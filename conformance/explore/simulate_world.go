//go:build explore

package explore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/slot"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake"
)

// The frames of a crowd: of a call, and of its reply. Arg is the number of a
// frame in its direction of the call.
const (
	opUp   = 1
	opDown = 2
	isLast = 1 // flag
)

// crowdWorld is one run of a crowd.
type crowdWorld struct {
	w     *World
	crowd Crowd
	hub   *hub.Hub
	peers []*crowdPeer
	calls map[uint32]*callState
}

// crowdPeer is a peer, and the link to it that there is now.
type crowdPeer struct {
	x          *crowdWorld
	name       string
	fate       fate
	doomed     bool // its link ends some time
	host, peer *hub.Link
	// toHost is the index of frames sent to the host, of which a peer may lie.
	toHost *step.Uint64
	// exited is closed once a peer has ended by itself.
	exited chan struct{}
}

// callState is what both ends know of a call. Each field belongs to one task,
// until all is over.
type callState struct {
	planned
	peer *crowdPeer
	// ctx is the caller's.
	ctx context.Context
	// sent, received count the frames up, answered, replied those down.
	sent, received, answered, replied int
	// lease is the last frame up while the handler keeps it, reply that of the
	// reply while the caller does.
	lease, reply transport.Lease
	complete     step.Bool
	done         chan struct{}
	// outcome says how the call ended: every call does.
	outcome string
}

// Scenario is the crowd as a scenario.
func (c Crowd) Scenario() Scenario {
	return Scenario{Name: c.String(), Setup: func(w *World) { newCrowd(w, c) }}
}

func newCrowd(w *World, c Crowd) {
	draw := rand.New(rand.NewPCG(c.Seed, 0))
	x := &crowdWorld{w: w, crowd: c, calls: map[uint32]*callState{}}
	w.Settle()
	w.Signals(c.Signals)
	w.process("host")
	hosts, err := byName(c.Strategy)
	w.Must(err)
	w.Within("host", func() {
		x.hub, err = hub.Create(hub.Options{Peers: c.Peers, Cells: c.Cells, Strategy: hosts, Classes: []slot.Class{{Size: 64, Count: c.Slots}}})
		w.Must(err)
	})
	for i, fate := range c.fates(draw) {
		p := &crowdPeer{x: x, name: fmt.Sprintf("p%d", i), fate: fate, doomed: fate != lives, exited: make(chan struct{})}
		x.peers = append(x.peers, p)
		var offer *hub.Offer
		w.Within("host", func() {
			offer, err = x.hub.Offer(p.name, hosts)
			w.Must(err)
			p.open(offer)
		})
		w.Within(p.name, func() { p.attach(offer) })
	}
	callers, again := c.calls(draw)
	for i, calls := range callers {
		for _, one := range calls {
			x.begin(one, x.peers[one.peer])
		}
		w.Go("host", fmt.Sprintf("caller%d", i), func() {
			for _, one := range calls {
				x.calls[one.id].make()
			}
		})
	}
	for _, p := range x.peers {
		p.meet(hosts, &again)
	}
	w.Finally(x.over)
}

// begin makes the state of a call, and who cancels it.
func (x *crowdWorld) begin(one planned, p *crowdPeer) {
	s := &callState{planned: one, peer: p, ctx: context.Background(), done: make(chan struct{})}
	x.calls[one.id] = s
	if one.cancelled {
		var cancel func()
		s.ctx, cancel = context.WithCancel(s.ctx)
		x.w.After(cancel)
		x.w.Go("host", fmt.Sprintf("cancel%d", one.id), func() { step.Cancel(s.ctx, cancel) })
	}
	x.w.Name((<-chan struct{})(s.done), fmt.Sprintf("reply.%d", one.id))
	x.w.Name(&s.complete, fmt.Sprintf("replied.%d", one.id))
}

// open takes the host's end of an offer.
func (p *crowdPeer) open(offer *hub.Offer) {
	p.host = offer.Link
	watch(p.x.w, "host", p.name+".", p.host)
	p.host.Start(p.reply)
}

// attach opens the peer's end, and is run in its process.
func (p *crowdPeer) attach(offer *hub.Offer) {
	p.peer = attach(p.x.w, offer, p.x.crowd.Strategy)
	offer.Close()
	watch(p.x.w, p.name, p.name+".", p.peer)
	p.peer.Words("", func(word any, name string) {
		if name == "ring.to-host.produced" {
			p.toHost = word.(*step.Uint64)
		}
	})
	p.peer.Start(p.receive)
}

// content is the byte of which a frame's payload consists.
func content(id uint32, op uint8, arg uint64) byte { return byte(id)*31 + op*7 + byte(arg) }

func payload(id uint32, op uint8, arg uint64, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = content(id, op, arg)
	}
	return b
}

// check claims that a frame is the next one of its call, and whole.
func (s *callState) check(h transport.Header, b []byte, op uint8, before int, sizes []int) {
	w := s.peer.x.w
	if h.Op != op || h.Arg != uint64(before) || before >= len(sizes) {
		w.Failf(Frame, "call %d: op %d, frame %d came after %d of %d", s.id, h.Op, h.Arg, before, len(sizes))
	}
	if len(b) != sizes[before] {
		w.Failf(Frame, "call %d: frame %d has %d bytes, of %d sent", s.id, h.Arg, len(b), sizes[before])
	}
	s.whole(op, before, b)
}

// whole claims that a payload is that of a frame.
func (s *callState) whole(op uint8, n int, b []byte) {
	for _, is := range b {
		if is != content(s.id, op, uint64(n)) {
			s.peer.x.w.Failf(Frame, "call %d: frame %d is torn", s.id, n)
		}
	}
}

// receive is the peer's pump.
func (p *crowdPeer) receive(f *transport.Frame) {
	s := p.x.calls[f.Stream]
	if s == nil || s.peer != p {
		p.x.w.Failf(Frame, "%s received a frame of call %d, which is not its", p.name, f.Stream)
	}
	s.check(f.Header, f.Payload, opUp, s.received, s.up)
	s.received++
	if f.Flags&isLast == 0 {
		return
	}
	if s.kept {
		s.lease = f.Keep()
	}
	if fault.On(fault.HandlerOnPump) {
		s.handle()
		return
	}
	step.Go(s.handle)
}

// handle is the peer's handler of a call.
func (s *callState) handle() {
	step.Read(s.lease.Payload)
	s.lease.Release()
	link := s.peer.peer
	for i, size := range s.down {
		h := transport.Header{Op: opDown, Stream: s.id, Arg: uint64(i)}
		if i == len(s.down)-1 {
			h.Flags = isLast
		}
		if err := link.Send(context.Background(), h, payload(s.id, opDown, h.Arg, size)); err != nil {
			s.peer.explained(err)
			return
		}
		s.answered++
	}
}

// reply is the host's pump, or a caller in its place.
func (p *crowdPeer) reply(f *transport.Frame) {
	s := p.x.calls[f.Stream]
	if s == nil || s.peer != p {
		p.x.w.Failf(Frame, "the host received a frame of call %d from %s, which is not its", f.Stream, p.name)
	}
	s.check(f.Header, f.Payload, opDown, s.replied, s.down)
	s.replied++
	if f.Flags&isLast != 0 {
		if s.keeps && s.outcome == "" { // else the caller has left
			s.reply = f.Keep()
		}
		s.complete.Store(true)
		step.At(s.done)
		close(s.done)
	}
}

// explained claims that an error is the end of a link that was to end.
func (p *crowdPeer) explained(err error) {
	lied := p.fate == liesAndDies && errors.Is(err, transport.ErrCorrupt)
	if !p.doomed || !lied && !errors.Is(err, transport.ErrClosed) && !errors.Is(err, transport.ErrPeerDead) {
		p.x.w.Failf(Failure, "%s: %v", p.name, err)
	}
}

// make is the caller's part of a call. A reply that it keeps is read at the
// end: the peer may be dead by then.
func (s *callState) make() {
	s.call()
	if s.reply.Payload == nil {
		return
	}
	// A caller that leaves as its reply is kept is told of that in a moment.
	step.Recv(s.done)
	<-s.done
	step.Read(s.reply.Payload)
	s.whole(opDown, len(s.down)-1, s.reply.Payload)
	s.reply.Release()
}

// call sends, and waits for what comes of it.
func (s *callState) call() {
	link := s.peer.host
	for i, size := range s.up {
		h := transport.Header{Op: opUp, Stream: s.id, Arg: uint64(i)}
		if i == len(s.up)-1 {
			h.Flags = isLast
		}
		if err := s.send(h, payload(s.id, opUp, h.Arg, size)); err != nil {
			s.failed(err)
			return
		}
		s.sent++
	}
	if s.stands && !s.asks() {
		link.Await(s.ctx, s.complete.Load)
	}
	done, over, ended := step.RecvAny(s.done, s.ctx.Done(), link.Done())
	select {
	case <-done:
		s.outcome = "answered"
	case <-over:
		s.failed(s.ctx.Err())
	case <-ended:
		if s.complete.Load() {
			s.outcome = "answered"
			return
		}
		s.failed(link.Err())
	}
}

// asks says that the caller is in the pump's place before it rings for its last
// frame: every other one that stands in.
func (s *callState) asks() bool { return s.stands && s.id%2 == 1 }

// send sends one frame up.
func (s *callState) send(h transport.Header, body []byte) error {
	if h.Flags&isLast == 0 || !s.asks() {
		return s.peer.host.Send(s.ctx, h, body)
	}
	fill := func(buf []byte) error { copy(buf, body); return nil }
	return s.peer.host.Ask(s.ctx, h, len(body), fill, s.complete.Load)
}

// failed notes why a call has, and claims that it may.
func (s *callState) failed(err error) {
	s.outcome = err.Error()
	if !errors.Is(err, context.Canceled) || !s.cancelled {
		s.peer.explained(err)
	}
}

// meet makes the tasks that bring the peer's fate about. A host learns that a
// process has ended, in good order or not, and reaps its link.
func (p *crowdPeer) meet(hosts wake.Strategy, again *[]planned) {
	w := p.x.w
	if !p.doomed {
		return
	}
	w.Mortal(p.name)
	exit := func() {
		w.Must(p.peer.Close())
		step.At(p.exited)
		close(p.exited)
	}
	reap := func() {
		w.Kill(p.name)
		p.host.PeerDied(nil)
		w.Must(p.host.Close())
	}
	exited := func() {
		step.Recv(p.exited)
		<-p.exited
		reap()
	}
	switch p.fate {
	case closesItself:
		w.Go(p.name, "close", exit)
		w.Go("host", "reap-"+p.name, exited)
	case isClosed:
		w.Go("host", "close-"+p.name, func() {
			w.Must(p.host.Close())
			exited()
		})
		w.Go(p.name, "exit", func() {
			step.Recv(p.peer.Done())
			<-p.peer.Done()
			exit()
		})
	case liesAndDies:
		w.Go(p.name, "lie", func() {
			p.toHost.Add(1000)
			step.At(p.exited)
			close(p.exited)
		})
		w.Go("host", "reap-"+p.name, exited)
	case dies:
		w.Go("host", "reap-"+p.name, reap)
	case diesAndReturns:
		one := (*again)[0]
		*again = (*again)[1:]
		w.Go("host", "restart-"+p.name, func() {
			reap()
			p.restart(hosts, one)
		})
	}
}

// restart starts a peer in the place of one that died, and calls it.
func (p *crowdPeer) restart(hosts wake.Strategy, one planned) {
	x := p.x
	fresh := &crowdPeer{x: x, name: p.name + "'"}
	x.peers = append(x.peers, fresh)
	var offer *hub.Offer
	x.w.Idly(func() {
		var err error
		offer, err = x.hub.Offer(fresh.name, hosts)
		x.w.Must(err)
	})
	fresh.open(offer)
	x.w.Go(fresh.name, "attach", func() { x.w.Idly(func() { fresh.attach(offer) }) })
	x.begin(one, fresh)
	x.calls[one.id].make()
}

// delivered says whether what was sent has come: all of it over a link that
// lives. Before an end closes, or is killed, what it has sent comes; what it is
// sent need not.
func (s *callState) delivered() bool {
	up, down := s.received >= s.sent, s.replied >= s.answered
	switch s.peer.fate {
	case lives:
		return s.received == s.sent && s.replied == s.answered
	case isClosed:
		return up
	case liesAndDies:
		return true
	}
	return down
}

// over claims, once nobody can go on, that every call has an outcome, that what
// was sent has come, and that every slot is free.
func (x *crowdWorld) over() {
	for id := range uint32(len(x.calls)) {
		s := x.calls[id]
		if s.outcome == "" {
			x.w.Failf(Failure, "call %d has no outcome", id)
		}
		if !s.delivered() {
			x.w.Failf(Frame, "call %d: %d of %d frames came up, %d of %d down", id, s.received, s.sent, s.replied, s.answered)
		}
	}
	for _, p := range x.peers {
		if p.doomed {
			continue
		}
		for side, ring := range p.host.State().Sides {
			if ring.Unread() != 0 {
				x.w.Failf(Index, "%d frames are left in ring %d of %s", ring.Unread(), side, p.name)
			}
		}
	}
	for _, u := range x.hub.Usage() {
		if n := u.Filling + u.Sent + u.Held; n > 0 {
			x.w.Failf(Slot, "%d slots are leaked (%d filling, %d sent, %d held)", n, u.Filling, u.Sent, u.Held)
		}
	}
}

package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"ddc/slot"
	"ddc/transport"
	"ddc/wake"
)

// Room is how much the transport under test shall hold.
type Room int

const (
	// Ample is what the transport has by default.
	Ample Room = iota
	// Tiny is the least that it can work with: rings of two descriptors, two
	// slots of each class, none larger than 4 KiB. A transport without such
	// limits ignores it.
	Tiny
	// Bare is a pool of two slots of 1 KiB, neither of them reserved. A
	// transport without slots ignores it.
	Bare
)

// String is "ample", "tiny" or "bare".
func (r Room) String() string { return [...]string{"ample", "tiny", "bare"}[r] }

// LinkEnv is what a program over links runs in. Only New is required.
type LinkEnv struct {
	// New makes a transport. If the transport has the method Sleepers of
	// [Observer], a sleeper that nothing will wake is found by its state. If it
	// has FreeSlots and Usage, as a hub does, a leak of slots is told from
	// that.
	New func(Room) (transport.Transport, error)
	// Seed, Rounds and Settle are as in [Env].
	Seed   uint64
	Rounds int
	Settle time.Duration
}

// LinkProgram is a scenario over links.
type LinkProgram struct {
	Name string
	Rule Rule
	Run  func(ctx context.Context, e *LinkEnv) error
}

func (e *LinkEnv) rounds() int { return (&Env{Rounds: e.Rounds}).rounds() }

func (e *LinkEnv) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(e.Seed, stream)) }

// wires are the links of one program.
type wires struct {
	env       *LinkEnv
	transport transport.Transport
	// links[n][0] is the host's end of link n, links[n][1] the peer's.
	links [][2]transport.Link
	// steps counts what the program does while it lets others wait.
	steps atomic.Uint64
	// leaked is how many slots were in use at the last look, if none was left
	// and every frame had been received.
	leaked atomic.Int64
	// filling is how many there were, if all of them were being filled.
	filling atomic.Int64
}

func (e *LinkEnv) wire(room Room, n int) (*wires, error) {
	t, err := e.New(room)
	if err != nil {
		return nil, fmt.Errorf("make a transport with %v room: %w", room, err)
	}
	w := &wires{env: e, transport: t}
	for i := range n {
		host, peer, err := t.Pair(fmt.Sprintf("peer-%d", i))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make link %d: %w", i, err), t.Close())
		}
		w.links = append(w.links, [2]transport.Link{host, peer})
	}
	return w, nil
}

// look treats all sleepers as one. They are lost together: all sleep, no token
// is pending or owed, and no frame moves although the program is not over. It
// does not matter then what each of them waits for.
func (w *wires) look() ([]Snapshot, error) {
	s := Snapshot{Name: "all sleepers", Sleeper: wake.Sleeper{Parked: true, Due: true}}
	if t, ok := w.transport.(interface {
		Sleepers() ([]Snapshot, error)
	}); ok {
		all, err := t.Sleepers()
		if err != nil {
			return nil, err
		}
		rung := uint64(0)
		for _, one := range all {
			// A token for somebody who is awake does not help those who sleep.
			s.Token = s.Token || one.Token && one.Parked
			s.Owed += one.Owed
			s.Bell.Received += one.Bell.Received
			rung += one.Bell.Sent
			if one.Parked {
				s.Note += one.Name + " parked; "
			}
		}
		s.Bell.Sent = rung
	} else {
		s.Name = "all links (this transport shows no sleepers: what is known is that no frame moves)"
	}
	s.Note += fmt.Sprintf("program at step %d", w.steps.Load())
	underWay := int64(0)
	for n, ends := range w.links {
		for side, name := range [2]string{"host", "peer"} {
			st := ends[side].Stats()
			underWay += int64(st.FramesOut - st.FramesIn)
			s.Note += fmt.Sprintf("\n    link %d, %s: frames in %d, out %d; wake-ups sent %d, suppressed %d, received %d, spurious %d",
				n, name, st.FramesIn, st.FramesOut, st.WakeupsSent, st.WakeupsSuppressed, st.WakeupsReceived, st.WakeupsSpurious)
		}
	}
	used, filling := w.slotsInUse()
	w.leaked.Store(0)
	w.filling.Store(0)
	switch {
	case used > 0 && filling == used:
		// A sender that has filled its slot sends it, and then waits for room.
		w.filling.Store(filling)
		s.Note += fmt.Sprintf("\n    all %d slots are being filled, and none is left", filling)
	case used > 0 && underWay == 0:
		w.leaked.Store(used)
		s.Note += fmt.Sprintf("\n    every frame was received, %d slots are in use, and none is left", used)
	}
	return []Snapshot{s}, nil
}

// slotsInUse is how many slots are in use, and being filled, if none is free,
// and otherwise 0.
func (w *wires) slotsInUse() (used, filling int64) {
	t, ok := w.transport.(interface {
		Usage() []slot.Usage
		FreeSlots() int
	})
	if !ok || t.FreeSlots() > 0 {
		return 0, 0
	}
	for _, u := range t.Usage() {
		used += int64(u.Filling + u.Sent + u.Held)
		filling += int64(u.Filling)
	}
	return used, filling
}

// play runs actors on the links, then closes the transport.
func (w *wires) play(ctx context.Context, actors ...func(context.Context) error) error {
	err := (&Env{Settle: w.env.Settle}).play(ctx, w.look, func() { _ = w.transport.Close() }, actors...)
	// A sender that waits for a slot that nobody will free sleeps rightly.
	if n, filling := w.leaked.Load(), w.filling.Load(); errors.As(err, new(*LostWakeup)) {
		switch {
		case filling > 0:
			err = &Broken{NoSlotForSlot, fmt.Errorf("all %d slots are being filled by those who wait for one more: %w", filling, err)}
		case n > 0:
			err = &Broken{SlotsComeBack, fmt.Errorf("%d slots are leaked, and somebody waits for one: %w", n, err)}
		}
	}
	if closed := w.transport.Close(); closed != nil {
		err = errors.Join(err, fmt.Errorf("close transport: %w", closed))
	}
	return err
}

// fillPattern and checkPattern are payloads that tell their number and length.
func fillPattern(buf []byte, number uint64) {
	for i := range buf {
		buf[i] = patternAt(number, i, len(buf))
	}
}

func patternAt(number uint64, i, n int) byte {
	return byte(number) ^ byte(number>>8) ^ byte(i) ^ byte(i>>8)*31 ^ byte(i>>16)*17 ^ byte(n)
}

func pattern(n int, number uint64) []byte {
	buf := make([]byte, n)
	fillPattern(buf, number)
	return buf
}

func checkPattern(buf []byte, number uint64, want int) error {
	if len(buf) != want {
		return fmt.Errorf("payload %d has %d bytes, want %d", number, len(buf), want)
	}
	for i, got := range buf {
		if want := patternAt(number, i, len(buf)); got != want {
			return fmt.Errorf("payload %d of %d bytes: byte %d is %#x, want %#x", number, len(buf), i, got, want)
		}
	}
	return nil
}

// headerOf marks a frame: every field is in use.
func headerOf(number uint64, size int) transport.Header {
	return transport.Header{Op: byte(number), Flags: byte(number >> 3), Stream: uint32(size), Arg: number}
}

// sink receives frames in order, and says how many.
type sink struct {
	next uint64
	err  error
	all  uint64
	full chan struct{}
}

// newSink expects frames numbered 0 to all-1.
func newSink(all uint64) *sink { return &sink{all: all, full: make(chan struct{})} }

func (s *sink) receive(f *transport.Frame) {
	if s.err == nil {
		s.err = s.check(f)
	}
	if s.next++; s.next == s.all {
		close(s.full)
	}
}

func (s *sink) check(f *transport.Frame) error {
	if want := headerOf(s.next, int(f.Stream)); f.Header != want {
		return fmt.Errorf("frame %d has header %+v, want %+v", s.next, f.Header, want)
	}
	return checkPattern(f.Payload, s.next, int(f.Stream))
}

// wait returns once all have come.
func (s *sink) wait(ctx context.Context) error {
	select {
	case <-s.full:
		return s.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sender is an actor that sends frames of the sizes given, by Send and Fill in
// turn.
func sender(l transport.Link, sizes []int) func(context.Context) error {
	return func(ctx context.Context) error {
		for n, size := range sizes {
			if err := sendOne(ctx, l, uint64(n), size); err != nil {
				return fmt.Errorf("send frame %d of %d bytes: %w", n, size, err)
			}
		}
		return nil
	}
}

func sendOne(ctx context.Context, l transport.Link, number uint64, size int) error {
	if number%2 == 0 {
		return l.Send(ctx, headerOf(number, size), pattern(size, number))
	}
	return l.Fill(ctx, headerOf(number, size), size, func(buf []byte) error {
		if len(buf) != size {
			return fmt.Errorf("fill got %d bytes, want %d", len(buf), size)
		}
		fillPattern(buf, number)
		return nil
	})
}

package scenario

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"structs"
	"sync"

	"ddc/internal/fault"
	"ddc/ring"
	"ddc/shm"
	"ddc/wake"
)

// A connection is the least that needs the whole protocol: two rings and two
// bells. Each side has one pump, the only goroutine that sleeps on its bell,
// and any number of senders, which park on a Go channel when the ring is full.

const (
	hostSide        = 0
	peerSide        = 1
	connectionCount = 16 // as many as the plugins
	maxCells        = 256
)

type connectionPage struct {
	_ structs.HostLayout
	// Arrays are indexed by side: Bells[s] wakes side s, Rings[s] carries to
	// side s.
	Bells [2]wake.Words
	Rings [2]ring.Page
	// Waiting[s] is 1 while senders of side s wait for room.
	Waiting [2]padded32
	// Begun[s] and Ended[s] count the notifications by side s.
	Begun, Ended [2]padded64
	Closed       [2]padded32
	// Gate is the peer's.
	Gate padded32
	// Beat counts what the peer's other goroutines did.
	Beat  padded64
	Cells [2][maxCells]ring.Descriptor
}

type connectionsPage struct {
	_           structs.HostLayout
	Gate        padded32 // the host's
	Connections [connectionCount]connectionPage
}

// end is one side of a connection.
type end struct {
	env         *Env
	page        *connectionPage
	side, cells int
	// own wakes this side, other the other one.
	own, other Bell
	wakers     [2]wake.Waker
	in         *ring.Consumer

	mu   sync.Mutex // serialises senders: a ring has one producer
	out  *ring.Producer
	room chan struct{} // closed by the pump when there is room again; nil while nobody waits
}

// openEnd opens a side of connection number n. files are those of the
// host's bell, then the peer's.
func (e *Env) openEnd(shared *connectionsPage, n, side, cells int, s wake.Strategy, files [2][]*os.File, spin wake.Spin) (_ *end, err error) {
	page := &shared.Connections[n]
	l := &end{env: e, page: page, side: side, cells: cells}
	gates := [2]*shm.Word32{&shared.Gate.Word32, &page.Gate.Word32}
	for i := range l.wakers {
		if l.wakers[i], err = s.Open(page.Bells[i].Tokens(gates[i]), files[i]); err != nil {
			return nil, err
		}
		if fault.On(fault.MovedDoorbell) && i != side && len(files[i]) > 0 {
			l.wakers[i] = unowned{l.wakers[i]}
		}
	}
	l.own = e.bell(&page.Bells[side], l.wakers[side], spin)
	l.other = e.bell(&page.Bells[1-side], l.wakers[1-side], wake.SpinOff)
	if l.in, err = ring.NewConsumer(&page.Rings[side], page.Cells[side][:cells]); err != nil {
		return nil, err
	}
	l.out, err = ring.NewProducer(&page.Rings[1-side], page.Cells[1-side][:cells])
	return l, err
}

// unowned is a waker whose files only somebody else owns. That is a fault.
type unowned struct{ wake.Waker }

func (unowned) Ring() error { return nil }

func (l *end) shut() error { return errors.Join(l.own.Close(), l.other.Close()) }

func (l *end) notify(publish func()) error {
	l.page.Begun[l.side].Add(1)
	defer l.page.Ended[l.side].Add(1)
	return notify(publish, l.other.Ring)
}

// due says, from the words in shared memory, whether a side has something to
// do.
func (p *connectionPage) due(side, cells int) bool {
	return p.Rings[side].Len() > 0 || p.Closed[1-side].Load() == 1 ||
		(p.Waiting[side].Load() == 1 && p.Rings[1-side].Len() < uint64(cells))
}

// send passes d on, and waits for room.
func (l *end) send(ctx context.Context, d *ring.Descriptor) error {
	for {
		sent, room, err := l.trySend(d)
		if sent || err != nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (l *end) trySend(d *ring.Descriptor) (sent bool, room <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.out.HasRoom() {
		// Announce, then look again (pairs with: the TakeStarved after a pop).
		l.page.Waiting[l.side].Store(1)
		l.out.AnnounceStarved()
	}
	if !l.out.HasRoom() {
		if l.room == nil {
			l.room = make(chan struct{})
		}
		return false, l.room, nil
	}
	err = l.notify(func() { sent, err = l.out.TryPush(d) })
	return sent, nil, err
}

// errPeerClosed ends a pump whose peer has closed, after all it had sent.
var errPeerClosed = errors.New("peer closed its side of the connection")

// pump hands every descriptor to receive, which must not block, until the peer
// has closed (nil) or ctx is done.
func (l *end) pump(ctx context.Context, receive func(*ring.Descriptor) error) error {
	var batch [16]ring.Descriptor
	for {
		if err := await(ctx, l.own, func() bool { return l.page.due(l.side, l.cells) }); err != nil {
			return err
		}
		closed := l.page.Closed[1-l.side].Load() == 1 // before the look at the ring, which is then the last
		n, err := l.in.TryPop(batch[:])
		if err != nil {
			return err
		}
		if n > 0 && l.in.TakeStarved() {
			if err := l.notify(func() {}); err != nil {
				return err
			}
		}
		for i := range n {
			if err := receive(&batch[i]); err != nil {
				return err
			}
		}
		l.wakeSenders()
		if closed && n == 0 {
			return nil
		}
	}
}

func (l *end) wakeSenders() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.page.Waiting[l.side].Load() == 1 && l.out.HasRoom() {
		l.page.Waiting[l.side].Store(0)
		if l.room != nil {
			close(l.room)
			l.room = nil
		}
	}
}

func (l *end) close() error {
	return l.notify(func() { l.page.Closed[l.side].Store(1) })
}

// parked says whether a side sleeps.
func (p *connectionPage) parked(side int) bool { return p.Bells[side].Parked.Load() == 1 }

// snapshots looks at both sleepers of a connection.
func (l *end) snapshots(n int) ([]Snapshot, error) {
	var all []Snapshot
	p := l.page
	for side, name := range [2]string{"host", "peer"} {
		ringer := 1 - side
		ended := p.Ended[ringer].Load()
		s, err := Look(fmt.Sprintf("connection %d, %s", n, name), &p.Bells[side], l.wakers[side])
		if err != nil {
			return nil, err
		}
		s.Due, s.Owed = p.due(side, l.cells), p.Begun[ringer].Load()-ended
		for _, way := range [2]struct {
			name string
			page *ring.Page
		}{{"in", &p.Rings[side]}, {"out", &p.Rings[ringer]}} {
			s.Note += fmt.Sprintf("%s: producer index %d, consumer index %d, starved %d; ",
				way.name, way.page.Produced.Load(), way.page.Consumed.Load(), way.page.Starved.Load())
		}
		s.Note += fmt.Sprintf("senders waiting: %d, peer closed: %d", p.Waiting[side].Load(), p.Closed[ringer].Load())
		all = append(all, s)
	}
	return all, nil
}

// message is what programs send: a number, and the sender's mark.
func message(number, mark uint64) *ring.Descriptor {
	var d ring.Descriptor
	for i := 0; i+16 <= len(d); i += 16 {
		binary.NativeEndian.PutUint64(d[i:], number)
		binary.NativeEndian.PutUint64(d[i+8:], mark)
	}
	return &d
}

// open is the inverse of message, and finds torn ones.
func open(d *ring.Descriptor) (number, mark uint64, err error) {
	number, mark = binary.NativeEndian.Uint64(d[:]), binary.NativeEndian.Uint64(d[8:])
	if *d != *message(number, mark) {
		return 0, 0, fmt.Errorf("torn descriptor %x", d[:])
	}
	return number, mark, nil
}

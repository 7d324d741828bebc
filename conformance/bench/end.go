package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"structs"

	"ddc/ring"
	"ddc/shm"
	"ddc/wake"
	"ddc/wake/strategy"
)

// The sides of a pair: the process that measures, and the other one.
const (
	here  = 0
	there = 1
)

const cells = 256

// page is what a pair shares; the rings' cells follow it. The arrays are
// indexed by side. Bells[s] wakes side s, Gates[s] is the futex that it sleeps
// on, if it uses one, and Rings[s] carries descriptors to it.
type page struct {
	_     structs.HostLayout
	Bells [2]wake.Words
	Gates [2]struct {
		shm.Word32
		_ [shm.CacheLine - 4]byte
	}
	Rings [2]ring.Page
}

const (
	pageSize    = 2*wake.WordsSize + 2*shm.CacheLine + 2*ring.PageSize
	segmentSize = pageSize + 2*cells*ring.CellSize
)

// end is one process's end of a pair. Only one goroutine uses it: it sends, and
// sleeps on the bell for anything that it waits for.
type end struct {
	segment *shm.Segment
	page    *page
	bell    *wake.Doorbell // wakes this end
	peer    *wake.Doorbell
	in      *ring.Consumer
	out     *ring.Producer

	batch          [cells / 2]ring.Descriptor // as much as the hub pops at once
	unread, popped int                        // of batch
	waitIn         func() bool
	waitOut        func() bool
}

// openEnd opens a side's end of segment. It takes ownership of the segment,
// even if it fails.
func openEnd(segment *shm.Segment, side int, name string, spin wake.Spin, bells [2][]*os.File) (_ *end, err error) {
	e := &end{segment: segment}
	defer func() {
		if err != nil {
			_ = e.close()
			err = fmt.Errorf("open %s doorbells: %w", name, err)
		}
	}()
	s, err := strategy.ByName(name)
	if err != nil {
		return nil, err
	}
	if e.page, err = shm.View[page](segment, 0); err != nil {
		return nil, err
	}
	rings := [2][]ring.Descriptor{}
	for to := range rings {
		if rings[to], err = shm.Views[ring.Descriptor](segment, pageSize+to*cells*ring.CellSize, cells); err != nil {
			return nil, err
		}
	}
	if e.in, err = ring.NewConsumer(&e.page.Rings[side], rings[side]); err != nil {
		return nil, err
	}
	if e.out, err = ring.NewProducer(&e.page.Rings[1-side], rings[1-side]); err != nil {
		return nil, err
	}
	for to, bell := range []**wake.Doorbell{here: &e.bell, there: &e.peer} {
		waker, err := s.Open(e.page.Bells[to].Tokens(&e.page.Gates[to].Word32), bells[to])
		if err != nil {
			return nil, err
		}
		*bell = wake.NewDoorbell(&e.page.Bells[to], waker, spin)
	}
	if side == there {
		e.bell, e.peer = e.peer, e.bell
	}
	e.waitIn = func() bool { return !e.in.Empty() }
	e.waitOut = e.out.AnnounceStarved // announced before every sleep, not once for all
	return e, nil
}

// send waits for room, puts d into the ring and rings.
func (e *end) send(ctx context.Context, d *ring.Descriptor) error {
	for {
		ok, err := e.out.TryPush(d)
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		if ok {
			return e.peer.Ring()
		}
		if err := e.bell.Await(ctx, e.waitOut); err != nil {
			return err
		}
	}
}

// receive waits for a descriptor, which is valid until the next call.
func (e *end) receive(ctx context.Context) (*ring.Descriptor, error) {
	for e.unread == e.popped {
		n, err := e.in.TryPop(e.batch[:])
		if err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
		e.unread, e.popped = 0, n
		switch {
		case n == 0:
			if err := e.bell.Await(ctx, e.waitIn); err != nil {
				return nil, err
			}
		case e.in.TakeStarved():
			if err := e.peer.Ring(); err != nil {
				return nil, err
			}
		}
	}
	e.unread++
	return &e.batch[e.unread-1], nil
}

func (e *end) close() error {
	var errs [2]error
	for i, bell := range []*wake.Doorbell{e.bell, e.peer} {
		if bell != nil {
			errs[i] = bell.Close()
		}
	}
	return firstError(errs[0], errs[1], e.segment.Close())
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// The operation that a descriptor asks for, in its first byte.
const (
	opEcho   = iota // send it back
	opCount         // count it
	opReport        // send back how many were counted, and the process's usage
)

// report is a descriptor's answer to opReport.
type report struct {
	counted uint64
	usage   usage
}

func (r report) encode(d *ring.Descriptor) {
	binary.NativeEndian.PutUint64(d[8:], r.counted)
	binary.NativeEndian.PutUint64(d[16:], r.usage.switches)
	binary.NativeEndian.PutUint64(d[24:], uint64(r.usage.cpu))
}

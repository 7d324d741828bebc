// Package ring is a queue of fixed-size descriptors in shared memory, with one
// producer and one consumer. It neither waits nor wakes: a full or empty ring
// is the caller's to wait for (transport/hub does, with a doorbell).
//
//	producer, err := ring.NewProducer(page, cells)   // in one process
//	consumer, err := ring.NewConsumer(page, cells)   // in the other
//
// The producer index counts descriptors ever pushed, the consumer index those
// ever popped, both modulo 2^64; their difference is the length. Each index has
// one writer:
//
//	           written by   read by
//	produced   producer     consumer   a cell is full from this store on
//	consumed   consumer     producer   a cell is free from this store on
//	starved    both         both       1: the producer waits for room
//
// A cell belongs to the producer while its place is outside [consumed,
// produced), and to the consumer while it is inside. The store to an index
// hands it over, after the cell's bytes (pairs with: the load of that index by
// the other side, before it touches the cell).
//
// Each end keeps a copy of the other's index and reads the real one only when
// the copy says full or empty, so that two busy ends seldom touch each other's
// cache lines.
package ring

import (
	"errors"
	"fmt"
	"structs"

	"ddc/internal/fault"
	"ddc/internal/step"
	"ddc/shm"
)

// Descriptor is one cell: 64 bytes, whose meaning is the caller's.
type Descriptor [64]byte

// Page holds the indices. All zero is an empty ring.
type Page struct {
	_        structs.HostLayout
	Produced shm.Word64
	_        [shm.CacheLine - 8]byte
	Consumed shm.Word64
	_        [shm.CacheLine - 8]byte
	// Starved is 1 from the producer's announcement that it waits for room
	// until the consumer, having made some, takes it and so owes a ring of the
	// producer's bell.
	Starved shm.Word32
	_       [shm.CacheLine - 4]byte
}

// Len is the number of descriptors in the ring, to anyone who looks. Untrusted:
// it can be anything at all.
func (p *Page) Len() uint64 {
	consumed := p.Consumed.Load()
	return p.Produced.Load() - consumed
}

// PageSize is the size of Page in bytes, and CellSize that of a Descriptor.
const (
	PageSize = 3 * shm.CacheLine
	CellSize = len(Descriptor{})
)

// ErrCorrupt is returned when the other side's index is one that no sound peer
// can have stored. Nothing on the ring can be trusted any more.
var ErrCorrupt = errors.New("ring index out of bounds")

func checkCells(cells []Descriptor) error {
	if n := len(cells); n < 1 || n&(n-1) != 0 {
		return fmt.Errorf("ring of %d descriptors: the number must be a power of two", n)
	}
	return nil
}

// Producer is the end that pushes. One goroutine at a time may use it.
type Producer struct {
	page     *Page
	cells    []Descriptor
	produced uint64
	consumed uint64 // copy of page.Consumed, never ahead of it
}

// NewProducer opens the producing end. len(cells) is a power of two.
func NewProducer(page *Page, cells []Descriptor) (*Producer, error) {
	if err := checkCells(cells); err != nil {
		return nil, err
	}
	return &Producer{page: page, cells: cells, produced: page.Produced.Load(), consumed: page.Consumed.Load()}, nil
}

// TryPush copies d into the ring, and says whether there was room.
func (p *Producer) TryPush(d *Descriptor) (bool, error) {
	if room, err := p.room(); !room {
		return false, err
	}
	cell := &p.cells[p.produced&uint64(len(p.cells)-1)]
	step.Write(cell[:])
	*cell = *d
	fault.Widen(fault.TwoProducers)
	p.produced++
	p.page.Produced.Store(p.produced)
	return true, nil
}

// room says whether a cell is free by the copy of the consumer's index, which
// it renews only when the copy says none. An error means no.
func (p *Producer) room() (bool, error) {
	capacity := uint64(len(p.cells))
	if p.produced-p.consumed < capacity {
		return true, nil
	}
	p.consumed = p.page.Consumed.Load()
	length := p.produced - p.consumed
	if fault.On(fault.TrustedIndex) && (fault.On(fault.StaleIndex) || fault.On(fault.TwoProducers)) && length > capacity {
		return false, nil
	}
	if length > capacity {
		return false, fmt.Errorf("%w: consumer index %d, producer index %d, %d cells", ErrCorrupt, p.consumed, p.produced, capacity)
	}
	return length < capacity, nil
}

// HasRoom says whether a push would find room.
func (p *Producer) HasRoom() bool {
	room, err := p.room()
	return room || err != nil // the push reports the error
}

// AnnounceStarved says that this end waits for room, then looks once more, and
// returns whether there is room after all: the consumer that made it before it
// could see the announcement will not ring (pairs with: space-announced).
//
// The consumer takes the announcement with the first pop that sees it. Room
// that was made and used up before then is announced to nobody, so whoever
// wakes and still finds the ring full announces again before waiting again. The
// tempting loop "announce; while full: sleep" loses the next ring, and did so
// once in the benchmark of this repository: both sides asleep, ring empty.
func (p *Producer) AnnounceStarved() bool {
	p.page.Starved.Swap(1) // no Store: package shm says why
	return p.HasRoom()
}

// Consumer is the end that pops. One goroutine at a time may use it, but for
// Empty.
type Consumer struct {
	early    early // of no size, but for a fault
	page     *Page
	cells    []Descriptor
	consumed uint64
	produced uint64 // copy of page.Produced, never ahead of it
}

// NewConsumer opens the consuming end. len(cells) is a power of two.
func NewConsumer(page *Page, cells []Descriptor) (*Consumer, error) {
	if err := checkCells(cells); err != nil {
		return nil, err
	}
	return &Consumer{page: page, cells: cells, consumed: page.Consumed.Load(), produced: page.Consumed.Load()}, nil
}

// TryPop moves up to len(batch) descriptors into batch, oldest first, and frees
// their cells. After a pop that moved any, ask [Consumer.TakeStarved].
func (c *Consumer) TryPop(batch []Descriptor) (int, error) {
	length, err := c.length()
	if err != nil {
		return 0, err
	}
	n := min(int(length), len(batch))
	if n == 0 {
		return 0, nil
	}
	for i := range n {
		cell := &c.cells[(c.consumed+uint64(i))&uint64(len(c.cells)-1)]
		step.Read(cell[:])
		batch[i] = *cell
	}
	if fault.On(fault.MissingFence) {
		c.early.look(c.page)
	}
	c.consumed += uint64(n)
	c.page.Consumed.Swap(c.consumed) // no Store, since TakeStarved looks next: package shm says why
	return n, nil
}

func (c *Consumer) length() (uint64, error) {
	if c.produced == c.consumed {
		produced := c.page.Produced.Load()
		if fault.On(fault.TrustedIndex) && int64(produced-c.consumed) < 0 {
			return 0, nil
		}
		if produced-c.consumed > uint64(len(c.cells)) && !fault.On(fault.TrustedIndex) {
			return 0, fmt.Errorf("%w: producer index %d, consumer index %d, %d cells", ErrCorrupt, produced, c.consumed, len(c.cells))
		}
		// Only this end stores it. Empty would go by what a peer has written
		// over it.
		if shared := c.page.Consumed.Load(); shared != c.consumed {
			return 0, fmt.Errorf("%w: consumer index %d, stored was %d", ErrCorrupt, shared, c.consumed)
		}
		c.produced = produced
	}
	return c.produced - c.consumed, nil
}

// Empty says whether a pop would find nothing. Any goroutine may ask: it looks
// at the shared words alone. Where they are such as no sound peer stores, it
// says no, and the pop reports the error.
func (c *Consumer) Empty() bool {
	if fault.On(fault.TrustedIndex) {
		return int64(c.page.Produced.Load()-c.page.Consumed.Load()) <= 0
	}
	return c.page.Produced.Load() == c.page.Consumed.Load()
}

// TakeStarved says whether the producer has announced that it waits for room.
// If it returns true, the caller owes the producer a ring. Every pop that makes
// room asks, since it cannot know whether the announcement came before or after
// an earlier pop.
func (c *Consumer) TakeStarved() bool {
	if fault.On(fault.NoRingOnSpace) || fault.On(fault.MissingFence) && !c.early.starved() {
		return false
	}
	fault.Widen(fault.AnnounceOnce)
	return c.page.Starved.Load() == 1 && c.page.Starved.CompareAndSwap(1, 0)
}

// Package slot is the pool of payload buffers that all peers of a hub share:
// classes of equal slots in one segment of shared memory.
//
//	ref, ok := pool.Alloc(party, len(payload))   // sender
//	copy(pool.Bytes(ref), payload)
//	err := pool.Send(ref)                        // then pass ref to the receiver
//
//	err := pool.Accept(ref, sender)              // receiver: refuses stale and foreign references
//	use(pool.Bytes(ref)[:n])
//	pool.Free(ref)                               // then ring whoever waits for a slot
//
// # States of a slot
//
// One word holds a slot's whole truth: generation, owner and state. Every step
// is one compare-and-swap of it, so a process that is killed between any two
// instructions leaves each slot in exactly one state, with a known owner:
//
//	Free    -> Filling   Alloc, by the party that becomes the owner; generation + 1
//	Filling -> Sent      Send, by the owner, before its reference leaves the process
//	Sent    -> Held      Accept, by the receiver
//	Filling -> Free      Free, by the owner that abandons it
//	Sent    -> Free      Free, by the owner whose reference could not be sent
//	Held    -> Free      Free, by the receiver
//	any     -> Free      Reclaim, by the host, for a link whose peer is dead
//	nonsense -> Free     Mend, by the host, after a peer has written over words
//
// The generation makes ABA harmless: a reference names the generation that it
// was made for, and no step succeeds on another.
//
// The tempting alternative, a linked free list with a tagged head, has two
// truths: a process killed after it unlinked a slot and before it marked it
// loses the slot for ever. Here the free list is a bitmap for each class, and
// only a hint of where to look: a set bit may be stale (the compare-and-swap
// then fails, and the search goes on), a bit that is missing for a free slot is
// set again by Reclaim.
//
// Each party has some slots of the smaller classes to itself, so that no peer
// can starve another: pieces of a payload can always travel in those.
package slot

import (
	"errors"
	"fmt"
	"math/bits"
	"structs"

	"ddc/shm"
)

// Class describes slots of one size.
type Class struct {
	// Size of a slot in bytes, a multiple of 64.
	Size int
	// Count of slots, at most 2^20.
	Count int
	// Reserve is how many of them each party has to itself.
	Reserve int
}

// DefaultClasses returns the five classes of a hub with the given number of
// parties. A reserve is cut where it would take more than half of a class.
func DefaultClasses(parties int) []Class {
	classes := []Class{{1 << 10, 1024, 8}, {16 << 10, 256, 4}, {256 << 10, 32, 0}, {4 << 20, 8, 0}, {16 << 20, 4, 0}}
	for i := range classes {
		classes[i].Reserve = min(classes[i].Reserve, classes[i].Count/2/parties)
	}
	return classes
}

// Ref names a slot in one generation: generation<<32 | class<<24 | index.
type Ref uint64

func newRef(generation uint32, class, index int) Ref {
	return Ref(uint64(generation)<<32 | uint64(class)<<24 | uint64(index))
}

func (r Ref) generation() uint32 { return uint32(r >> 32) }
func (r Ref) class() int         { return int(uint8(r >> 24)) }
func (r Ref) index() int         { return int(r & 0xffffff) }

// String is for messages.
func (r Ref) String() string {
	return fmt.Sprintf("class %d slot %d generation %d", r.class(), r.index(), r.generation())
}

// State of a slot.
type State uint8

// The states; see the package comment for the steps between them.
const (
	Free State = iota
	Filling
	Sent
	Held
)

// ErrStale is returned for a reference that is out of range, of another
// generation, or whose slot is not in the state that the step starts from.
var ErrStale = errors.New("stale slot reference")

// word is generation<<32 | owner<<8 | state.
func word(generation uint32, owner int, state State) uint64 {
	return uint64(generation)<<32 | uint64(uint16(owner))<<8 | uint64(state)
}

func unpack(w uint64) (generation uint32, owner int, state State) {
	return uint32(w >> 32), int(uint16(w >> 8)), State(uint8(w))
}

// truth is a slot's word, padded so that two slots in use do not share a line.
type truth struct {
	_ structs.HostLayout
	shm.Word64
	_ [56]byte
}

type hints struct {
	_ structs.HostLayout
	shm.Word64
}

type class struct {
	Class
	slots []truth
	// free has a bit for each shared slot.
	free []hints
	// shared is the index of the first slot that is nobody's reserve.
	shared int
	data   []byte
}

// Pool is one process's view of the slots. All methods may be called from any
// goroutine of any process.
type Pool struct {
	classes []class
	parties int
}

const align = 4096

func up(n int) int { return (n + align - 1) &^ (align - 1) }

func (c Class) check(parties int) error {
	if c.Size < 64 || c.Size%64 != 0 || c.Count < 1 || c.Count > 1<<20 || c.Reserve < 0 || c.Reserve*parties > c.Count {
		return fmt.Errorf("slot class of %d x %d bytes with %d reserved for each of %d parties makes no sense", c.Count, c.Size, c.Reserve, parties)
	}
	return nil
}

func (c Class) sizes() (slots, free, data int) {
	return up(c.Count * 64), up((c.Count + 63) / 64 * 8), up(c.Size * c.Count)
}

// Size is the number of bytes that the pool takes in a segment.
func Size(classes []Class) int {
	total := 0
	for _, c := range classes {
		slots, free, data := c.sizes()
		total += slots + free + data
	}
	return total
}

// Open lays a pool over a segment at offset, a multiple of 4096. Classes go
// from small to large, and are the same in every process.
func Open(segment *shm.Segment, offset int, classes []Class, parties int) (*Pool, error) {
	p := &Pool{parties: parties}
	for _, description := range classes {
		if err := description.check(parties); err != nil {
			return nil, err
		}
		c := class{Class: description, shared: description.Reserve * parties}
		slots, free, data := description.sizes()
		var err error
		if c.slots, err = shm.Views[truth](segment, offset, c.Count); err != nil {
			return nil, fmt.Errorf("open slot pool: %w", err)
		}
		if c.free, err = shm.Views[hints](segment, offset+slots, (c.Count+63)/64); err != nil {
			return nil, fmt.Errorf("open slot pool: %w", err)
		}
		if c.data, err = segment.Bytes(offset+slots+free, c.Size*c.Count); err != nil {
			return nil, fmt.Errorf("open slot pool: %w", err)
		}
		p.classes = append(p.classes, c)
		offset += slots + free + data
	}
	return p, nil
}

// Format marks every slot free. The creator of the segment calls it once,
// before anyone else opens the pool.
func (p *Pool) Format() {
	for i := range p.classes {
		for index := range p.classes[i].slots {
			p.classes[i].hint(index)
		}
	}
}

// Largest is the size of the largest class.
func (p *Pool) Largest() int { return p.classes[len(p.classes)-1].Size }

// Alloc takes a slot of at least size bytes for party: of the smallest class
// that fits, or else of a larger one. No such slot free is (0, false).
func (p *Pool) Alloc(party, size int) (Ref, bool) {
	for i := range p.classes {
		if p.classes[i].Size < size {
			continue
		}
		if ref, ok := p.take(i, party); ok {
			return ref, true
		}
	}
	return 0, false
}

// AllocPiece takes the slot that carries the most of a payload of size bytes:
// one that fits if there is any, or else the largest that is free.
func (p *Pool) AllocPiece(party, size int) (Ref, bool) {
	if ref, ok := p.Alloc(party, size); ok {
		return ref, true
	}
	for i := len(p.classes) - 1; i >= 0; i-- {
		if ref, ok := p.take(i, party); ok {
			return ref, true
		}
	}
	return 0, false
}

// take tries the slots that all share, then those reserved for party.
func (p *Pool) take(classIndex, party int) (Ref, bool) {
	c := &p.classes[classIndex]
	for w := range c.free {
		for set := c.free[w].Load(); set != 0; set &= set - 1 {
			index := w*64 + bits.TrailingZeros64(set)
			if index < c.shared || index >= c.Count {
				continue
			}
			if generation, ok := c.claim(index, party); ok {
				// The claim is the truth; the hint follows. Nobody sets the bit
				// again before this slot has been freed, which comes after this
				// line.
				c.free[w].And(^(uint64(1) << (index % 64)))
				return newRef(generation, classIndex, index), true
			}
		}
	}
	for index := party * c.Reserve; index < (party+1)*c.Reserve; index++ {
		if generation, ok := c.claim(index, party); ok {
			return newRef(generation, classIndex, index), true
		}
	}
	return 0, false
}

func (c *class) claim(index, party int) (uint32, bool) {
	old := c.slots[index].Load()
	generation, _, state := unpack(old)
	if state != Free {
		return 0, false
	}
	return generation + 1, c.slots[index].CompareAndSwap(old, word(generation+1, party, Filling))
}

func (c *class) hint(index int) {
	if index >= c.shared {
		c.free[index/64].Or(1 << (index % 64))
	}
}

func (p *Pool) slot(ref Ref) (*class, error) {
	if ref.class() >= len(p.classes) || ref.index() >= p.classes[ref.class()].Count {
		return nil, fmt.Errorf("%w: %v is out of range", ErrStale, ref)
	}
	return &p.classes[ref.class()], nil
}

// Bytes is the slot's memory, its class's size long, for the party that holds
// the slot. The reference must be one that Alloc or Accept vouched for.
func (p *Pool) Bytes(ref Ref) []byte {
	c, i := &p.classes[ref.class()], ref.index()
	return c.data[i*c.Size : (i+1)*c.Size : (i+1)*c.Size]
}

// Send marks a filled slot as on its way. After it, only the receiver, or Free
// by a sender that could not pass the reference on, may touch the slot.
func (p *Pool) Send(ref Ref) error { return p.step(ref, -1, Filling, Sent) }

// Accept makes the caller, who received ref from the party sender, its holder.
// A reference that sender did not send, or sent before, is refused.
func (p *Pool) Accept(ref Ref, sender int) error { return p.step(ref, sender, Sent, Held) }

func (p *Pool) step(ref Ref, wantOwner int, from, to State) error {
	c, err := p.slot(ref)
	if err != nil {
		return err
	}
	old := c.slots[ref.index()].Load()
	generation, owner, state := unpack(old)
	if generation != ref.generation() || state != from || (wantOwner >= 0 && owner != wantOwner) ||
		!c.slots[ref.index()].CompareAndSwap(old, word(generation, owner, to)) {
		return fmt.Errorf("%w: %v is of party %d, generation %d, in state %d", ErrStale, ref, owner, generation, state)
	}
	return nil
}

// attempts bounds how often Free tries.
const attempts = 64

// Free gives a slot back. A slot that Reclaim freed already is left as it is,
// whoever has it by now.
func (p *Pool) Free(ref Ref) {
	c, err := p.slot(ref)
	if err != nil {
		return
	}
	// Nobody else moves the word of a slot that is held, but a peer that writes
	// where it must not: it may keep this one slot from being freed, not this
	// goroutine.
	for range attempts {
		old := c.slots[ref.index()].Load()
		generation, owner, state := unpack(old)
		if generation != ref.generation() || state == Free {
			return
		}
		if c.slots[ref.index()].CompareAndSwap(old, word(generation, owner, Free)) {
			c.hint(ref.index())
			return
		}
	}
}

// Reclaim frees the slots that belong to owner and are in one of the states
// given, and mends the hints. It returns how many it freed. The host calls it
// when a peer is dead: for the peer as owner, and for its own end of that link.
func (p *Pool) Reclaim(owner int, states ...State) int {
	freed := 0
	for i := range p.classes {
		c := &p.classes[i]
		for index := range c.slots {
			old := c.slots[index].Load()
			generation, slotOwner, state := unpack(old)
			if state == Free {
				c.hint(index)
				continue
			}
			for _, s := range states {
				if slotOwner == owner && state == s && c.slots[index].CompareAndSwap(old, word(generation, owner, Free)) {
					c.hint(index)
					freed++
				}
			}
		}
	}
	return freed
}

// Mend frees the slots whose words are such as no step leaves them: in a state
// that there is none of, or of an owner that is not in use. Somebody has
// written over them, and they would be lost for ever. It returns how many it
// freed.
func (p *Pool) Mend(inUse func(party int) bool) int {
	freed := 0
	for i := range p.classes {
		c := &p.classes[i]
		for index := range c.slots {
			old := c.slots[index].Load()
			generation, owner, state := unpack(old)
			if old == word(generation, owner, state) && state <= Held && (state == Free || owner < p.parties && inUse(owner)) {
				continue
			}
			if c.slots[index].CompareAndSwap(old, word(generation, 0, Free)) {
				c.hint(index)
				freed++
			}
		}
	}
	return freed
}

// Usage counts slots of one class by state.
type Usage struct {
	Size, Count, Filling, Sent, Held int
}

// Usage looks at every slot. With owner -1 it counts those of all parties.
func (p *Pool) Usage(owner int) []Usage {
	usage := make([]Usage, len(p.classes))
	for i := range p.classes {
		u := &usage[i]
		u.Size, u.Count = p.classes[i].Size, p.classes[i].Count
		for index := range p.classes[i].slots {
			_, slotOwner, state := unpack(p.classes[i].slots[index].Load())
			if owner >= 0 && slotOwner != owner {
				continue
			}
			switch state {
			case Filling:
				u.Filling++
			case Sent:
				u.Sent++
			case Held:
				u.Held++
			}
		}
	}
	return usage
}

// Package trace keeps, in shared memory, what people ask for when something
// stands still: the last events of each end of a link, and the calls under way.
// Nothing is decided by it, so its words are no part of the protocol, and the
// model checker does not see them.
//
//	events := trace.NewEvents(page, cells)
//	events.Add(trace.Asleep, bell)
//
//	for _, e := range events.Last() { ... }   // in any process that has the page mapped
//
// An event costs some 100 ns, most of them the clock's: so what is noted is
// what costs a system call anyway (a sleep, a token), or ought to be seldom
// (waiting for space or for a slot). Calls are noted as events only where a
// whole trace was asked for.
package trace

import (
	"fmt"
	"structs"
	"sync/atomic"
)

// Kind is what happened.
type Kind uint8

// The kinds, with what the argument of each says.
const (
	Asleep       Kind = 1 + iota // this end sleeps at its doorbell: the doorbell
	Awake                        // it has woken: the doorbell
	Token                        // it has left a token for a sleeper: the doorbell
	SpaceWait                    // a sender waits for room in the ring
	SpaceCame                    // it waits no longer
	SlotWait                     // a sender waits for a slot
	SlotCame                     // it waits no longer
	CallBegan                    // stream and method
	CallEnded                    // stream
	HandlerBegan                 // stream and method
	HandlerEnded                 // stream
	Ended                        // this end of the link has ended
	kinds
)

var words = [kinds]string{
	"", "asleep at its doorbell", "awake", "left a token", "waits for ring space", "has ring space",
	"waits for a slot", "has a slot", "call began", "call ended", "handler began", "handler ended", "ended",
}

// String says it for people.
func (k Kind) String() string {
	if k == 0 || k >= kinds {
		return fmt.Sprintf("event %d", uint8(k))
	}
	return words[k]
}

// Page counts the events ever noted in its cells, modulo 2^64.
type Page struct {
	_    structs.HostLayout
	Next atomic.Uint64
	_    [120]byte
}

// PageSize and CellSize are the sizes of Page and Cell in bytes.
const (
	PageSize = 128
	CellSize = 16
)

// Cell is one event: when it happened, and lap<<56 | kind<<48 | argument, where
// lap is how often the cell had been used before, modulo 256.
type Cell struct {
	_    structs.HostLayout
	When atomic.Uint64
	What atomic.Uint64
}

// Event is an event, read.
type Event struct {
	Number uint64 // of the events of this end, from 0
	When   int64  // CLOCK_MONOTONIC, in nanoseconds
	Kind   Kind
	Arg    uint64
}

// Call packs a stream and a method's id into an argument.
func Call(stream uint32, method uint16) uint64 { return uint64(stream)<<16 | uint64(method) }

// Stream and Method are what Call packed.
func (e Event) Stream() uint32 { return uint32(e.Arg >> 16) }

// Method is the method's id.
func (e Event) Method() uint16 { return uint16(e.Arg) }

const argBits = 48

// Events are the last events of one end. Any goroutine of that end may add.
type Events struct {
	page  *Page
	cells []Cell
	shift uint // log2(len(cells))
}

// NewEvents lays events over a page and its cells, whose number is a power of
// two.
func NewEvents(page *Page, cells []Cell) *Events {
	e := &Events{page: page, cells: cells}
	for 1<<e.shift < len(cells) {
		e.shift++
	}
	return e
}

// Add notes an event of now.
func (e *Events) Add(kind Kind, arg uint64) { e.AddAt(Now(), kind, arg) }

// AddAt notes an event of a time that was taken anyway.
func (e *Events) AddAt(when int64, kind Kind, arg uint64) {
	n := e.page.Next.Add(1) - 1
	c := &e.cells[n&uint64(len(e.cells)-1)]
	c.When.Store(uint64(when))
	c.What.Store(n>>e.shift<<56 | uint64(kind)<<argBits | arg&(1<<argBits-1))
}

// Last lists the events that are still there, oldest first.
func (e *Events) Last() []Event {
	events, _ := e.From(0)
	return events
}

// From lists the events from a number on, and the number to go on with. What
// was overwritten meanwhile is not listed: numbers have gaps there. What is
// being written is left for next time, or left out if something comes after it.
func (e *Events) From(number uint64) (events []Event, next uint64) {
	next = e.page.Next.Load()
	length := uint64(len(e.cells))
	if next-number > length {
		number = next - length
	}
	for ; number != next; number++ {
		c := &e.cells[number&(length-1)]
		what, when := c.What.Load(), c.When.Load()
		if c.What.Load() != what || uint8(what>>56) != uint8(number>>e.shift) {
			continue
		}
		if kind := Kind(what >> argBits & 0xff); kind != 0 && kind < kinds {
			events = append(events, Event{Number: number, When: int64(when), Kind: kind, Arg: what & (1<<argBits - 1)})
		}
	}
	return events, next
}

// Reset forgets all events. Nobody may be adding.
func (e *Events) Reset() {
	for i := range e.cells {
		e.cells[i].What.Store(0)
	}
	e.page.Next.Store(0)
}

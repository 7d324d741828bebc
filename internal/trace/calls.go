package trace

import (
	"encoding/binary"
	"structs"
	"sync/atomic"

	"ddc/internal/printable"
)

// maxCalls is how many calls under way the page of a link holds, maxMethods how
// many names, nameSize how much of each, in bytes, and aboutSize how much of
// what a call works on.
const (
	maxCalls   = 64
	maxMethods = 64
	nameSize   = 96
	aboutSize  = 64
	probes     = 4
)

// Calls is the page of the calls under way on a link, written by the host's end
// alone, one change at a time. A call stands in one of the few places that its
// stream number picks, so that nobody has to remember where: beginning and
// ending one costs some 15 ns together.
type Calls struct {
	_ structs.HostLayout
	// Unnoted is how many calls under way found their places taken.
	Unnoted atomic.Int64
	_       [120]byte
	entries [maxCalls]entry
	names   [maxMethods]name
}

type entry struct {
	_ structs.HostLayout
	// Call is method<<32 | stream, and 0 where no call stands: streams begin
	// with 1.
	Call  atomic.Uint64
	Began atomic.Uint64
	// About is what the call works on: Size bytes of text, in words, since the
	// entry is written again while others read it.
	Size  atomic.Uint32
	_     uint32
	About [aboutSize / 8]atomic.Uint64
}

type name struct {
	_    structs.HostLayout
	Size atomic.Uint32 // written after Text
	_    uint32
	Text [nameSize]byte
}

// Began notes a call, and what it works on. A long text is cut at its
// beginning: the file's name and the line are at its end.
func (c *Calls) Began(stream uint32, method uint16, about string, when int64) {
	for i := range uint32(probes) {
		e := &c.entries[(stream+i)%maxCalls]
		if e.Call.Load() == 0 {
			e.Began.Store(uint64(when))
			e.works(about)
			e.Call.Store(uint64(method)<<32 | uint64(stream))
			return
		}
	}
	c.Unnoted.Add(1)
}

func (e *entry) works(about string) {
	if len(about) > aboutSize {
		about = about[len(about)-aboutSize:]
	}
	for i := 0; i*8 < len(about); i++ {
		var word [8]byte
		copy(word[:], about[i*8:])
		e.About[i].Store(binary.NativeEndian.Uint64(word[:]))
	}
	e.Size.Store(uint32(len(about)))
}

// about is what others wrote: only its length is sure.
func (e *entry) about() string {
	var text [aboutSize]byte
	for i := range e.About {
		binary.NativeEndian.PutUint64(text[i*8:], e.About[i].Load())
	}
	return printable.Line(string(text[:min(e.Size.Load(), aboutSize)]))
}

// Ended takes a call out. It is told of each once.
func (c *Calls) Ended(stream uint32) {
	for i := range uint32(probes) {
		e := &c.entries[(stream+i)%maxCalls]
		if uint32(e.Call.Load()) == stream {
			e.Call.Store(0)
			return
		}
	}
	c.Unnoted.Add(-1)
}

// Name says what a method's id stands for; ids begin at 1. A long name is cut
// at its beginning: its end says most.
func (c *Calls) Name(method uint16, text string) {
	if method < 1 || method > maxMethods {
		return
	}
	if len(text) > nameSize {
		text = text[len(text)-nameSize:]
	}
	n := &c.names[method-1]
	n.Size.Store(0)
	copy(n.Text[:], text)
	n.Size.Store(uint32(len(text)))
}

// Method is the name of an id, "" where it has none. It is what others wrote:
// only its length is sure.
func (c *Calls) Method(id uint16) string {
	if id < 1 || id > maxMethods {
		return ""
	}
	n := &c.names[id-1]
	text := n.Text
	return printable.Line(string(text[:min(n.Size.Load(), nameSize)]))
}

// Entry is a call under way.
type Entry struct {
	Stream uint32
	Method uint16
	About  string
	Began  int64 // CLOCK_MONOTONIC, in nanoseconds
}

// List lists the calls under way, in no order.
func (c *Calls) List() []Entry {
	var list []Entry
	for i := range c.entries {
		e := &c.entries[i]
		call := e.Call.Load()
		if call == 0 {
			continue
		}
		began, about := e.Began.Load(), e.about()
		if e.Call.Load() == call { // else it has ended meanwhile
			list = append(list, Entry{Stream: uint32(call), Method: uint16(call >> 32), About: about, Began: int64(began)})
		}
	}
	return list
}

// Reset forgets all calls and names. Nobody may be noting.
func (c *Calls) Reset() {
	c.Unnoted.Store(0)
	for i := range c.entries {
		c.entries[i].Call.Store(0)
	}
	for i := range c.names {
		c.names[i].Size.Store(0)
	}
}

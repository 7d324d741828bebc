package hub

import (
	"encoding/binary"
	"testing"

	"ddc/ring"
	"ddc/shm"
	"ddc/slot"
	"ddc/transport"
)

// A header that is believed describes a hub that lies within the
// memory there is.
func FuzzHeader(f *testing.F) {
	segment, err := shm.Create("fuzz", headerSize)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = segment.Close() })
	h, err := shm.View[header](segment, 0)
	if err != nil {
		f.Fatal(err)
	}
	bytes, err := segment.Bytes(0, headerSize)
	if err != nil {
		f.Fatal(err)
	}
	for _, l := range []layout{
		{peers: 24, cells: 256, events: 64, classes: slot.DefaultClasses(48)},
		{peers: 1, cells: 1, events: 1, classes: []slot.Class{{Size: 64, Count: 1}}},
	} {
		l.write(h)
		f.Add(append([]byte(nil), bytes[:256]...), l.size())
	}
	f.Add(make([]byte, 256), 1<<20)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		clear(bytes)
		copy(bytes, data)
		l, err := readLayout(h, size)
		if err != nil {
			return
		}
		if l.size() > size || l.slotsOffset() > l.size() || l.linkOffset(l.peers) > l.slotsOffset() || l.cellsOffset(l.peers-1, 1) > l.linkOffset(l.peers) {
			t.Fatalf("%+v does not lie within %d bytes", l, size)
		}
	})
}

func FuzzOffer(f *testing.F) {
	f.Add(place{peer: 3, incarnation: 1, strategy: "futex", files: 1}.String())
	f.Add(place{peer: 0, incarnation: 1<<32 - 1, strategy: "socketpair", files: 7}.String())
	f.Add("")
	f.Add("v3 peer=-1 incarnation=1 wake= files=99999999999999999999")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseOffer(text)
		if err != nil {
			return
		}
		again, err := parseOffer(p.String())
		if err != nil || again != p {
			t.Fatalf("%q is read as %+v, and that as %+v, %v", text, p, again, err)
		}
	})
}

// seedDescriptors are descriptors of every kind, sound and not.
func seedDescriptors(f *testing.F) {
	seed := func(edit func(d *ring.Descriptor)) {
		var d ring.Descriptor
		edit(&d)
		f.Add(d[:], uint8(1))
	}
	header := transport.Header{Op: 1, Flags: 2, Stream: 3, Arg: 4}
	seed(func(d *ring.Descriptor) { encodeInline(d, header, 48) })
	seed(func(d *ring.Descriptor) { encodeInline(d, header, 255) })
	for _, kind := range []uint8{kindSlot, kindPiece, kindLast, kindAbort, 200} {
		seed(func(d *ring.Descriptor) {
			encodeReference(d, header, kind, reference{ref: 1 << 32, length: 64, group: 1, total: 64})
		})
		seed(func(d *ring.Descriptor) {
			encodeReference(d, header, kind, reference{ref: 200<<24 | 0xffffff, length: -1, group: 1, total: 1<<64 - 1})
		})
	}
}

// Whatever descriptors a peer pushes, the host delivers only what lies within a
// slot that the peer has sent, or ends the link.
func FuzzDescriptors(f *testing.F) {
	h, err := Create(Options{Peers: 2, Cells: 16, Classes: []slot.Class{{Size: 64, Count: 64, Reserve: 4}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = h.Close() })
	seedDescriptors(f)
	f.Fuzz(func(t *testing.T, data []byte, sent uint8) {
		host, far, err := h.Pair("fuzz")
		if err != nil {
			t.Fatal(err)
		}
		a, b := host.(*Link), far.(*Link)
		a.Start(func(frame *transport.Frame) {
			if len(frame.Payload) > 64*64 {
				t.Errorf("a payload of %d bytes", len(frame.Payload))
			}
			for i := range frame.Payload { // all of it can be read
				_ = frame.Payload[i]
			}
		})
		var refs []slot.Ref
		for range sent % 8 {
			ref, ok := b.view.pool.Alloc(b.slots.party(), 64)
			if !ok {
				t.Fatal("the pool leaks")
			}
			if err := b.view.pool.Send(ref); err != nil {
				t.Fatal(err)
			}
			refs = append(refs, ref)
		}
		b.sender.turn <- struct{}{}
		for len(data) > 0 {
			var d ring.Descriptor
			n := copy(d[:], data)
			data = data[n:]
			if d[3]&0x80 != 0 && len(refs) > 0 && d[2] != kindInline { // name a slot that is really there
				binary.NativeEndian.PutUint64(d[16:], uint64(refs[int(d[3])%len(refs)]))
			}
			if ok, err := b.sender.producer.TryPush(&d); !ok || err != nil {
				break
			}
		}
		b.sender.giveTurn()
		b.bells.ringPeer()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		<-a.Done() // closed or corrupt
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		a.slots.reap()
		for _, u := range h.Usage() {
			if u.Filling+u.Held > 0 {
				t.Fatalf("slots are left behind: %+v", u)
			}
		}
	})
}

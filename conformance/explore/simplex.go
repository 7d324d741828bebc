//go:build explore

package explore

import (
	"fmt"

	"ddc/ring"
)

// simplex is a ring from one process to another, with a doorbell for each.
type simplex struct {
	p        *processes
	name     string
	from, to string
	page     *ring.Page
	producer *ring.Producer
	consumer *ring.Consumer
	// frames wakes the consumer, space the producer.
	frames, space *bell
	received      int
	consumerCells []ring.Descriptor
}

func (p *processes) simplex(from, to string, cells int) *simplex {
	l := &simplex{p: p, name: from + ">" + to, from: from, to: to, page: new(ring.Page)}
	memory := make([]ring.Descriptor, cells)
	for i := range memory {
		p.w.Memory(fmt.Sprintf("cell %d of %s", i, l.name), memory[i][:])
	}
	// Indices begin near their wrap-around.
	const begin = 1<<64 - 2
	l.page.Produced.Store(begin)
	l.page.Consumed.Store(begin)
	p.w.Name(&l.page.Produced, "produced."+l.name)
	p.w.Name(&l.page.Consumed, "consumed."+l.name)
	p.w.Name(&l.page.Starved, "starved."+l.name)
	var err error
	l.producer, err = ring.NewProducer(l.page, memory)
	p.w.Must(err)
	l.consumerCells = memory
	l.consumer, err = ring.NewConsumer(l.page, memory)
	p.w.Must(err)
	l.frames = p.bell("frames."+l.name, to, func() bool { return !l.consumer.Empty() }, from)
	l.space = p.bell("space."+l.name, from, l.producer.HasRoom, to)
	return l
}

// frame is the nth descriptor: the same number in each of its bytes, so that a
// torn one shows.
func frame(n int) (d ring.Descriptor) {
	for i := range d {
		d[i] = byte(n)
	}
	return d
}

// push sends the nth frame, and waits for room where there is none.
func (l *simplex) push(n int) {
	d := frame(n)
	for {
		ok, err := l.producer.TryPush(&d)
		if err != nil {
			l.p.w.Failf(Index, "push to %s: %v", l.name, err)
		}
		if ok {
			break
		}
		// Each look announces anew: package ring says why.
		l.space.await(l.p.w, l.from, l.producer.AnnounceStarved)
	}
	l.p.w.Must(l.frames.ends[l.from].Ring())
}

// pop receives what is there, up to two frames, and says how many.
func (l *simplex) pop() int {
	var batch [2]ring.Descriptor
	n, err := l.consumer.TryPop(batch[:])
	if err != nil {
		l.p.w.Failf(Index, "pop from %s: %v", l.name, err)
	}
	for _, d := range batch[:n] {
		l.received++
		if d != frame(l.received) {
			l.p.w.Failf(Frame, "%s received %v as frame %d", l.to, d[:8], l.received)
		}
	}
	if n > 0 && l.consumer.TakeStarved() {
		l.p.w.Must(l.space.ends[l.to].Ring())
	}
	return n
}

// await sleeps until there is a frame.
func (l *simplex) await() {
	l.frames.await(l.p.w, l.to, func() bool { return !l.consumer.Empty() })
}

// send sends frames 1 to n.
func (l *simplex) send(n int) {
	for i := range n {
		l.push(i + 1)
	}
}

// receive receives n frames.
func (l *simplex) receive(n int) {
	for l.received < n {
		l.await()
		l.pop()
	}
}

// drained claims, once all is over, that nothing is left in the ring.
func (l *simplex) drained() {
	l.p.w.Finally(func() {
		if l.page.Len() != 0 {
			l.p.w.Failf(Index, "%d frames are left in the ring %s", l.page.Len(), l.name)
		}
	})
}

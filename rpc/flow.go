package rpc

import (
	"context"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/transport"
)

const (
	// windowSize is the credit that either side of a new stream has, in bytes.
	windowSize = 1 << 20
	// messageCost is charged for each message beside its length. Without it
	// empty messages would be free, but the receiver has to queue them too.
	messageCost = 64
)

// flow is what one end of a stream has beside a unary call, whose messages
// travel with the call and its reply.
type flow struct {
	packet packet // of the goroutine that sends
	window credit
	in     inbox
}

func (f *flow) open() {
	f.window.open()
	f.in.open()
}

// credit is the sender's half of flow control: how much may still be sent on
// one stream. A message may be sent while any credit is left, whatever its
// size. The credit may become negative, so that a message larger than the
// window gets through. One goroutine at a time takes, as gRPC asks of callers
// of SendMsg; the pump grants.
type credit struct {
	mu    sync.Mutex
	left  int64
	ended error
	more  chan struct{} // holds a token when left or ended has changed
}

func (c *credit) open() {
	c.left, c.more = windowSize, make(chan struct{}, 1)
}

// take waits until a message of n bytes may be sent, the stream ends or ctx
// does. Once ctx is over no message may be sent, whatever credit is left.
func (c *credit) take(ctx context.Context, n int) error {
	for {
		over := ctx.Err()
		c.mu.Lock()
		ended, enough := c.ended, c.left > 0
		if ended == nil && over == nil && enough {
			c.left -= int64(n + messageCost)
		}
		c.mu.Unlock()
		switch {
		case ended != nil: // says more, where both came
			return ended
		case over != nil:
			return status.FromContextError(over).Err()
		case enough:
			return nil
		}
		select {
		case <-c.more:
		case <-ctx.Done():
		}
	}
}

func (c *credit) grant(n uint64) {
	c.mu.Lock()
	c.left += int64(min(n, 1<<40)) // a bound that keeps a mad peer from wrapping it
	c.mu.Unlock()
	token(c.more)
}

// end makes every take return err, from now on.
func (c *credit) end(err error) {
	c.mu.Lock()
	if c.ended == nil {
		c.ended = err
	}
	c.mu.Unlock()
	token(c.more)
}

// token makes sure that c, of capacity one, holds a token.
func token(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// inbox is the receiver's half: the messages of one stream that nobody has read
// yet. The pump pushes and never waits; one goroutine at a time pops. A message
// that finds its reader parked keeps its lease, since it is about to be read;
// any other is copied, so that a slow reader occupies no slot.
type inbox struct {
	mu     sync.Mutex
	queue  []transport.Lease
	first  int   // of queue, which is used again once it is empty
	parked bool  // a reader waits, and nothing has been queued for it yet
	ended  error // what pop returns once queue is empty
	room   int64 // the credit that the sender has left, as seen from here
	owed   int64 // read, but not granted back
	ready  chan struct{}
}

func (b *inbox) open() {
	b.room, b.ready = windowSize, make(chan struct{}, 1)
}

// errOverrun ends a stream whose sender ignores its credit.
var errOverrun = status.Error(codes.Internal, "the peer sent more than its credit allows")

// push queues the payload of f from offset on. It is for the pump.
func (b *inbox) push(f *transport.Frame, offset int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended != nil {
		return nil // nobody will read it
	}
	if b.room <= 0 {
		return errOverrun
	}
	b.room -= int64(len(f.Payload) - offset + messageCost)
	var message transport.Lease
	if b.parked {
		message = f.Keep()
		message.Payload = message.Payload[offset:]
		b.parked = false
	} else {
		message.Payload = append([]byte(nil), f.Payload[offset:]...)
	}
	b.queue = append(b.queue, message)
	token(b.ready)
	return nil
}

// pop waits for a message, the stream's end or ctx. The caller releases the
// message, and posts the credit if it is not zero.
func (b *inbox) pop(ctx context.Context) (message transport.Lease, grant uint64, err error) {
	cancelled := false
	for {
		b.mu.Lock()
		if b.first < len(b.queue) {
			message, grant = b.shift()
			b.mu.Unlock()
			return message, grant, nil
		}
		if b.ended != nil || cancelled {
			err = b.ended
			b.parked = false
			b.mu.Unlock()
			if err == nil {
				err = status.FromContextError(ctx.Err()).Err()
			}
			return transport.Lease{}, 0, err
		}
		b.parked = true
		b.mu.Unlock()
		select {
		case <-b.ready:
		case <-ctx.Done():
			// Look once more: a message that arrived meanwhile may hold a
			// lease.
			cancelled = true
		}
	}
}

// shift takes the first message, and counts the credit that it gives back to
// the sender.
func (b *inbox) shift() (message transport.Lease, grant uint64) {
	message = b.queue[b.first]
	b.queue[b.first] = transport.Lease{}
	if b.first++; b.first == len(b.queue) {
		b.queue, b.first = b.queue[:0], 0
	}
	if b.owed += int64(len(message.Payload) + messageCost); b.owed >= windowSize/2 && b.ended == nil {
		grant = uint64(b.owed)
		b.room += b.owed
		b.owed = 0
	}
	return message, grant
}

// end makes pop return err once what is queued has been read.
func (b *inbox) end(err error) {
	b.mu.Lock()
	if b.ended == nil {
		b.ended = err
	}
	b.mu.Unlock()
	token(b.ready)
}

// abandon is end, and drops the queued messages.
func (b *inbox) abandon(err error) {
	b.mu.Lock()
	if b.ended == nil {
		b.ended = err
	}
	queue := b.queue[b.first:]
	b.queue, b.first = nil, 0
	b.mu.Unlock()
	for i := range queue {
		queue[i].Release()
	}
	token(b.ready)
}

// why says what the inbox was ended with: nil before it was.
func (b *inbox) why() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

package rpc

import (
	"context"
	"errors"
	"sync"

	"ddc/transport"
)

// outbox sends frames for those who must not wait: the pump, and callers whose
// context is done. Such frames have no payload. Their number is bounded by what
// caused them: one cancellation for each call, one credit for each half window.
type outbox struct {
	link transport.Link

	mu    sync.Mutex
	queue []transport.Header
	ready chan struct{} // holds a token when queue may not be empty

	ctx   context.Context
	stop  context.CancelCauseFunc
	ended chan struct{}
}

// newOutbox makes an outbox; run sends what is posted.
func newOutbox(link transport.Link) *outbox {
	o := &outbox{link: link, ready: make(chan struct{}, 1), ended: make(chan struct{})}
	o.ctx, o.stop = context.WithCancelCause(context.Background())
	return o
}

// post never blocks.
func (o *outbox) post(h transport.Header) {
	o.mu.Lock()
	o.queue = append(o.queue, h)
	o.mu.Unlock()
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// errGoodOrder is the cause of a breakLink in good order.
var errGoodOrder = errors.New("closed in good order")

// breakLink makes the link close, and does not wait for it. Any goroutine may
// call it, the pump included. The first cause counts.
func (o *outbox) breakLink(cause error) { o.stop(cause) }

// cause says why breakLink was called, or nil.
func (o *outbox) cause() error {
	if cause := context.Cause(o.ctx); !errors.Is(cause, errGoodOrder) {
		return cause
	}
	return nil
}

// run sends until the link ends or is broken, and leaves it closed.
func (o *outbox) run() {
	defer close(o.ended)
	defer o.link.Close() //nolint:errcheck // there is nobody to tell but the log, and the link says why it ended
	for o.sendQueued() {
		select {
		case <-o.ready:
		case <-o.ctx.Done():
		case <-o.link.Done():
			return
		}
	}
}

// sendQueued sends what is queued, and reports whether the link can still be
// used.
func (o *outbox) sendQueued() bool {
	o.mu.Lock()
	queue := o.queue
	o.queue = nil
	o.mu.Unlock()
	for _, h := range queue {
		if o.link.Send(o.ctx, h, nil) != nil {
			break // the link has ended or ctx is done: run looks at both
		}
	}
	return o.ctx.Err() == nil
}

package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/subject"
	"ddc/rpc"
	"ddc/transport"
)

// everyone is all the room for a plugin's calls. A call takes one unit, so that
// calls run together; a call that takes everything runs alone.
const everyone = 1 << 30

// hungAttempts is how often a call may find its plugin hung. It is less than
// how often it may find it dead, since each such attempt lasts as long as the
// call may take.
const hungAttempts = 2

// errHung is the cause of a run that was killed because it did not answer.
type errHung struct {
	method string
	about  string // what the call works on, "" where nobody has said
	stream bool   // then after is how long no message passed
	after  time.Duration
	waits  string // which processes the plugin may have waited for
	worked time.Duration
}

// busyPart is the part of its time that a plugin must have had a processor for,
// or waited for one, to count as one that works. One that hangs does neither;
// one that works may wait for a disk too.
const busyPart = 4

// busy says whether the plugin worked rather than hung.
func (e errHung) busy() bool { return e.worked >= e.after/busyPart }

func (e errHung) Error() string {
	text := e.method
	if e.about != "" {
		text += " for " + e.about
	}
	if e.stream {
		text += fmt.Sprintf(" had no message in either direction for %v", e.after)
	} else {
		text += fmt.Sprintf(" was not answered within %v", e.after)
	}
	if e.waits != "" {
		text += "; the plugin " + e.waits
	}
	return text
}

// Invoke makes a unary call. If the plugin dies during the call, Invoke makes
// it again, on another of its processes if it has any, up to Options.Attempts
// times in all; if the plugin hangs, once more. The last attempt is made while
// no other call of the process is under way. If it dies then, this call killed
// it: the error names the right call, and no other call is lost with it.
func (p *Plugin) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if !p.host.calls.Enter() {
		p.calls.Add(1)
		return p.countError(p.stopped())
	}
	defer p.host.calls.Leave()
	if p.remote != nil {
		p.calls.Add(1)
		return p.countError(p.remote.Invoke(ctx, method, args, reply, opts...))
	}
	last := p.host.options.Attempts
	var on *Plugin // the process that made the last attempt
	for attempt := 1; ; attempt++ {
		now := p.replicas.take(on)
		if on = now.Plugin; attempt == 1 {
			on.calls.Add(1)
		}
		r, err := on.attempt(ctx, attempt > 1 && attempt == last, method, args, reply, opts)
		p.replicas.done(now, r != nil && repeatable(err))
		if err == nil {
			return nil
		}
		if r == nil || !repeatable(err) || attempt >= last || ctx.Err() != nil {
			on.errors.Add(1)
			if attempt > 1 && repeatable(err) {
				return on.givenUp(method, attempt, err)
			}
			return err
		}
		if errors.As(err, new(*hungError)) {
			last = min(last, max(hungAttempts, attempt+1))
		}
		p.host.options.Logger.Warn("plugin is started again, and the call repeated", "plugin", on.name, "method", method, "attempt", attempt, "cause", err)
		if err := awaitEnd(ctx, r, err); err != nil {
			on.errors.Add(1)
			return err
		}
	}
}

func (p *Plugin) countError(err error) error {
	if err != nil {
		p.errors.Add(1)
	}
	return err
}

var errLeaving = errors.New("it takes no calls, and does not end")

// awaitEnd waits until a run has ended, after an error that says that it will.
// Sending fails as soon as a link is about to end. Until it has ended, acquire
// would give the same run, and all attempts would be spent on it at once. A
// plugin that shuts down by itself may finish what is under way, but only
// within a bound, since another process may have forged the message in its
// ring.
func awaitEnd(ctx context.Context, r run, err error) error {
	var late <-chan time.Time
	if errors.Is(err, rpc.ErrShuttingDown) {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case <-r.connection().Done():
			return nil
		case <-late:
			r.kill(errLeaving)
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

// attempt makes a call once. The returned run is nil if there was none to call.
func (p *Plugin) attempt(ctx context.Context, alone bool, method string, args, reply any, opts []grpc.CallOption) (run, error) {
	room := int64(1)
	if alone {
		room = everyone
	}
	if err := p.room.Acquire(ctx, room); err != nil {
		return nil, status.FromContextError(err).Err()
	}
	defer p.room.Release(room)
	r, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	if p.host.options.Local != nil {
		err = p.invokeHere(ctx, r, method, args, reply, opts)
	} else {
		err = p.invokeThere(ctx, r, method, args, reply, opts)
	}
	if !repeatable(err) {
		p.answered()
	} else {
		// The room is kept until the run has ended: the next to have it may
		// make its last attempt, which this run would take.
		_ = awaitEnd(ctx, r, err) // if the caller leaves, Invoke says so
	}
	return r, err
}

// invokeThere calls a plugin in a process, which is killed if it takes too
// long.
func (p *Plugin) invokeThere(ctx context.Context, r run, method string, args, reply any, opts []grpc.CallOption) error {
	a := p.patience.begin(r, method, subject.Of(ctx))
	err := r.connection().Invoke(ctx, method, args, reply, opts...)
	killForExcess(r, err)
	if p.patience.end(a) && (err == nil || lost(err)) {
		// The answer may also have come, and taken too long to decode. Other
		// calls of this run see a death like any other.
		return &hungError{plugin: p.name, errHung: a.hung}
	}
	return err
}

// invokeHere calls a service in this process. A handler that takes too long
// cannot be killed, so it is left running.
func (p *Plugin) invokeHere(ctx context.Context, r run, method string, args, reply any, opts []grpc.CallOption) error {
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a := p.patience.begin(abandoned(cancel), method, subject.Of(ctx))
	err := r.connection().Invoke(limited, method, args, reply, opts...)
	if p.patience.end(a) && status.Code(err) == codes.Canceled {
		return status.Errorf(codes.DeadlineExceeded, "plugin %s: %v", p.name, a.hung)
	}
	return err
}

// abandoned ends a call whose service can't be killed.
type abandoned context.CancelCauseFunc

func (cancel abandoned) kill(cause error) { cancel(cause) }

// hungError is the error of the call that its plugin did not answer in time.
// The plugin's other calls get the link's end.
type hungError struct {
	errHung
	plugin string
}

// Unwrap makes it an errHung, and a death of the plugin.
func (e *hungError) Unwrap() []error { return []error{e.errHung, transport.ErrPeerDead} }

// GRPCStatus is the call's status if it is not repeated.
func (e *hungError) GRPCStatus() *status.Status {
	return status.Newf(codes.Unavailable, "plugin %s was killed: %v", e.plugin, e.errHung)
}

// startError is the error of a call whose plugin could not be started.
type startError struct {
	plugin string
	error
}

func (e *startError) Error() string { return fmt.Sprintf("start plugin %s: %v", e.plugin, e.error) }
func (e *startError) Unwrap() error { return e.error }

// GRPCStatus is the call's status.
func (e *startError) GRPCStatus() *status.Status { return status.New(codes.Unavailable, e.Error()) }

// CallTimeout is how long an attempt of a plugin's call may take, and how long
// a stream may wait for a message.
func (h *Host) CallTimeout(name string) time.Duration {
	if limit, ok := h.options.CallTimeoutOf[baseOf(name)]; ok {
		return limit
	}
	return h.options.CallTimeout
}

// repeatable says whether a call may be made again on the plugin's next run.
func repeatable(err error) bool {
	return (lost(err) || errors.Is(err, rpc.ErrShuttingDown)) && !errors.Is(err, ErrNeverAttached) && !errors.Is(err, ErrVersions)
}

// lost says whether a call failed because its link ended under it.
func lost(err error) bool {
	return errors.Is(err, transport.ErrPeerDead) || errors.Is(err, transport.ErrCorrupt) || errors.Is(err, transport.ErrClosed)
}

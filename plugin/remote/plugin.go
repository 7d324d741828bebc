package remote

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"ddc/internal/subject"
	"ddc/rpc"
	"ddc/rpc/stock"
	"ddc/transport"
)

// Plugin makes the calls of one plugin. It is a grpc.ClientConnInterface of
// unary calls.
type Plugin struct {
	conn  *Conn
	name  string
	tools string        // of all workers that may answer
	limit time.Duration // of an attempt; 0 is none
	pause time.Duration // after the first attempt, twice that after the next
	calls stock.Calls

	in, out atomic.Uint64 // bytes of messages
}

var _ grpc.ClientConnInterface = (*Plugin)(nil)

// Each call carries these, so that a worker that came later refuses a call that
// it does not fit.
const (
	programKey = "ddc-program"
	toolsKey   = "ddc-tools"
	// subjectKey is what the call works on, for the worker's log.
	subjectKey = "ddc-subject-bin"
)

// pushback is the trailer by which a server forbids to make a call again.
const pushback = "grpc-retry-pushback-ms"

// How often a call is made if no worker is there, or each one ends under it,
// and how often if nothing is answered in time. gRPC makes each attempt up to
// five times by itself, but none whose answer has begun to come.
const (
	attempts     = 5
	lateAttempts = 2
	firstPause   = 500 * time.Millisecond
)

// Target is where its workers are.
func (p *Plugin) Target() string { return p.conn.target }

// Tools is the digest of the external programs that it drives, or "" for none.
func (p *Plugin) Tools() string { return p.tools }

// Calls lists the calls under way, oldest first.
func (p *Plugin) Calls() []rpc.Call { return p.calls.List() }

// Stats counts the bytes of messages.
func (p *Plugin) Stats() transport.Stats {
	return transport.Stats{BytesIn: p.in.Load(), BytesOut: p.out.Load()}
}

// Invoke makes a unary call. If its worker ends, or nothing is answered in
// time, it is made again elsewhere. A call without any worker is given up after
// some ten seconds.
func (p *Plugin) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	defer p.calls.Begin(method)()
	most := attempts
	for attempt := 1; ; attempt++ {
		err, again := p.attempt(ctx, method, args, reply, opts)
		if !again || ctx.Err() != nil {
			return err
		}
		if status.Code(err) == codes.DeadlineExceeded {
			most = min(most, max(lateAttempts, attempt))
		}
		if attempt >= most {
			s := status.Convert(err)
			return status.Errorf(s.Code(), "plugin %s on %s: given up after %d attempts: %s", p.name, p.conn.target, attempt, s.Message())
		}
		timer := time.NewTimer(p.pause << (attempt - 1))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

// attempt makes a call once, as far as gRPC lets us see. again says whether it
// may be made again.
func (p *Plugin) attempt(ctx context.Context, method string, args, reply any, opts []grpc.CallOption) (err error, again bool) {
	limited, begun := ctx, time.Now()
	if p.limit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, p.limit)
		defer cancel()
	}
	o := &p.conn.options
	most := o.MaxMessage
	if o.Replies != nil {
		most = cmp.Or(o.Replies(method).Bytes, most)
	}
	var trailer metadata.MD
	var answered peer.Peer
	said := context.WithValue(metadata.AppendToOutgoingContext(limited,
		programKey, o.Identity.Program, toolsKey, p.tools, subjectKey, subject.Of(ctx)), counted{}, p)
	err = p.conn.grpc.Invoke(said, method, args, reply, append([]grpc.CallOption{
		grpc.MaxCallSendMsgSize(o.MaxMessage), grpc.MaxCallRecvMsgSize(most), grpc.MaxRetryRPCBufferSize(o.MaxMessage),
		grpc.Trailer(&trailer), grpc.Peer(&answered),
	}, opts...)...)
	switch status.Code(err) {
	case codes.OK, codes.InvalidArgument, codes.Canceled: // the site's fault, which names a file, or nobody's
		return err, false
	case codes.DeadlineExceeded:
		// The worker has the same limit, and may be the first to say so.
		again = p.limit > 0 && time.Since(begun) >= p.limit-p.limit/10
	case codes.Unavailable:
		again = len(trailer.Get(pushback)) == 0
	}
	return from(answered, err), again
}

// from adds to an error which worker it came from, if that is known.
func from(answered peer.Peer, err error) error {
	if answered.Addr == nil {
		return err
	}
	s := status.Convert(err).Proto()
	s.Message = "worker " + answered.Addr.String() + ": " + s.Message
	return status.ErrorProto(s)
}

// NewStream refuses: a stream cannot be repeated on another worker.
func (p *Plugin) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Errorf(codes.Unimplemented, "plugin %s on %s: a remote plugin has unary calls only", p.name, p.conn.target)
}

// counted is the context's key for the plugin whose bytes are counted.
type counted struct{}

// counter is a stats.Handler that counts the bytes of plugins' messages.
type counter struct{}

func (counter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (counter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (counter) HandleConn(context.Context, stats.ConnStats)                       {}

func (counter) HandleRPC(ctx context.Context, s stats.RPCStats) {
	p, ok := ctx.Value(counted{}).(*Plugin)
	if !ok {
		return
	}
	switch s := s.(type) {
	case *stats.InPayload:
		p.in.Add(uint64(s.WireLength))
	case *stats.OutPayload:
		p.out.Add(uint64(s.WireLength))
	}
}

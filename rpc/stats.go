package rpc

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
)

// handlers all hear the same, in turn.
type handlers []stats.Handler

// connBegan tells of a link that begins, and returns the context for the link's
// calls.
func (h handlers) connBegan(ctx context.Context, client bool, remote, local net.Addr) context.Context {
	for _, handler := range h {
		ctx = handler.TagConn(ctx, &stats.ConnTagInfo{RemoteAddr: remote, LocalAddr: local})
		handler.HandleConn(ctx, &stats.ConnBegin{Client: client})
	}
	return ctx
}

func (h handlers) connEnded(ctx context.Context, client bool) {
	for _, handler := range h {
		handler.HandleConn(ctx, &stats.ConnEnd{Client: client})
	}
}

// watch tells the stats handlers of one call, at one of its ends. A nil watch
// tells nobody. It runs on the goroutines of the caller and the handler, never
// on the pump, which a slow handler would hold up. So they hear of what the
// server sent only when the caller reads it.
type watch struct {
	handlers handlers
	ctx      context.Context
	client   bool
	begun    time.Time
	// Each header is reported once.
	inHeader, outHeader atomic.Bool
}

func (h handlers) tag(ctx context.Context, method string, failFast bool) context.Context {
	for _, handler := range h {
		ctx = handler.TagRPC(ctx, &stats.RPCTagInfo{FullMethodName: method, FailFast: failFast})
	}
	return ctx
}

// watchCall begins to tell of a call. ctx has been tagged.
func (h handlers) watchCall(ctx context.Context, client bool) *watch {
	return &watch{handlers: h, ctx: ctx, client: client, begun: time.Now()}
}

func (w *watch) tell(s stats.RPCStats) {
	for _, handler := range w.handlers {
		handler.HandleRPC(w.ctx, s)
	}
}

func (w *watch) begin(clientStream, serverStream bool) {
	if w != nil {
		w.tell(&stats.Begin{Client: w.client, BeginTime: w.begun, IsClientStream: clientStream, IsServerStream: serverStream})
	}
}

func (w *watch) sentHeader(method string, md metadata.MD, remote, local net.Addr) {
	if w != nil && w.outHeader.CompareAndSwap(false, true) {
		w.tell(&stats.OutHeader{Client: w.client, FullMethod: method, Header: md, RemoteAddr: remote, LocalAddr: local})
	}
}

// gotHeader tells the server's stats handlers of the metadata that came with
// the call.
func (w *watch) gotHeader(method string, md metadata.MD, remote, local net.Addr) {
	if w != nil && w.inHeader.CompareAndSwap(false, true) {
		w.tell(&stats.InHeader{Client: w.client, FullMethod: method, Header: md, RemoteAddr: remote, LocalAddr: local})
	}
}

func (w *watch) sent(message any, size int) {
	if w != nil {
		w.tell(&stats.OutPayload{Client: w.client, Payload: message, Length: size, CompressedLength: size, WireLength: size, SentTime: time.Now()})
	}
}

func (w *watch) got(message any, size int) {
	if w != nil {
		w.tell(&stats.InPayload{Client: w.client, Payload: message, Length: size, CompressedLength: size, WireLength: size, RecvTime: time.Now()})
	}
}

func (w *watch) gotTrailer(md metadata.MD) {
	if w != nil {
		w.tell(&stats.InTrailer{Client: w.client, Trailer: md})
	}
}

func (w *watch) sentTrailer(md metadata.MD) {
	if w != nil {
		w.tell(&stats.OutTrailer{Client: w.client, Trailer: md})
	}
}

func (w *watch) end(trailer metadata.MD, err error) {
	if w == nil {
		return
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	w.tell(&stats.End{Client: w.client, BeginTime: w.begun, EndTime: time.Now(), Trailer: trailer, Error: err})
}

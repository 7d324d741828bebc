package grpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/internal/await"
)

// metadatas are what requests, headers and trailers are made of.
var metadatas = []struct {
	md  metadata.MD
	bad bool
}{
	{},
	{md: metadata.MD{"a": {"1"}}},
	{md: metadata.MD{"a": {"2", "3", "2"}, "b-bin": {"\x00\xff", ""}}},
	{md: metadata.MD{"te": {"x"}, "grpc-status": {"5"}, "a": {"4"}}},
	{md: metadata.MD{"a": {" padded ", ""}, "own": {strings.Repeat("long ", 200)}}},
	{md: metadata.MD{}},
	{md: metadata.MD{"a": nil}},
	{md: metadata.MD{"Bad Key": {"x"}}, bad: true},
	{md: metadata.MD{"bad": {"a\nb"}}, bad: true},
}

// replySize is that of the reply of a unary method.
const replySize = 3

// returns are what handlers return.
var returns = []struct{ err error }{
	{},
	{status.Error(codes.NotFound, "app: not found")},
	{status.Error(codes.Aborted, "")},
	{status.Error(codes.Code(17), "app: a code of no name")},
	{status.Error(codes.Code(4711), "app: one of no name at all")},
	{detailed()},
	{fmt.Errorf("app: wrapped: %w", status.Error(codes.DataLoss, "app: lost"))},
	{errors.New("app: plain")},
	{context.Canceled},
	{context.DeadlineExceeded},
	{fmt.Errorf("app: wrapped: %w", context.DeadlineExceeded)},
	{io.EOF},
	{io.ErrUnexpectedEOF},
	{status.Error(codes.Canceled, "app: by itself")},
	{status.Error(codes.Unavailable, "app: try later\n\ttabs, 100% and ☺")},
}

func detailed() error {
	s, err := status.New(codes.FailedPrecondition, "app: with details").WithDetails(&errdetails.ErrorInfo{Reason: "why"}, &errdetails.ErrorInfo{Reason: "and"})
	if err != nil {
		return err
	}
	return s.Err()
}

// runner runs programs over one connection.
type runner struct {
	carrier
	e       *ends
	stats   [2]*recorder // of the client and the handler
	current atomic.Pointer[execution]
}

func newRunner(t *testing.T, c carrier) *runner {
	r := &runner{carrier: c}
	r.connect(t)
	return r
}

// connect makes a new connection.
func (r *runner) connect(t *testing.T) {
	r.stats = [2]*recorder{client: {}, handler: {}}
	r.e = r.open(t, setup{clientStats: r.stats[client], serverStats: r.stats[handler], maxMessage: atMost, register: func(srv server) { srv.RegisterService(r.service(), nil) }})
}

func (r *runner) service() *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: "ddc.program.Program"}
	for _, k := range kinds {
		if k.unary {
			desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: k.name, Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				return r.current.Load().handle(&unarySide{ctx, decode})
			}})
			continue
		}
		desc.Streams = append(desc.Streams, grpc.StreamDesc{StreamName: k.name, ClientStreams: k.clientStreams, ServerStreams: k.serverStreams, Handler: func(_ any, stream grpc.ServerStream) error {
			_, err := r.current.Load().handle(stream)
			return err
		}})
	}
	return desc
}

// serverSide is what a handler can do. It is a grpc.ServerStream.
type serverSide interface {
	Context() context.Context
	SetHeader(metadata.MD) error
	SendHeader(metadata.MD) error
	SetTrailer(metadata.MD)
	SendMsg(any) error
	RecvMsg(any) error
}

// unarySide is that of a unary method.
type unarySide struct {
	ctx    context.Context
	decode func(any) error
}

func (u *unarySide) Context() context.Context        { return u.ctx }
func (u *unarySide) SetHeader(md metadata.MD) error  { return grpc.SetHeader(u.ctx, md) }
func (u *unarySide) SendHeader(md metadata.MD) error { return grpc.SendHeader(u.ctx, md) }
func (u *unarySide) SetTrailer(md metadata.MD)       { _ = grpc.SetTrailer(u.ctx, md) }
func (u *unarySide) SendMsg(any) error               { panic("a unary method sends by returning") }
func (u *unarySide) RecvMsg(m any) error             { return u.decode(m) }

// task is a step on its way to the end that takes it.
type task struct {
	step
	at int // its place in the program
}

// execution is a program that runs.
type execution struct {
	program
	ctx     context.Context
	end     func() // of ctx
	stream  grpc.ClientStream
	began   chan struct{} // the handler has
	left    chan struct{} // the client has
	work    [2]chan task
	results [2]chan string
	busy    [2]int // the step that each is at, or -1
	seen    []string

	header, trailer metadata.MD
	mu              sync.Mutex
	finishes        []string
}

// lateContext ends as one does whose deadline has passed.
type lateContext struct {
	context.Context
	over chan struct{}
}

func (l *lateContext) Done() <-chan struct{} { return l.over }
func (l *lateContext) Value(key any) any     { return nil }
func (l *lateContext) Err() error {
	select {
	case <-l.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// run runs p, and says what each step saw.
func (r *runner) run(t *testing.T, p program) []string {
	x := &execution{program: p, began: make(chan struct{}), left: make(chan struct{}), busy: [2]int{-1, -1}, seen: make([]string, len(p.steps)+1)}
	for i := range x.work {
		x.work[i], x.results[i] = make(chan task, 1), make(chan string, 1)
	}
	x.ctx, x.end = context.WithCancel(t.Context())
	if p.late {
		over := make(chan struct{})
		x.ctx, x.end = &lateContext{t.Context(), over}, sync.OnceFunc(func() { close(over) })
	}
	r.current.Store(x)
	m := newModel(p)
	sound := x.begin(r.e) && x.follow(m)
	x.end()
	close(x.work[client])
	close(x.work[handler])
	if !sound {
		r.connect(t) // the old one is closed when the test ends
		return x.seen
	}
	await.Closed(t, "the client's end of "+p.String(), x.left)
	served := r.stats[handler].take(t, "server")
	if m.finished && !m.excess && !m.spoilt {
		await.Until(t, "OnFinish", func() bool { return len(x.ends()) > 0 })
		header := ""
		if !m.headerRacy {
			header = shown(x.header)
		}
		x.seen = append(x.seen, fmt.Sprint("OnFinish ", x.ends()), "header "+header, "trailer "+shown(x.trailer))
	}
	if m.finished && !m.excess {
		x.seen = append(x.seen, served...)
		if !m.spoilt && !m.headerRacy && !m.brokenUpstream {
			both := directions(r.stats[client].take(t, "client"))
			x.seen = append(append(x.seen, both.out...), both.in...)
		}
	}
	return x.seen
}

func (x *execution) ends() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.finishes)
}

// begin makes the call.
func (x *execution) begin(e *ends) bool {
	ctx := x.ctx
	if md := metadatas[x.request]; md.md != nil && !md.bad {
		ctx = metadata.NewOutgoingContext(ctx, md.md)
	}
	options := []grpc.CallOption{grpc.Header(&x.header), grpc.Trailer(&x.trailer), grpc.OnFinish(func(err error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.finishes = append(x.finishes, outcome(err))
	})}
	if x.maxSend > 0 {
		options = append(options, grpc.MaxCallSendMsgSize(x.maxSend))
	}
	if x.maxReceive > 0 {
		options = append(options, grpc.MaxCallRecvMsgSize(x.maxReceive))
	}
	method := "/ddc.program.Program/" + x.method.name
	if x.as.unary {
		x.busy[client] = len(x.steps)
		go func() {
			defer close(x.left)
			got := &packet{}
			err := e.Invoke(ctx, method, &packet{}, got, options...)
			seen := "invoke " + outcome(err)
			if status.Code(err) != codes.Internal { // of two answers grpc-go leaves the second
				seen += " " + received(got, nil) // before an error, too
			}
			x.results[client] <- seen
		}()
	} else {
		var err error
		if x.stream, err = e.NewStream(ctx, &grpc.StreamDesc{ClientStreams: x.as.clientStreams, ServerStreams: x.as.serverStreams}, method, options...); err != nil {
			x.seen[0] = "no stream: " + outcome(err)
			close(x.left)
			return false
		}
		go func() {
			defer close(x.left)
			for t := range x.work[client] {
				x.results[client] <- x.client(t)
			}
		}()
	}
	select {
	case <-x.began:
		return true
	case <-time.After(await.Limit):
		x.seen[0] = hung + " 0: the handler never began"
		return false
	}
}

// hung marks a step that never came back.
const hung = "hung in step"

// follow has the two ends take their steps.
func (x *execution) follow(m *model) bool {
	for at, s := range x.steps {
		if s.what == "cancel" {
			x.end()
			x.seen[at] = "cancelled"
		} else {
			x.busy[s.who] = at
			x.work[s.who] <- task{s, at}
		}
		m.begin(s)
		for who := range x.busy {
			at := x.busy[who]
			if at < 0 || m.pending[who] != nil {
				continue
			}
			select {
			case x.seen[at] = <-x.results[who]:
				x.busy[who] = -1
			case <-time.After(await.Limit):
				x.seen[at] = fmt.Sprintf("%s %d", hung, at)
				return false
			}
		}
	}
	return true
}

// handle is the handler.
func (x *execution) handle(s serverSide) (any, error) {
	close(x.began)
	for t := range x.work[handler] {
		if t.what == "return" {
			x.results[handler] <- "returned"
			return filled(replySize, t.at), returns[t.n].err
		}
		x.results[handler] <- x.handler(s, t)
	}
	return nil, errors.New("given up")
}

func (x *execution) handler(s serverSide, t task) string {
	switch t.what {
	case "receive":
		got := &packet{}
		return received(got, s.RecvMsg(got))
	case "receive into no message":
		return outcome(s.RecvMsg(new(string)))
	case "send":
		return outcome(s.SendMsg(filled(t.n, t.at)))
	case "send no message":
		return outcome(s.SendMsg("no message"))
	case "set header":
		return outcome(s.SetHeader(metadatas[t.n].md))
	case "send header":
		return outcome(s.SendHeader(metadatas[t.n].md))
	case "set trailer":
		s.SetTrailer(metadatas[t.n].md)
		return "set"
	case "context":
		md, _ := metadata.FromIncomingContext(s.Context())
		return fmt.Sprint(s.Context().Err(), " ", shown(md))
	case "context's end":
		<-s.Context().Done()
		return s.Context().Err().Error()
	}
	panic(t.what)
}

func (x *execution) client(t task) string {
	switch t.what {
	case "send":
		return outcome(x.stream.SendMsg(filled(t.n, t.at)))
	case "send no message":
		return outcome(x.stream.SendMsg("no message"))
	case "send until it fails":
		for {
			if err := x.stream.SendMsg(&packet{}); err != nil {
				return outcome(err)
			}
			time.Sleep(time.Millisecond) // so as not to fill the window
		}
	case "close":
		return outcome(x.stream.CloseSend())
	case "receive":
		got := &packet{}
		return received(got, x.stream.RecvMsg(got))
	case "receive into no message":
		return outcome(x.stream.RecvMsg(new(string)))
	case "header":
		md, err := x.stream.Header()
		return fmt.Sprint(md == nil, shown(md), outcome(err))
	case "trailer":
		return shown(x.stream.Trailer())
	case "context":
		return fmt.Sprint(x.stream.Context().Err())
	}
	panic(t.what)
}

// filled is a message of n bytes.
func filled(n, at int) *packet {
	p := &packet{}
	for size := n; size > 0 && proto.Size(p) != n; size-- {
		p.Data = make([]byte, size)
		p.Data[0] = byte(at)
	}
	return p
}

// outcome is what an error says that is the same over every connection.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case err == io.EOF: //nolint:errorlint // SendMsg and RecvMsg return it as it is
		return "EOF"
	}
	s, _ := status.FromError(err)
	text := s.Code().String()
	if strings.Contains(s.Message(), "app:") {
		text += fmt.Sprintf(" %q", s.Message())
	}
	if details := s.Details(); len(details) > 0 {
		text += fmt.Sprint(" ", details)
	}
	return text
}

func received(m *packet, err error) string {
	if err != nil {
		return outcome(err)
	}
	n := proto.Size(m)
	if n == 0 {
		return "0 bytes"
	}
	return fmt.Sprintf("%d bytes of step %d", n, m.GetData()[0])
}

// shown is metadata without what the transport adds.
func shown(md metadata.MD) string {
	md = md.Copy()
	for _, own := range []string{"content-type", "grpc-status-details-bin", ":authority", "user-agent", "grpc-accept-encoding"} {
		delete(md, own)
	}
	return fmt.Sprintf("%q", map[string][]string(md))
}

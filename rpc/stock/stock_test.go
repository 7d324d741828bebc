package stock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/internal/sys"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // handlers panic here on purpose
	goleak.VerifyTestMain(await.Watched(m))
}

// service does what a packet's text says.
type service struct {
	rpctestpb.UnimplementedTestServer
	begun chan struct{} // gets a value as a call begins that waits
}

func (s *service) Echo(ctx context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	switch p.Text {
	case "wait":
		s.begun <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	case "panic":
		panic("as told")
	case "busy":
		return nil, status.Error(codes.Unavailable, "come again")
	case "full":
		return nil, status.Error(codes.ResourceExhausted, "the disk is full")
	}
	return p, nil
}

func (s *service) Chat(stream rpctestpb.Test_ChatServer) error {
	for {
		p, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if p.Text == "panic" {
			panic("as told")
		}
		if err := stream.Send(p); err != nil {
			return err
		}
	}
}

// pair is both ends of a connection.
type pair struct {
	rpctestpb.TestClient
	conn    *Conn
	server  *Server
	service *service
	stop    context.CancelFunc // of Serve's context
	served  chan error
}

func connect(t testing.TB, o rpc.ConnOptions, so rpc.ServerOptions) *pair {
	t.Helper()
	return connectFor(t, o, so, time.Hour)
}

func connectFor(t testing.TB, o rpc.ConnOptions, so rpc.ServerOptions, news time.Duration) *pair {
	t.Helper()
	ours, theirs, err := sys.Socketpair()
	require.NoError(t, err)
	o.Name = "plugin echo"
	p := &pair{server: NewServer(so), service: &service{begun: make(chan struct{}, 1)}, served: make(chan error, 1)}
	p.conn, err = newConn(ours, o, news)
	require.NoError(t, err)
	p.TestClient = rpctestpb.NewTestClient(p.conn)
	rpctestpb.RegisterTestServer(p.server, p.service)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.served <- p.server.Serve(ctx, theirs)
	}()
	t.Cleanup(func() {
		assert.NoError(t, p.conn.Close())
		stop()
		<-ended
	})
	return p
}

// waits makes a call that waits in its handler.
func (p *pair) waits(ctx context.Context) chan error {
	answered := make(chan error, 1)
	go func() {
		_, err := p.Echo(ctx, &rpctestpb.Packet{Text: "wait"})
		answered <- err
	}()
	<-p.service.begun
	return answered
}

func TestCallsAndStreamsAreAnswered(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	assert.False(t, p.conn.wire.over())
	for _, n := range []int{0, 100, 5_000_000} {
		answer, err := p.Echo(t.Context(), &rpctestpb.Packet{Number: int64(n), Data: make([]byte, n)})
		require.NoError(t, err)
		assert.Len(t, answer.Data, n)
	}
	assert.True(t, p.conn.Attached())
	assert.GreaterOrEqual(t, p.conn.Stats().BytesIn, uint64(5_000_000))
	stream, err := p.Chat(t.Context())
	require.NoError(t, err)
	for n := range int64(100) {
		require.NoError(t, stream.Send(&rpctestpb.Packet{Number: n}))
		answer, err := stream.Recv()
		require.NoError(t, err)
		assert.Equal(t, n, answer.Number)
	}
	require.NoError(t, stream.CloseSend())
	_, err = stream.Recv()
	assert.Equal(t, io.EOF, err)
	assert.Empty(t, p.conn.Calls())
}

func TestBothEndsListTheCallsUnderWay(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	answered := p.waits(ctx)
	for _, calls := range [][]rpc.Call{p.conn.Calls(), p.server.Calls()} {
		require.Len(t, calls, 1)
		assert.Equal(t, rpctestpb.Test_Echo_FullMethodName, calls[0].Method)
	}
	cancel()
	assert.Equal(t, codes.Canceled, status.Code(<-answered))
	assert.Empty(t, p.conn.Calls())
	await.Until(t, "the handler to end", func() bool { return len(p.server.Calls()) == 0 })
}

// A host repeats a call that is lost, and no other. It must not take what a
// handler says for the connection's end.
func TestOnlyACallWhoseConnectionEndedIsLost(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	_, err := p.Echo(t.Context(), &rpctestpb.Packet{Text: "busy"})
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.NotErrorIs(t, err, transport.ErrPeerDead)
	assert.NotErrorIs(t, err, rpc.ErrShuttingDown)

	cause := errors.New("exit status 7")
	answered := p.waits(t.Context())
	stream, err := p.Chat(t.Context())
	require.NoError(t, err)
	p.conn.PeerDied(cause)
	<-p.conn.Done()
	_, streamed := stream.Recv()
	_, later := p.Echo(t.Context(), &rpctestpb.Packet{})
	for _, err := range []error{<-answered, streamed, later, p.conn.Err()} {
		assert.ErrorIs(t, err, transport.ErrPeerDead)
		assert.ErrorIs(t, err, cause)
		assert.Equal(t, "plugin echo died: exit status 7", status.Convert(err).Message())
		assert.Equal(t, codes.Unavailable, status.Code(err))
	}
}

// The socket ends first, and then somebody says of what its process died.
func TestALostCallWaitsForTheCause(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	answered := p.waits(t.Context())
	p.server.PeerDied(errors.New("as if this end had died"))
	<-p.conn.wire.ended
	select {
	case err := <-answered:
		t.Fatalf("the call knows no cause yet: %v", err)
	case <-p.conn.Done():
		t.Fatal("nobody has said why it ended")
	default:
	}
	p.conn.PeerDied(errors.New("signal: killed"))
	assert.ErrorContains(t, <-answered, "died: signal: killed")
	err := <-p.served
	assert.ErrorIs(t, err, transport.ErrPeerDead)
}

func TestCallsOnAClosedConnAreCanceledAndMayBeRepeated(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	answered := p.waits(t.Context())
	require.NoError(t, p.conn.Close())
	_, later := p.Echo(t.Context(), &rpctestpb.Packet{})
	for _, err := range []error{<-answered, later} {
		assert.Equal(t, codes.Canceled, status.Code(err))
		assert.ErrorIs(t, err, transport.ErrClosed)
	}
	assert.NoError(t, <-p.served, "the other end has closed in good order")
}

func TestAnAnswerOverItsBoundIsExcess(t *testing.T) {
	p := connect(t, rpc.ConnOptions{MaxMessage: 5000, Replies: func(string) rpc.Bounds { return rpc.Bounds{Bytes: 1000} }}, rpc.ServerOptions{})
	_, err := p.Echo(t.Context(), &rpctestpb.Packet{Data: make([]byte, 2000)})
	assert.ErrorIs(t, err, rpc.ErrExcess)
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	assert.ErrorContains(t, err, "plugin echo sent too much in answer to /ddc.rpctest.Test/Echo")
	stream, err := p.Chat(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&rpctestpb.Packet{Data: make([]byte, 2000)}))
	_, err = stream.Recv()
	assert.ErrorIs(t, err, rpc.ErrExcess)

	for _, p2 := range []*rpctestpb.Packet{{Text: "full"}, {Data: make([]byte, 6000)}} { // a handler's, and the sender's own
		_, err = p.Echo(t.Context(), p2)
		assert.Equal(t, codes.ResourceExhausted, status.Code(err))
		assert.NotErrorIs(t, err, rpc.ErrExcess)
	}
}

func TestAServerRefusesARequestOverItsBound(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{Requests: rpc.Bounds{Bytes: 1000}})
	_, err := p.Echo(t.Context(), &rpctestpb.Packet{Data: make([]byte, 2000)})
	assert.Equal(t, codes.ResourceExhausted, status.Code(err))
	_, err = p.Echo(t.Context(), &rpctestpb.Packet{Data: make([]byte, 900)})
	assert.NoError(t, err)
}

func TestAHandlerThatPanicsFailsItsCallAlone(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	_, err := p.Echo(t.Context(), &rpctestpb.Packet{Text: "panic"})
	assert.Equal(t, codes.Internal, status.Code(err))
	assert.ErrorContains(t, err, "/ddc.rpctest.Test/Echo panicked: as told")
	stream, err := p.Chat(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&rpctestpb.Packet{Text: "panic"}))
	_, err = stream.Recv()
	assert.ErrorContains(t, err, "/ddc.rpctest.Test/Chat panicked: as told")
	_, err = p.Echo(t.Context(), &rpctestpb.Packet{})
	assert.NoError(t, err)
}

// A server whose context ends drops its calls: they are lost, and may be made
// again.
func TestServeEndsWithItsContext(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	answered := p.waits(t.Context())
	p.stop()
	assert.ErrorIs(t, <-p.served, context.Canceled)
	p.conn.PeerDied(errors.New("exit status 1"))
	assert.ErrorIs(t, <-answered, transport.ErrPeerDead)
}

// A server that leaves takes no more calls, and its only connection lives on
// for those under way.
func TestACallOnAServerThatLeavesMayBeRepeatedElsewhere(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	answered := p.waits(ctx)
	left := make(chan struct{})
	go func() {
		defer close(left)
		p.server.grpc.GracefulStop()
	}()
	var err error
	await.Until(t, "the server to refuse a call", func() bool {
		_, err = p.Echo(t.Context(), &rpctestpb.Packet{})
		return err != nil
	})
	assert.ErrorIs(t, err, rpc.ErrShuttingDown)
	cancel()
	<-answered
	<-left
}

func TestACallThatIsCancelledWaitsForNoCause(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	p.server.PeerDied(errors.New("as if this end had died"))
	<-p.conn.wire.ended
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := p.Echo(ctx, &rpctestpb.Packet{})
		answered <- err
	}()
	// The call may have had the connection before gRPC saw its end.
	await.Until(t, "gRPC to ask for another connection, or the call to wait for the cause", func() bool {
		return p.conn.leaving.Load() || await.Goroutines("select", "stock.(*Conn).explainEnd(") > 0
	})
	cancel()
	assert.Equal(t, codes.Canceled, status.Code(<-answered))
	p.conn.PeerDied(errors.New("exit status 1"))
}

// The end of the connection and that of the caller's context come at once. gRPC
// tells of the one that it meets first.
func TestACallThatIsCancelledAsItsConnectionEndsIsCancelled(t *testing.T) {
	p := connect(t, rpc.ConnOptions{}, rpc.ServerOptions{})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	lost, busy := status.Error(codes.Unavailable, "connection error"), status.Error(codes.Unavailable, "come again")
	assert.Equal(t, busy, p.conn.explain(over, "", false, busy), "a handler's word stays")
	p.server.PeerDied(errors.New("as if this end had died"))
	await.Closed(t, "the connection's end", p.conn.wire.ended)
	assert.Equal(t, codes.Canceled, status.Code(p.conn.explain(over, "", false, lost)))
	p.conn.PeerDied(errors.New("exit status 1"))
	assert.ErrorIs(t, p.conn.explain(t.Context(), "", false, lost), transport.ErrPeerDead, "nobody has cancelled this one")
}

// A host that has closed counts its descriptors: no Close may return before the
// first has freed it.
func TestTheDescriptorIsFreeWhenAnyCloseReturns(t *testing.T) {
	ours, theirs, err := sys.Socketpair()
	require.NoError(t, err)
	defer theirs.Close() //nolint:errcheck // nothing was written
	w, err := wireOf(ours)
	require.NoError(t, err)
	raw, err := w.Conn.(*net.UnixConn).SyscallConn()
	require.NoError(t, err)
	var path string
	require.NoError(t, raw.Control(func(fd uintptr) { path = fmt.Sprintf("/proc/self/fd/%d", fd) }))
	socket, err := os.Readlink(path)
	require.NoError(t, err)
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = w.Read(make([]byte, 1))
	}()
	go w.Close() //nolint:errcheck // the other says the same
	require.NoError(t, w.Close())
	now, _ := os.Readlink(path)
	assert.NotEqual(t, socket, now)
	<-read
}

// A peer that closes its end and lives on answers nothing any more.
func TestAConnectionThatEndsWithoutADeathIsGivenUp(t *testing.T) {
	p := connectFor(t, rpc.ConnOptions{}, rpc.ServerOptions{}, time.Millisecond)
	answered := p.waits(t.Context())
	p.stop()
	err := <-answered
	assert.ErrorIs(t, err, transport.ErrClosed)
	assert.Equal(t, "plugin echo closed the link", status.Convert(err).Message())
	<-p.conn.Done()
}

func TestAFileThatIsNoSocketIsRefused(t *testing.T) {
	for _, take := range []func(*os.File) error{
		func(f *os.File) error { _, err := NewConn(f, rpc.ConnOptions{}); return err },
		func(f *os.File) error { return NewServer(rpc.ServerOptions{}).Serve(t.Context(), f) },
	} {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		assert.ErrorContains(t, take(f), "take over a socket")
		assert.ErrorIs(t, f.Close(), os.ErrClosed, "it has been closed")
	}
}

func BenchmarkUnary(b *testing.B) {
	p := connect(b, rpc.ConnOptions{}, rpc.ServerOptions{})
	packet := &rpctestpb.Packet{Data: make([]byte, 64)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Echo(b.Context(), packet); err != nil {
			b.Fatal(err)
		}
	}
}

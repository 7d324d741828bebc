package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
	"ddc/transport/inproc"
)

// blocked is a service whose unary calls and chats last until they are
// cancelled.
func blocked() *service {
	return &service{
		echo: func(ctx context.Context, _ *packet) (*packet, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
			<-stream.Context().Done()
			return stream.Context().Err()
		},
	}
}

// startCalls begins a unary call, a stream that receives and one that sends
// without credit, and returns once all three are with their handlers.
func startCalls(t *testing.T, p *peers) (ended chan error, calls int) {
	t.Helper()
	ended = make(chan error, 3)
	go func() {
		_, err := p.client.Echo(context.Background(), &packet{})
		ended <- err
	}()
	receiving, err := p.client.Chat(context.Background())
	require.NoError(t, err)
	go func() {
		_, err := receiving.Recv()
		ended <- err
	}()
	sending, err := p.client.Chat(context.Background())
	require.NoError(t, err)
	go func() {
		for sending.Send(&packet{Data: bytesOf(100_000)}) == nil {
		}
		_, err := sending.Recv()
		ended <- err
	}()
	await.Until(t, "the calls to reach their handlers", func() bool { return len(p.server.Calls()) >= 3 })
	return ended, 3
}

func TestALinkThatEndsFailsEveryCallWithThePeersName(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: blocked(), conn: rpc.ConnOptions{Name: "plugin fonts"}})
		ended, n := startCalls(t, p)
		require.NoError(t, p.link.Close())
		for range n {
			err := <-ended
			assertStatus(t, err, codes.Unavailable, "plugin fonts closed the link")
			assert.ErrorIs(t, err, transport.ErrClosed)
		}
		await.Closed(t, "the connection's end", p.conn.Done())
		assert.ErrorIs(t, p.conn.Err(), transport.ErrClosed)
		_, err := p.client.Echo(t.Context(), &packet{})
		assertStatus(t, err, codes.Unavailable, "plugin fonts closed the link")
		_, err = p.client.Chat(t.Context())
		assertStatus(t, err, codes.Unavailable, "plugin fonts closed the link")
		assert.Empty(t, p.conn.Calls())
		assert.NoError(t, <-p.served, "a link closed in good order is no failure")
	})
}

// dying is a link whose peer dies rather than closes, which is what all its
// methods say: a call may learn of the end by Err or by the frame it is
// sending.
type dying struct{ transport.Link }

func (l dying) Err() error { return died(l.Link.Err()) }

func (l dying) Send(ctx context.Context, h transport.Header, payload []byte) error {
	return died(l.Link.Send(ctx, h, payload))
}

func (l dying) Fill(ctx context.Context, h transport.Header, n int, fill func(buf []byte) error) error {
	return died(l.Link.Fill(ctx, h, n, fill))
}

func died(err error) error {
	if !errors.Is(err, transport.ErrClosed) {
		return err
	}
	return fmt.Errorf("link to fonts: %w (exit status 2)", transport.ErrPeerDead)
}

func TestAPeerThatDiesFailsEveryCallSayingSo(t *testing.T) {
	tr := inproc.New()
	defer tr.Close() //nolint:errcheck // its links have ended
	host, peer, err := tr.Pair("fonts")
	require.NoError(t, err)
	p := connectLinks(t, dying{host}, dying{peer}, setup{service: blocked(), conn: rpc.ConnOptions{Name: "plugin fonts"}})
	ended, n := startCalls(t, p)
	require.NoError(t, peer.Close())
	for range n {
		err := <-ended
		assertStatus(t, err, codes.Unavailable, "plugin fonts died (exit status 2)")
		assert.ErrorIs(t, err, transport.ErrPeerDead)
	}
	assert.ErrorIs(t, <-p.served, transport.ErrPeerDead)
}

func TestClosingAConnectionCancelsCallsOnBothSides(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: blocked(), conn: rpc.ConnOptions{Name: "plugin fonts"}})
		ended, n := startCalls(t, p)
		require.NoError(t, p.conn.Close())
		for range n {
			assertStatus(t, <-ended, codes.Canceled, "the connection to plugin fonts was closed at this end")
		}
		assert.NoError(t, <-p.served)
		assert.Empty(t, p.server.Calls())
		_, err := p.client.Echo(t.Context(), &packet{})
		assert.Error(t, err)
		assert.NoError(t, p.conn.Close(), "a second time")
	})
}

func TestAServerThatIsStoppedCancelsItsHandlersAndWaitsForThem(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		begun, cancelled, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
		p := connect(t, tr, setup{
			conn: rpc.ConnOptions{Name: "plugin fonts"},
			service: &service{echo: func(ctx context.Context, _ *packet) (*packet, error) {
				close(begun)
				<-ctx.Done()
				close(cancelled)
				<-release
				return nil, ctx.Err()
			}},
		})
		ended := make(chan error, 1)
		go func() {
			_, err := p.client.Echo(context.Background(), &packet{})
			ended <- err
		}()
		await.Closed(t, "the handler to begin: a call whose context is over is not made", begun)
		p.stop()
		await.Closed(t, "the handler's context", cancelled)
		// The server is winding down: it says so to whoever calls now, at once.
		_, err := p.client.Echo(t.Context(), &packet{})
		assertStatus(t, err, codes.Unavailable, "plugin fonts is shutting down")
		_, err = p.conn.NewStream(t.Context(), &grpc.StreamDesc{}, echoMethod)
		assertStatus(t, err, codes.Unavailable, "plugin fonts is shutting down")
		select {
		case <-p.served:
			assert.Fail(t, "Serve returned before its handler")
		default:
		}
		close(release)
		assert.ErrorIs(t, <-p.served, context.Canceled)
		assertStatus(t, <-ended, codes.Unavailable, "plugin fonts closed the link")
	})
}

// A client that has been told refuses calls itself, so this one is played by
// hand.
func TestACallThatCrossesTheServersEndIsRefused(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		host, peer, err := tr.Pair("test")
		require.NoError(t, err)
		release := make(chan struct{})
		server := rpc.NewServer(rpc.ServerOptions{})
		rpctestpb.RegisterTestServer(server, &service{chat: func(grpc.BidiStreamingServer[packet, packet]) error {
			<-release
			return nil
		}})
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- server.Serve(ctx, peer) }()
		received := make(chan transport.Header, 2)
		host.Start(func(f *transport.Frame) { received <- f.Header })
		call := func(stream uint32) {
			h := transport.Header{Op: 1, Flags: 1, Stream: stream, Arg: 1 << 48}
			require.NoError(t, host.Send(t.Context(), h, []byte("\x16"+rpctestpb.Test_Chat_FullMethodName)))
		}
		call(1)
		await.Until(t, "the calls to reach their handlers", func() bool { return len(server.Calls()) >= 1 })
		stop()
		assert.Equal(t, transport.Header{Op: 8}, <-received, "go away")
		call(2)
		assert.Equal(t, transport.Header{Op: 7, Flags: 64, Stream: 2, Arg: uint64(codes.Unavailable)}, <-received)
		close(release)
		assert.ErrorIs(t, <-served, context.Canceled)
		await.Closed(t, "the link's end", host.Done())
	})
}

// holding records the frames that Fill is asked to send, and holds the first.
type holding struct {
	transport.Link
	asked chan transport.Header
	open  chan struct{}
	first sync.Once
}

func (l *holding) Fill(ctx context.Context, h transport.Header, n int, fill func([]byte) error) error {
	l.asked <- h
	l.first.Do(func() { <-l.open })
	return l.Link.Fill(ctx, h, n, fill)
}

func TestAMethodsNameIsToldUntilItIsKnownToBeSent(t *testing.T) {
	tr := inproc.New()
	defer tr.Close() //nolint:errcheck // its links have ended
	host, peer, err := tr.Pair("test")
	require.NoError(t, err)
	held := &holding{Link: host, asked: make(chan transport.Header, 3), open: make(chan struct{})}
	p := connectLinks(t, held, peer, setup{})
	echo := func() chan error {
		done := make(chan error, 1)
		go func() {
			_, err := p.client.Echo(context.Background(), &packet{Number: 1})
			done <- err
		}()
		return done
	}
	const named = 1
	first := echo()
	assert.EqualValues(t, named, (<-held.asked).Flags&named)
	second := echo() // would be there first
	assert.EqualValues(t, named, (<-held.asked).Flags&named, "the first call is still on its way")
	close(held.open)
	assert.NoError(t, <-first)
	assert.NoError(t, <-second)
	third := echo()
	assert.Zero(t, (<-held.asked).Flags&named, "an id will do")
	assert.NoError(t, <-third)
}

func TestCallsUnderWayAreListedOldestFirst(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: blocked()})
		const many = 12 // which no table has in order by chance
		for range many {
			_, err := p.client.Chat(t.Context())
			require.NoError(t, err)
		}
		calls := p.conn.Calls()
		require.Len(t, calls, many)
		for i, call := range calls {
			assert.Equal(t, rpctestpb.Test_Chat_FullMethodName, call.Method)
			assert.EqualValues(t, i+1, call.Stream)
			assert.False(t, call.Started.IsZero())
		}
	})
}

func TestAPeerThatBreaksTheProtocolLosesItsLink(t *testing.T) {
	call := func(id uint64) transport.Header { return transport.Header{Op: 1, Flags: 1, Stream: 1, Arg: id << 48} }
	for name, frames := range map[string][]struct {
		h       transport.Header
		payload string
	}{
		"an unknown method id": {{transport.Header{Op: 1, Stream: 1, Arg: 5 << 48}, ""}},
		"a method id too high": {{call(5000), "\x01a"}},
		"an id of two names":   {{call(5), "\x16/ddc.rpctest.Test/Chat\x00"}, {call(5), "\x16/ddc.rpctest.Test/Echo\x00"}},
		"a section cut short":  {{call(5), "\x7fa"}},
		"a known method's metadata cut short": {
			{transport.Header{Op: 1, Flags: 3, Stream: 1, Arg: 5 << 48}, "\x16/ddc.rpctest.Test/Chat\x7fa"},
		},
		"a stream opened twice": {
			{call(1), "\x16/ddc.rpctest.Test/Chat\x00"}, {call(1), "\x16/ddc.rpctest.Test/Chat\x00"},
		},
		"an unknown operation": {{call(1), "\x16/ddc.rpctest.Test/Chat\x00"}, {transport.Header{Op: 99, Stream: 1}, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := inproc.New()
			defer tr.Close() //nolint:errcheck // its links have ended
			host, peer, err := tr.Pair("mad")
			require.NoError(t, err)
			server := rpc.NewServer(rpc.ServerOptions{})
			rpctestpb.RegisterTestServer(server, blocked())
			served := make(chan error, 1)
			go func() { served <- server.Serve(context.Background(), peer) }()
			host.Start(func(*transport.Frame) {})
			for _, f := range frames {
				require.NoError(t, host.Send(t.Context(), f.h, []byte(f.payload)))
			}
			assert.ErrorIs(t, await.Value(t, "the server to give the link up", served), transport.ErrCorrupt)
			await.Closed(t, "the link's end", host.Done())
		})
	}
}

// A unary call has no flow: frames that only a stream may have find none.
func TestFramesOfAStreamAreIgnoredByAUnaryCall(t *testing.T) {
	tr := inproc.New()
	defer tr.Close() //nolint:errcheck // its links have ended
	host, peer, err := tr.Pair("mad")
	require.NoError(t, err)
	began, sent := make(chan struct{}, 2), make(chan struct{})
	server := rpc.NewServer(rpc.ServerOptions{})
	rpctestpb.RegisterTestServer(server, &service{echo: func(_ context.Context, in *packet) (*packet, error) {
		began <- struct{}{}
		<-sent
		return in, nil
	}})
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), peer) }()
	replied := make(chan uint64, 2)
	host.Start(func(f *transport.Frame) { replied <- f.Arg })
	const call, message, end, credit, named, unary = 1, 2, 3, 5, 1, 32
	begin := func(stream uint32) {
		h := transport.Header{Op: call, Flags: named | unary, Stream: stream, Arg: 1 << 48}
		require.NoError(t, host.Send(t.Context(), h, []byte("\x16/ddc.rpctest.Test/Echo")))
		await.Value(t, "a call", began)
	}
	begin(1)
	for _, op := range []uint8{message, end, credit} {
		require.NoError(t, host.Send(t.Context(), transport.Header{Op: op, Stream: 1, Arg: 1}, nil))
	}
	begin(2) // so the frames before it have been received, while the first call was under way
	close(sent)
	for range 2 {
		assert.Zero(t, await.Value(t, "a reply", replied), "status OK")
	}
	require.NoError(t, host.Close())
	assert.NoError(t, await.Value(t, "the server's end", served))
}

func TestFaultyRegistrationsAreReportedByServe(t *testing.T) {
	tr := inproc.New()
	defer tr.Close() //nolint:errcheck // its links have ended
	server := rpc.NewServer(rpc.ServerOptions{})
	rpctestpb.RegisterTestServer(server, &service{})
	rpctestpb.RegisterTestServer(server, &service{})
	server.RegisterService(&rpctestpb.Test_ServiceDesc, "no service")
	_, peer, err := tr.Pair("test")
	require.NoError(t, err)
	err = server.Serve(t.Context(), peer)
	assert.ErrorContains(t, err, "/ddc.rpctest.Test/Echo: registered twice")
	assert.ErrorContains(t, err, "string does not implement rpctestpb.TestServer")
}

func TestAServerServesManyLinks(t *testing.T) {
	tr := inproc.New()
	defer tr.Close() //nolint:errcheck // its links have ended
	server := rpc.NewServer(rpc.ServerOptions{})
	rpctestpb.RegisterTestServer(server, &service{})
	served := make(chan error, 3)
	for range 3 {
		host, peer, err := tr.Pair("test")
		require.NoError(t, err)
		go func() { served <- server.Serve(context.Background(), peer) }()
		conn := rpc.NewConn(host, rpc.ConnOptions{})
		_, err = rpctestpb.NewTestClient(conn).Echo(t.Context(), &packet{})
		assert.NoError(t, err)
		require.NoError(t, conn.Close())
		assert.NoError(t, <-served)
	}
}

func TestRawCallsCarryBytesAndErrors(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{prepare: func(s *rpc.Server) {
			s.RegisterRaw("/raw/Echo", rawEcho)
			s.RegisterRaw("/raw/Fail", func(context.Context, []byte) (int, func([]byte) error, error) {
				return 0, nil, status.Error(codes.NotFound, "no such thing")
			})
			s.RegisterRaw("/raw/FailLate", func(context.Context, []byte) (int, func([]byte) error, error) {
				return 10, func([]byte) error { return fmt.Errorf("disk full") }, nil
			})
		}})
		raw := func(method string, request []byte) (reply string, err error) {
			err = p.conn.InvokeRaw(t.Context(), method, len(request),
				func(buf []byte) error { copy(buf, request); return nil },
				func(got []byte) error { reply = string(got); return nil })
			return reply, err
		}
		for _, n := range []int{0, 1, 200, 2 << 20} {
			got, err := raw("/raw/Echo", bytesOf(n))
			require.NoError(t, err)
			assert.Equal(t, string(bytesOf(n)), got)
		}
		done := make(chan struct{})
		const callers = 20 // of whose requests one is read in place, the others from copies
		for range callers {
			go func() {
				got, err := raw("/raw/Echo", bytesOf(50_000))
				assert.NoError(t, err)
				assert.Equal(t, string(bytesOf(50_000)), got)
				done <- struct{}{}
			}()
		}
		for range callers {
			<-done
		}
		_, err := raw("/raw/Fail", nil)
		assertStatus(t, err, codes.NotFound, "no such thing")
		_, err = raw("/raw/FailLate", nil)
		assertStatus(t, err, codes.Internal, "disk full")
		_, err = raw("/raw/Nope", nil)
		assertStatus(t, err, codes.Unimplemented, "unknown method Nope for service raw")
		tooMuch := metadata.AppendToOutgoingContext(t.Context(), "key", strings.Repeat("x", 2<<20))
		err = p.conn.InvokeRaw(tooMuch, "/raw/Echo", 0, func([]byte) error { return nil }, nil)
		assertStatus(t, err, codes.ResourceExhausted, "request metadata of")
		mine := fmt.Errorf("mine")
		fail := func([]byte) error { return mine }
		assert.Same(t, mine, p.conn.InvokeRaw(t.Context(), "/raw/Echo", 5, fail, nil))
		assert.Same(t, mine, p.conn.InvokeRaw(t.Context(), "/raw/Echo", 0, func([]byte) error { return nil }, fail))
		assert.Empty(t, p.conn.Calls())
	})
}

// spoiling is a link on which the first name of a method is changed on its way.
type spoiling struct {
	transport.Link
	spoilt atomic.Bool
}

func (l *spoiling) Fill(ctx context.Context, h transport.Header, n int, fill func(buf []byte) error) error {
	return l.Link.Fill(ctx, h, n, func(buf []byte) error {
		err := fill(buf)
		if at := bytes.Index(buf, []byte("Echo")); at >= 0 && l.spoilt.CompareAndSwap(false, true) {
			buf[at] = 'e'
		}
		return err
	})
}

func TestANameThatWasSpoiltOnItsWayIsSentAgain(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		host, peer, err := tr.Pair("fonts")
		require.NoError(t, err)
		p := connectLinks(t, &spoiling{Link: host}, peer, setup{})
		_, err = p.client.Echo(t.Context(), &packet{})
		assertStatus(t, err, codes.Unimplemented, "unknown method echo for service")
		for range 3 {
			_, err = p.client.Echo(t.Context(), &packet{})
			assert.NoError(t, err)
		}
	})
}

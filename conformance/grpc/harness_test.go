// Package grpc_test holds calls beside grpc-go: every test runs the same code
// over grpc-go, over the second control group (rpc/stock), in one process, and
// over the hub on each wake strategy. So each test expects what grpc-go does.
// Where a wire of our own can't do the same, the test says so.
package grpc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"ddc/internal/await"
	"ddc/internal/sys"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/rpc/stock"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/transport/inproc"
	"ddc/wake/strategy"
)

func TestMain(m *testing.M) {
	// Both complain of what tests do wrong on purpose.
	slog.SetDefault(slog.New(slog.DiscardHandler))
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	goleak.VerifyTestMain(await.Watched(m))
}

type packet = rpctestpb.Packet

const (
	echoMethod  = rpctestpb.Test_Echo_FullMethodName
	countMethod = rpctestpb.Test_Count_FullMethodName
	sumMethod   = rpctestpb.Test_Sum_FullMethodName
	chatMethod  = rpctestpb.Test_Chat_FullMethodName
)

// setup says what both ends of a test have.
type setup struct {
	service     rpctestpb.TestServer
	register    func(server)
	clientStats stats.Handler
	serverStats stats.Handler
	maxMessage  int
	unary       []grpc.UnaryServerInterceptor
	stream      []grpc.StreamServerInterceptor
	unknown     grpc.StreamHandler
}

// server is what both servers can do.
type server interface {
	grpc.ServiceRegistrar
	GetServiceInfo() map[string]grpc.ServiceInfo
	Stop()
	GracefulStop()
}

// ends are both ends of one connection.
type ends struct {
	grpc.ClientConnInterface
	server server
	close  func() error
	client rpctestpb.TestClient
	ours   bool
}

// carrier is a way for calls to go.
type carrier struct {
	name string
	open func(t *testing.T, s setup) *ends
}

// carriers are grpc-go, and then every link of ours.
func carriers() []carrier {
	all := []carrier{
		{"grpc-go", overGRPC}, {"socket", overSocket},
		{"inproc", func(t *testing.T, s setup) *ends { return overLink(t, inproc.New(), s) }},
	}
	for _, wake := range strategy.All() {
		all = append(all, carrier{"hub/" + wake.Name(), func(t *testing.T, s setup) *ends {
			h, err := hub.Create(hub.Options{Peers: 2, Strategy: wake})
			require.NoError(t, err)
			return overLink(t, h, s)
		}})
	}
	return all
}

// overEach runs a test over each carrier, grpc-go first.
func overEach(t *testing.T, s setup, test func(t *testing.T, e *ends)) {
	for _, c := range carriers() {
		t.Run(c.name, func(t *testing.T) { test(t, c.open(t, s)) })
	}
}

func (s setup) fill(srv server) {
	if s.service == nil {
		s.service = &service{}
	}
	rpctestpb.RegisterTestServer(srv, s.service)
	if s.register != nil {
		s.register(srv)
	}
}

func overGRPC(t *testing.T, s setup) *ends {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	serverOptions := []grpc.ServerOption{grpc.WaitForHandlers(true), grpc.ChainUnaryInterceptor(s.unary...), grpc.ChainStreamInterceptor(s.stream...)}
	if s.unknown != nil {
		serverOptions = append(serverOptions, grpc.UnknownServiceHandler(s.unknown))
	}
	if s.serverStats != nil {
		serverOptions = append(serverOptions, grpc.StatsHandler(s.serverStats))
	}
	if s.maxMessage > 0 {
		serverOptions = append(serverOptions, grpc.MaxRecvMsgSize(s.maxMessage), grpc.MaxSendMsgSize(s.maxMessage))
	}
	srv := grpc.NewServer(serverOptions...)
	s.fill(srv)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	options := []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
	}
	if s.clientStats != nil {
		options = append(options, grpc.WithStatsHandler(s.clientStats))
	}
	conn, err := grpc.NewClient("passthrough:///plugin", options...)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = conn.Close() // a test may have closed it
		srv.Stop()
		assertServed(t, await.Value(t, "grpc-go's Serve to return", served))
	})
	return &ends{ClientConnInterface: conn, server: srv, close: conn.Close, client: rpctestpb.NewTestClient(conn)}
}

// overSocket is how a host with Options.GRPC calls its plugins.
func overSocket(t *testing.T, s setup) *ends {
	t.Helper()
	ours, theirs, err := sys.Socketpair()
	require.NoError(t, err)
	serverOptions := rpc.ServerOptions{MaxMessage: s.maxMessage, Unary: s.unary, Stream: s.stream, Unknown: s.unknown}
	if s.serverStats != nil {
		serverOptions.Stats = []stats.Handler{s.serverStats}
	}
	srv := stock.NewServer(serverOptions)
	s.fill(srv)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), theirs) }()
	options := rpc.ConnOptions{Name: "plugin"}
	if s.clientStats != nil {
		options.Stats = []stats.Handler{s.clientStats}
	}
	conn, err := stock.NewConn(ours, options)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		srv.Stop()
		assertServed(t, await.Value(t, "Serve over a socket to return", served))
	})
	return &ends{ClientConnInterface: conn, server: srv, close: conn.Close, client: rpctestpb.NewTestClient(conn)}
}

func overLink(t *testing.T, tr transport.Transport, s setup) *ends {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, tr.Close()) })
	host, peer, err := tr.Pair("plugin")
	require.NoError(t, err)
	serverOptions := rpc.ServerOptions{MaxMessage: s.maxMessage, Unary: s.unary, Stream: s.stream, Unknown: s.unknown}
	if s.serverStats != nil {
		serverOptions.Stats = []stats.Handler{s.serverStats}
	}
	srv := rpc.NewServer(serverOptions)
	s.fill(srv)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), peer) }()
	options := rpc.ConnOptions{Name: "plugin"}
	if s.clientStats != nil {
		options.Stats = []stats.Handler{s.clientStats}
	}
	conn := rpc.NewConn(host, options)
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		srv.Stop()
		assertServed(t, await.Value(t, "our Serve to return", served))
	})
	return &ends{ClientConnInterface: conn, server: srv, close: conn.Close, client: rpctestpb.NewTestClient(conn), ours: true}
}

// service answers as the test says, or what it is sent.
type service struct {
	rpctestpb.UnimplementedTestServer
	echo  func(context.Context, *packet) (*packet, error)
	count func(*packet, grpc.ServerStreamingServer[packet]) error
	sum   func(grpc.ClientStreamingServer[packet, packet]) error
	chat  func(grpc.BidiStreamingServer[packet, packet]) error
}

func (s *service) Echo(ctx context.Context, p *packet) (*packet, error) {
	if s.echo == nil {
		return p, nil
	}
	return s.echo(ctx, p)
}

func (s *service) Count(p *packet, stream grpc.ServerStreamingServer[packet]) error {
	if s.count != nil {
		return s.count(p, stream)
	}
	for i := range p.GetNumber() {
		if err := stream.Send(&packet{Number: i}); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) Sum(stream grpc.ClientStreamingServer[packet, packet]) error {
	if s.sum != nil {
		return s.sum(stream)
	}
	sum := int64(0)
	for {
		p, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&packet{Number: sum})
		}
		if err != nil {
			return err
		}
		sum += p.GetNumber()
	}
}

func (s *service) Chat(stream grpc.BidiStreamingServer[packet, packet]) error {
	if s.chat != nil {
		return s.chat(stream)
	}
	for {
		p, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(p); err != nil {
			return err
		}
	}
}

// assertServed claims that nothing went wrong but that a server was stopped
// before it began.
func assertServed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, grpc.ErrServerStopped) {
		assert.NoError(t, err)
	}
}

// assertCode claims the code of an error.
func assertCode(t *testing.T, want codes.Code, err error) {
	t.Helper()
	assert.Equal(t, want.String(), status.Code(err).String(), "of %v", err)
}

// errNotCalled is an error that a callback overwrites.
var errNotCalled = os.ErrInvalid

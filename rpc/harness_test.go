package rpc_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/transport/inproc"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// transports are what every test of calls runs over.
var transports = []struct {
	name string
	open func(testing.TB) transport.Transport
}{
	{"inproc", func(testing.TB) transport.Transport { return inproc.New() }},
	{"shm", func(t testing.TB) transport.Transport {
		h, err := hub.Create(hub.Options{})
		require.NoError(t, err)
		return h
	}},
	{"poison", func(testing.TB) transport.Transport { return poisoning{inproc.New()} }},
}

// overEach runs a test over each transport.
func overEach(t *testing.T, test func(t *testing.T, tr transport.Transport)) {
	for _, tt := range transports {
		t.Run(tt.name, func(t *testing.T) {
			tr := tt.open(t)
			t.Cleanup(func() { assert.NoError(t, tr.Close()) })
			test(t, tr)
		})
	}
}

// poisoning overwrites every payload that is given back, as the hub's next user
// of the slot would: whoever reads on reads garbage, and the race detector
// tells.
type poisoning struct{ transport.Transport }

func (p poisoning) Pair(name string) (host, peer transport.Link, err error) {
	host, peer, err = p.Transport.Pair(name)
	return poisonLink{host}, poisonLink{peer}, err
}

type poisonLink struct{ transport.Link }

func (l poisonLink) Start(receive func(*transport.Frame)) {
	l.Link.Start(func(f *transport.Frame) {
		poisoned := &poison{lease: f.Keep()}
		frame := transport.NewFrame(f.Header, poisoned.lease.Payload, poisoned, 0)
		receive(&frame)
		frame.Drop()
	})
}

type poison struct {
	once  sync.Once
	lease transport.Lease
}

func (p *poison) ReleaseLease(uint64) {
	p.once.Do(func() {
		for i := range p.lease.Payload {
			p.lease.Payload[i] = 0xdb
		}
		p.lease.Release()
	})
}

// service answers as the test says.
type service struct {
	rpctestpb.UnimplementedTestServer
	echo  func(context.Context, *rpctestpb.Packet) (*rpctestpb.Packet, error)
	count func(*rpctestpb.Packet, grpc.ServerStreamingServer[rpctestpb.Packet]) error
	sum   func(grpc.ClientStreamingServer[rpctestpb.Packet, rpctestpb.Packet]) error
	chat  func(grpc.BidiStreamingServer[rpctestpb.Packet, rpctestpb.Packet]) error
}

func (s *service) Echo(ctx context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	if s.echo == nil {
		return p, nil
	}
	return s.echo(ctx, p)
}

// Count sends as many packets as it is asked for, numbered from 0.
func (s *service) Count(p *rpctestpb.Packet, stream grpc.ServerStreamingServer[rpctestpb.Packet]) error {
	if s.count != nil {
		return s.count(p, stream)
	}
	for i := range p.GetNumber() {
		if err := stream.Send(&rpctestpb.Packet{Number: i, Data: p.GetData()}); err != nil {
			return err
		}
	}
	return nil
}

// Sum adds the numbers that it is sent.
func (s *service) Sum(stream grpc.ClientStreamingServer[rpctestpb.Packet, rpctestpb.Packet]) error {
	if s.sum != nil {
		return s.sum(stream)
	}
	sum := int64(0)
	for {
		p, err := stream.Recv()
		if err != nil {
			if isEOF(err) {
				return stream.SendAndClose(&rpctestpb.Packet{Number: sum})
			}
			return err
		}
		sum += p.GetNumber()
	}
}

// Chat sends back what it is sent.
func (s *service) Chat(stream grpc.BidiStreamingServer[rpctestpb.Packet, rpctestpb.Packet]) error {
	if s.chat != nil {
		return s.chat(stream)
	}
	for {
		p, err := stream.Recv()
		if err != nil {
			if isEOF(err) {
				return nil
			}
			return err
		}
		if err := stream.Send(p); err != nil {
			return err
		}
	}
}

// peers are both sides of one link.
type peers struct {
	conn   *rpc.Conn
	client rpctestpb.TestClient
	server *rpc.Server
	// stop ends Serve's context; served then holds what Serve returned.
	stop   context.CancelFunc
	served chan error
	link   transport.Link // the server's end
}

type setup struct {
	service *service
	conn    rpc.ConnOptions
	server  rpc.ServerOptions
	prepare func(*rpc.Server)
}

func connect(t testing.TB, tr transport.Transport, s setup) *peers {
	t.Helper()
	host, peer, err := tr.Pair(t.Name())
	require.NoError(t, err)
	return connectLinks(t, host, peer, s)
}

func connectLinks(t testing.TB, host, peer transport.Link, s setup) *peers {
	t.Helper()
	if s.service == nil {
		s.service = &service{}
	}
	p := &peers{server: rpc.NewServer(s.server), served: make(chan error, 1), link: peer}
	rpctestpb.RegisterTestServer(p.server, s.service)
	if s.prepare != nil {
		s.prepare(p.server)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.served <- p.server.Serve(ctx, peer)
	}()
	p.conn = rpc.NewConn(host, s.conn)
	p.client = rpctestpb.NewTestClient(p.conn)
	t.Cleanup(func() {
		assert.NoError(t, p.conn.Close())
		stop()
		await.Closed(t, "Serve to return", ended)
	})
	return p
}

// assertStatus claims err's code, and a part of its message.
func assertStatus(t testing.TB, err error, code codes.Code, message string) {
	t.Helper()
	assert.Equal(t, code.String(), status.Code(err).String(), "of %v", err)
	assert.ErrorContains(t, err, message)
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// bytesOf is n bytes that are not all alike.
func bytesOf(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// shared is a value that a test and its handlers both use. Its lock is what
// tells the race detector of their order, which it cannot see through the hub.
type shared[T any] struct {
	mu    sync.Mutex
	value T
}

func (s *shared[T]) set(value T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = value
}

func (s *shared[T]) get() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}

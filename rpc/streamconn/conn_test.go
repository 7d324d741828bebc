package streamconn_test

import (
	"context"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/nettest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/rpc"
	"ddc/rpc/streamconn"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/transport/inproc"
	"ddc/wake/strategy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

const method = "/ddc.tunnel.Tunnel/Open"

// tunnel is a link whose server hands each connection over.
type tunnel struct {
	*rpc.Conn
	server   *rpc.Server
	accepted chan *accepted
}

// accepted is a server's end, whose handler waits until it is told to return.
type accepted struct {
	net.Conn
	done chan struct{}
}

// Close lets the handler return, as nobody uses the connection any more.
func (a *accepted) Close() error {
	err := a.Conn.Close()
	select {
	case <-a.done:
	default:
		close(a.done)
	}
	return err
}

func open(t testing.TB, tr transport.Transport) *tunnel {
	t.Helper()
	host, end, err := tr.Pair("tunnel")
	require.NoError(t, err)
	tun := &tunnel{server: rpc.NewServer(rpc.ServerOptions{}), accepted: make(chan *accepted, 1)}
	tun.server.RegisterService(&grpc.ServiceDesc{ServiceName: "ddc.tunnel.Tunnel", Streams: []grpc.StreamDesc{{
		StreamName: "Open", ClientStreams: true, ServerStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error {
			return streamconn.Serve(stream, func(c net.Conn) {
				a := &accepted{c, make(chan struct{})}
				tun.accepted <- a
				select {
				case <-a.done:
				case <-stream.Context().Done():
				}
			})
		},
	}}}, nil)
	served := make(chan error, 1)
	go func() { served <- tun.server.Serve(context.Background(), end) }()
	tun.Conn = rpc.NewConn(host, rpc.ConnOptions{Name: "tunnel"})
	t.Cleanup(func() {
		assert.NoError(t, tun.Conn.Close())
		assert.NoError(t, await.Value(t, "Serve to return", served))
		assert.NoError(t, tr.Close())
	})
	return tun
}

func (tun *tunnel) pipe(t testing.TB) (client net.Conn, server *accepted) {
	t.Helper()
	client, err := streamconn.Client(context.Background(), tun, method)
	require.NoError(t, err)
	return client, await.Value(t, "the server's end", tun.accepted)
}

func overEach(t *testing.T, test func(t *testing.T, tun *tunnel)) {
	t.Run("inproc", func(t *testing.T) { test(t, open(t, inproc.New())) })
	for _, wake := range strategy.All() {
		t.Run(wake.Name(), func(t *testing.T) {
			h, err := hub.Create(hub.Options{Peers: 2, Strategy: wake})
			require.NoError(t, err)
			test(t, open(t, h))
		})
	}
}

// x/net's own suite, with each end in each part.
func TestConnIsANetConn(t *testing.T) {
	overEach(t, func(t *testing.T, tun *tunnel) {
		turned := false
		nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
			client, server := tun.pipe(t)
			stop = func() {
				_ = client.Close()
				_ = server.Close()
			}
			if turned = !turned; turned {
				return client, server, stop, nil
			}
			return server, client, stop, nil
		})
	})
}

func TestCloseFlushesAndIsReadAsEOF(t *testing.T) {
	overEach(t, func(t *testing.T, tun *tunnel) {
		for _, clientCloses := range []bool{true, false} {
			client, server := tun.pipe(t)
			from, to := client, net.Conn(server)
			if !clientCloses {
				from, to = to, from
			}
			const size = 3 << 20 // more than a stream's credit
			written := make(chan error, 1)
			go func() {
				_, err := from.Write(make([]byte, size))
				if err == nil {
					err = from.Close()
				}
				written <- err
			}()
			got, err := io.ReadAll(to)
			require.NoError(t, err)
			assert.Len(t, got, size)
			require.NoError(t, await.Value(t, "Write", written))
			_, err = to.Write([]byte("x"))
			assert.ErrorIs(t, err, io.ErrClosedPipe)
			_, err = from.Read(make([]byte, 1))
			assert.ErrorIs(t, err, net.ErrClosed)
			require.NoError(t, to.Close())
			await.Until(t, "the call to end", func() bool { return len(tun.Calls()) == 0 })
		}
	})
}

func TestTheContextsEndIsTheConnections(t *testing.T) {
	overEach(t, func(t *testing.T, tun *tunnel) {
		ctx, cancel := context.WithCancel(t.Context())
		client, err := streamconn.Client(ctx, tun, method)
		require.NoError(t, err)
		server := await.Value(t, "the server's end", tun.accepted)
		cancel()
		for _, end := range []net.Conn{client, server} {
			_, err = end.Read(make([]byte, 1))
			if err != nil && end == net.Conn(server) && err == net.ErrClosed { //nolint:errorlint // its handler has returned
				continue
			}
			assert.Equal(t, codes.Canceled, status.Code(err), "of %v", err)
		}
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
	})
}

func TestADeadlineIsATimeoutAndCanBeMoved(t *testing.T) {
	tun := open(t, inproc.New())
	client, server := tun.pipe(t)
	require.NoError(t, client.SetReadDeadline(time.Unix(1, 0)))
	_, err := client.Read(make([]byte, 1))
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, client.SetReadDeadline(time.Time{}))
	read := make(chan error, 1)
	go func() { _, err := client.Read(make([]byte, 1)); read <- err }()
	require.NoError(t, client.SetReadDeadline(time.Unix(1, 0)), "moved under who reads")
	assert.ErrorIs(t, await.Value(t, "Read", read), os.ErrDeadlineExceeded)
	require.NoError(t, client.SetDeadline(time.Time{}))
	_, err = server.Write([]byte("x"))
	require.NoError(t, err)
	b := make([]byte, 2)
	n, err := client.Read(b)
	require.NoError(t, err)
	assert.Equal(t, "x", string(b[:n]))
	require.NoError(t, client.Close())
	assert.ErrorIs(t, client.SetDeadline(time.Time{}), net.ErrClosed)
	require.NoError(t, server.Close())
}

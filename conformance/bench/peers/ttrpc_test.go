package peers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/containerd/ttrpc"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/rpc/rpctestpb"
)

const ttrpcService, ttrpcMethod = "bench.Echo", "Echo"

// serveTTRPC serves until standard input ends.
func serveTTRPC() error {
	listener, err := net.Listen("unix", os.Getenv(envSocket))
	if err != nil {
		return err
	}
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	server.Register(ttrpcService, map[string]ttrpc.Method{
		ttrpcMethod: func(ctx context.Context, read func(any) error) (any, error) {
			p := &rpctestpb.Packet{}
			if err := read(p); err != nil {
				return nil, err
			}
			return echo{}.Echo(ctx, p)
		},
	})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Println("listening")
	if err := server.Serve(context.Background(), listener); !errors.Is(err, ttrpc.ErrServerClosed) {
		return err
	}
	return nil
}

// overTTRPC is the service in a process of its own, over ttrpc and a unix
// socket.
func overTTRPC(b *testing.B, n int) echoer {
	b.Helper()
	socket := filepath.Join(b.TempDir(), "ttrpc")
	p := startSelf(b, "ttrpc", nil, envSocket+"="+socket, "GOMAXPROCS="+cmp.Or(os.Getenv("BENCH_GRPC_PROCS"), "1"))
	_, err := p.out.ReadString('\n')
	require.NoError(b, err)
	conn, err := net.Dial("unix", socket)
	require.NoError(b, err)
	client := ttrpc.NewClient(conn)
	b.Cleanup(func() { assert.NoError(b, client.Close()) })
	call := func(request *rpctestpb.Packet) func() error {
		return func() error {
			var reply rpctestpb.Packet
			err := client.Call(b.Context(), ttrpcService, ttrpcMethod, request, &reply)
			if err == nil {
				err = checkEcho(request, &reply)
			}
			return err
		}
	}
	return echoer{pid: p.pid, call: call(&rpctestpb.Packet{Data: pattern(n)}), slow: call(slowPacket())}
}

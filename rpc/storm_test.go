package rpc_test

import (
	"context"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/transport"
)

func TestAThousandCallsOfAllKindsAtOnce(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{})
		kinds := []func(i int) error{
			func(i int) error {
				got, err := p.client.Echo(t.Context(), &packet{Number: int64(i), Data: bytesOf(i * 10)})
				if err == nil {
					assert.EqualValues(t, i, got.GetNumber())
					assert.Equal(t, string(bytesOf(i*10)), string(got.GetData()))
				}
				return err
			},
			func(i int) error {
				stream, err := p.client.Count(t.Context(), &packet{Number: 20, Data: bytesOf(i)})
				for n := int64(0); err == nil; n++ {
					var got *packet
					if got, err = stream.Recv(); err == io.EOF {
						assert.EqualValues(t, 20, n)
						return nil
					}
					assert.Equal(t, n, got.GetNumber())
				}
				return err
			},
			func(int) error {
				stream, err := p.client.Sum(t.Context())
				for n := int64(1); n <= 20 && err == nil; n++ {
					err = stream.Send(&packet{Number: n})
				}
				if err != nil {
					return err
				}
				got, err := stream.CloseAndRecv()
				assert.EqualValues(t, 210, got.GetNumber())
				return err
			},
			func(i int) error {
				stream, err := p.client.Chat(t.Context())
				if err != nil {
					return err
				}
				return flatOut(20, stream.Send, stream.Recv, func() error { return stream.CloseSend() })
			},
		}
		var group sync.WaitGroup
		for i := range 1000 {
			group.Go(func() { assert.NoError(t, kinds[i%len(kinds)](i)) })
		}
		group.Wait()
		for len(p.conn.Calls()) > 0 { // chats whose end nobody has received yet
			runtime.Gosched()
		}
	})
}

// Each call is cancelled at some moment of its life: before it is sent, on the
// way, in the handler, while its reply is on the way, or after its end.
func TestAStormOfCancellationsLeavesNothingBehind(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: &service{
			echo: func(ctx context.Context, in *packet) (*packet, error) {
				if in.GetNumber()%2 == 0 {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return in, nil
			},
			chat: func(stream grpc.BidiStreamingServer[packet, packet]) error {
				for {
					in, err := stream.Recv()
					if err != nil {
						return err
					}
					if err := stream.Send(in); err != nil {
						return err
					}
				}
			},
		}})
		const callers, calls = 40, 50
		random := rand.New(rand.NewPCG(1, 2))
		var group sync.WaitGroup
		for range callers {
			pauses := make([]int, calls)
			for i := range pauses {
				pauses[i] = random.IntN(60)
			}
			group.Go(func() {
				for i, pause := range pauses {
					ctx, cancel := context.WithCancel(t.Context())
					go func() {
						for range pause {
							runtime.Gosched()
						}
						cancel()
					}()
					if i%3 == 0 {
						assertCancelled(t, chatUntilCancelled(ctx, p))
					} else if _, err := p.client.Echo(ctx, &packet{Number: int64(i), Data: bytesOf(i * 20)}); err != nil {
						assertCancelled(t, err)
					}
					cancel()
				}
			})
		}
		group.Wait()
		assert.Empty(t, p.conn.Calls())
		for len(p.server.Calls()) > 0 { // the cancellations are still on their way
			runtime.Gosched()
		}
		_, err := p.client.Echo(t.Context(), &packet{Number: 1})
		require.NoError(t, err)
	})
}

func chatUntilCancelled(ctx context.Context, p *peers) error {
	stream, err := p.client.Chat(ctx)
	if err != nil {
		return err
	}
	go func() {
		for stream.Send(&packet{Data: bytesOf(500)}) == nil {
		}
	}()
	for err == nil {
		_, err = stream.Recv()
	}
	return err
}

func assertCancelled(t *testing.T, err error) {
	t.Helper()
	assert.Equal(t, codes.Canceled, status.Code(err), "%v", err)
}

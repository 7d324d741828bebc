package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/rpc"
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
					if got, err = stream.Recv(); errors.Is(err, io.EOF) {
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
		await.All(t, "a thousand calls to end", &group)
		awaitNoCalls(t, "chats whose end nobody has received yet", p.conn.Calls)
	})
}

// Each call is cancelled at some moment of its life: before it is sent or on
// the way, in its handler, while its reply is on the way, amid its messages.
func TestAStormOfCancellationsLeavesNothingBehind(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		var cancels sync.Map // of calls that their handlers are to cancel, by number
		p := connect(t, tr, setup{service: &service{
			echo: func(ctx context.Context, in *packet) (*packet, error) {
				if cancel, ok := cancels.Load(in.GetNumber()); ok {
					cancel.(context.CancelFunc)()
				}
				if in.GetNumber()%2 == 0 {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return in, nil // a race with the cancellation
			},
		}})
		const callers, calls = 40, 50
		var group sync.WaitGroup
		for caller := range callers {
			group.Go(func() {
				for i := range calls {
					ctx, cancel := context.WithCancel(t.Context())
					number := int64(caller*calls + i)
					request := &packet{Number: number, Data: bytesOf(i * 20)}
					var err error
					switch i % 4 {
					case 0, 1:
						cancels.Store(number, cancel)
						_, err = p.client.Echo(ctx, request)
					case 2:
						go cancel()
						_, err = p.client.Echo(ctx, request)
					case 3:
						err = chatUntilCancelled(ctx, cancel, p, i)
					}
					if err != nil {
						assert.Equal(t, codes.Canceled, status.Code(err), "%v", err)
					}
					cancel()
				}
			})
		}
		await.All(t, "every call to be answered or cancelled", &group)
		// A stream is told of its context's end by a goroutine of its own, and
		// may have received the end from the server before.
		awaitNoCalls(t, "the ends of cancelled streams", p.conn.Calls)
		awaitNoCalls(t, "the cancellations that are on their way", p.server.Calls)
		_, err := p.client.Echo(t.Context(), &packet{Number: 1})
		require.NoError(t, err)
	})
}

// awaitNoCalls waits until calls lists none.
func awaitNoCalls(t *testing.T, what string, calls func() []rpc.Call) {
	t.Helper()
	await.Until(t, what, func() bool { return len(calls()) == 0 }, func() string { return fmt.Sprintf("under way: %+v", calls()) })
}

// chatUntilCancelled sends for as long as it can, and cancels after it has
// received some messages.
func chatUntilCancelled(ctx context.Context, cancel func(), p *peers, messages int) error {
	stream, err := p.client.Chat(ctx)
	if err != nil {
		return err
	}
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		for stream.Send(&packet{Data: bytesOf(500)}) == nil {
		}
	}()
	for range messages {
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
	cancel()
	for err == nil {
		_, err = stream.Recv()
	}
	<-sending
	return err
}

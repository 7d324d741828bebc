package rpc_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"ddc/internal/await"
	"ddc/transport"
)

// A call whose context is over before it is made reaches no handler, not once.
func TestACallThatIsOverIsNotExecuted(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		var executed atomic.Int64
		p := connect(t, tr, setup{service: &service{echo: func(_ context.Context, in *packet) (*packet, error) {
			executed.Add(1)
			return in, nil
		}}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, size := range []int{0, 1000, 2 << 20} { // inline, in a slot, in pieces
			for range 50 {
				_, err := p.client.Echo(ctx, &packet{Data: bytesOf(size)})
				assertStatus(t, err, codes.Canceled, "canceled")
			}
		}
		// Anything that was sent would have come before this.
		_, err := p.client.Echo(t.Context(), &packet{})
		require.NoError(t, err)
		assert.EqualValues(t, 1, executed.Load())
		assert.Empty(t, p.conn.Calls())
	})
}

// A stream whose context is over sends no message more, however much credit it
// has, and its handler gets none.
func TestAStreamThatIsOverSendsNothing(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		began, ended := make(chan struct{}), make(chan int, 1)
		p := connect(t, tr, setup{service: &service{sum: func(stream grpc.ClientStreamingServer[packet, packet]) error {
			received := 0
			for {
				_, err := stream.Recv()
				if err != nil {
					ended <- received
					return err
				}
				if received++; received == 1 {
					close(began)
				}
			}
		}}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream, err := p.client.Sum(ctx)
		require.NoError(t, err)
		require.NoError(t, stream.Send(&packet{}))
		await.Closed(t, "the first message", began)
		cancel()
		for range 50 {
			require.Error(t, stream.Send(&packet{})) // io.EOF, once the stream has ended for it
		}
		_, err = stream.CloseAndRecv()
		assertStatus(t, err, codes.Canceled, "canceled")
		assert.Equal(t, 1, <-ended)
	})
}

// A deadline of less than a second arrives as what it is. The handler's is
// reckoned from when the call came: no earlier than the caller's, and no later
// than that time and what was left at first.
func TestADeadlineBelowASecondIsNotRounded(t *testing.T) {
	overEach(t, func(t *testing.T, tr transport.Transport) {
		p := connect(t, tr, setup{service: &service{echo: func(ctx context.Context, _ *packet) (*packet, error) {
			deadline, _ := ctx.Deadline()
			return &packet{Number: int64(time.Until(deadline))}, nil
		}}})
		for _, limit := range []time.Duration{400 * time.Millisecond, 999 * time.Millisecond} {
			for { // again where the machine was too busy to answer in time
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				got, err := p.client.Echo(ctx, &packet{})
				spent := time.Since(began)
				cancel()
				if err != nil {
					assertStatus(t, err, codes.DeadlineExceeded, "deadline")
					continue
				}
				left := time.Duration(got.GetNumber())
				assert.LessOrEqual(t, left, limit+time.Microsecond)
				assert.GreaterOrEqual(t, left, limit-spent-time.Microsecond)
				break
			}
		}
	})
}

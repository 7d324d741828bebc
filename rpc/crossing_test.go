package rpc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport/inproc"
)

// crossing is a connection within one process, on a clock of its own, whose
// requests and answers take their time.
type crossing struct {
	conn   *rpc.Conn
	client rpctestpb.TestClient
	served chan error
}

func newCrossing(t *testing.T, choose *rand.Rand) *crossing {
	t.Helper()
	tr := inproc.New()
	t.Cleanup(func() { assert.NoError(t, tr.Close()) })
	host, peer, err := tr.Pair("crossing")
	require.NoError(t, err)
	var mu sync.Mutex
	later := func(most int) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(choose.IntN(most))
	}
	server := rpc.NewServer(rpc.ServerOptions{})
	rpctestpb.RegisterTestServer(server, &service{echo: func(ctx context.Context, in *packet) (*packet, error) {
		switch in.GetNumber() % 3 {
		case 0: // answers at about the time at which it is given up
			time.Sleep(later(20))
		case 1: // answers only then
			<-ctx.Done()
		}
		return in, nil
	}})
	c := &crossing{served: make(chan error, 1)}
	go func() { c.served <- server.Serve(context.Background(), peer) }()
	c.conn = rpc.NewConn(host, rpc.ConnOptions{})
	c.client = rpctestpb.NewTestClient(c.conn)
	return c
}

// call makes a call and gives it up in the moment at which the answer may come,
// or in which the link closes.
func (c *crossing) call(t *testing.T, number int64, givenUpAfter time.Duration) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if givenUpAfter == 0 {
		cancel()
	} else {
		defer time.AfterFunc(givenUpAfter, cancel).Stop()
	}
	got, err := c.client.Echo(ctx, &packet{Number: number, Data: bytesOf(int(number) % 200)})
	if err != nil {
		assert.Contains(t, []codes.Code{codes.Canceled, codes.Unavailable}, status.Code(err), "%v", err)
		return
	}
	assert.Equal(t, number, got.GetNumber(), "an answer went to another call")
}

// Calls are given up in the nanosecond in which their answers come, and the
// link may be closed meanwhile. The clock goes on only when every goroutine
// waits, so that no luck is in it how much happens in one nanosecond, and one
// that waits for what nobody will do is found.
func TestNoCallWithinOneProcessIsLostWhereGivingUpAnswerAndEndCross(t *testing.T) {
	seeds := 300
	if testing.Short() {
		seeds = 60
	}
	for seed := range seeds {
		done := await.Bound(t, fmt.Sprintf("every call of seed %d to end", seed))
		synctest.Test(t, func(t *testing.T) {
			choose := rand.New(rand.NewPCG(uint64(seed), 0))
			c := newCrossing(t, rand.New(rand.NewPCG(uint64(seed), 1)))
			closing := seed%2 == 1
			var callers sync.WaitGroup
			for n := range int64(400) {
				starts, lasts := time.Duration(choose.IntN(20)), time.Duration(choose.IntN(20))
				callers.Go(func() {
					time.Sleep(starts)
					c.call(t, n, lasts)
				})
			}
			if closing {
				callers.Go(func() {
					time.Sleep(time.Duration(seed % 30))
					assert.NoError(t, c.conn.Close())
				})
			}
			callers.Wait()
			if !closing { // whoever comes now finds all in order
				for n := range int64(40) {
					got, err := c.client.Echo(t.Context(), &packet{Number: 3*n + 2})
					if assert.NoError(t, err) {
						assert.Equal(t, 3*n+2, got.GetNumber())
					}
				}
				synctest.Wait()
				assert.Empty(t, c.conn.Calls())
				assert.NoError(t, c.conn.Close())
			}
			assert.NoError(t, <-c.served)
		})
		done()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

package host

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/rpc/rpctestpb"
)

// A handler waits for the test by asking its host, which is answered to the
// end.
func TestADrainedHostFinishesWhatIsUnderWay(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		held := &holding{begun: make(chan struct{}, 1), release: make(chan struct{})}
		o.Calls.Services = held.register
		h := newHost(t, o)
		client := rpctestpb.NewTestClient(h.Conn("one"))
		answered := make(chan error, 1)
		go func() {
			_, err := client.Echo(context.Background(), &rpctestpb.Packet{Text: "ask hold"})
			answered <- err
		}()
		await.Closed(t, "the call to begin", held.begun)
		stream, err := client.Sum(t.Context())
		require.NoError(t, err)
		drained := make(chan error, 1)
		go func() { drained <- h.Drain(context.Background()) }()
		await.Until(t, "calls to be refused", func() bool {
			_, err := echo(t, h, "one", &rpctestpb.Packet{})
			return status.Code(err) == codes.Canceled
		})
		_, err = client.Sum(t.Context())
		assert.Equal(t, codes.Canceled, status.Code(err))
		close(held.release)
		assert.NoError(t, await.Value(t, "the answer", answered))
		select {
		case err := <-drained:
			t.Fatalf("a stream is under way: %v", err)
		default:
		}
		require.NoError(t, stream.Send(&rpctestpb.Packet{}))
		_, err = stream.CloseAndRecv()
		assert.NoError(t, err)
		assert.NoError(t, await.Value(t, "the host to end", drained))
	})
}

func TestADrainHasAnEnd(t *testing.T) {
	everyProcess(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		stream, err := rpctestpb.NewTestClient(h.Conn("one")).Chat(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		assert.ErrorIs(t, h.Drain(ctx), context.DeadlineExceeded)
		_, err = stream.Recv()
		assert.True(t, err != nil && !errors.Is(err, io.EOF), "it was broken off: %v", err)
		assert.NoError(t, h.Drain(t.Context()), "it has ended")
	})
}

// holding is a host's service whose answer waits.
type holding struct {
	rpctestpb.UnimplementedTestServer
	begun, release chan struct{}
}

func (s *holding) register(_ string, r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, s) }

func (s *holding) Echo(_ context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	s.begun <- struct{}{}
	<-s.release
	return p, nil
}

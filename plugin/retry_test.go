package plugin

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
)

// dying is a run, and its link, whose peer has died: sending fails already, but
// the pump still delivers what the dead had sent.
type dying struct {
	transport.Link
	conn  *rpc.Conn
	sends atomic.Int32
	over  chan struct{}
}

func (d *dying) Start(func(*transport.Frame))   {}
func (d *dying) Done() <-chan struct{}          { return d.over }
func (d *dying) Err() error                     { return transport.ErrPeerDead }
func (d *dying) Close() error                   { <-d.over; return nil }
func (d *dying) connection() *rpc.Conn          { return d.conn }
func (d *dying) pid() int                       { return 0 }
func (d *dying) stats() transport.Stats         { return transport.Stats{} }
func (d *dying) kill(error)                     {}
func (d *dying) stop(ctx context.Context) error { return d.conn.Close() }

func (d *dying) Send(context.Context, transport.Header, []byte) error {
	d.sends.Add(1)
	return transport.ErrPeerDead
}

func (d *dying) Fill(context.Context, transport.Header, int, func([]byte) error) error {
	d.sends.Add(1)
	return transport.ErrPeerDead
}

func localHost(t *testing.T) *Host {
	h, err := NewHost(Options{Local: func(string) (Service, error) { return testService{}, nil }})
	require.NoError(t, err)
	return h
}

func TestDyingRunCostsACallOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := localHost(t)
		run := &dying{over: make(chan struct{})}
		run.conn = rpc.NewConn(run, rpc.ConnOptions{})
		h.Plugin("mortal").current = run

		answered := make(chan error, 1)
		go func() {
			_, err := rpctestpb.NewTestClient(h.Conn("mortal")).Echo(t.Context(), &rpctestpb.Packet{})
			answered <- err
		}()
		synctest.Wait()
		assert.EqualValues(t, 1, run.sends.Load())
		close(run.over)
		assert.NoError(t, <-answered, "the next run answers")
		assert.NoError(t, h.Close())
	})
}

func TestCloseWaitsForNoBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := localHost(t)
		run := &dying{over: make(chan struct{})}
		close(run.over)
		run.conn = rpc.NewConn(run, rpc.ConnOptions{})
		<-run.conn.Done()
		p := h.Plugin("mortal")
		p.current, p.deaths = run, 100

		refused := make(chan error, 1)
		go func() {
			_, err := p.acquire(t.Context())
			refused <- err
		}()
		synctest.Wait()
		began := time.Now()
		require.NoError(t, h.Close())
		assert.Zero(t, time.Since(began))
		assert.Equal(t, codes.Canceled, status.Code(<-refused))
		assert.Nil(t, p.current)
	})
}

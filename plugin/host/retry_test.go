package host

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

	"ddc/plugin"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
	"ddc/transport/inproc"
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
func (d *dying) connection() connection         { return d.conn }
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
	h, err := New(Options{Local: func(string) (plugin.Service, error) { return testService{}, nil }})
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

// A call that is made alone, for the last time, once met the run that another
// had just killed, and was given up for it.
func TestNobodyHasTheRoomBeforeARunThatDiesHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := localHost(t)
		run := &dying{over: make(chan struct{})}
		run.conn = rpc.NewConn(run, rpc.ConnOptions{})
		p := h.Plugin("mortal")
		p.current = run
		failed := make(chan error, 1)
		go func() {
			_, err := p.attempt(t.Context(), false, rpctestpb.Test_Echo_FullMethodName, &rpctestpb.Packet{}, &rpctestpb.Packet{}, nil)
			failed <- err
		}()
		synctest.Wait()
		assert.EqualValues(t, 1, run.sends.Load())
		assert.False(t, p.room.TryAcquire(everyone))
		close(run.over)
		assert.True(t, repeatable(<-failed))
		assert.True(t, p.room.TryAcquire(everyone))
		p.room.Release(everyone)
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

// leaving is a run whose server shuts down of its own accord, and has a handler
// that does not end until it is released.
type leaving struct {
	dying
	link  transport.Link
	kills atomic.Int32
}

func (l *leaving) connection() connection { return l.conn }

func (l *leaving) kill(error) {
	l.kills.Add(1)
	go l.link.Close() //nolint:errcheck // as the end of a process would
}

type held struct {
	rpctestpb.UnimplementedTestServer
	begun, release chan struct{}
}

func (h *held) Echo(context.Context, *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	close(h.begun)
	<-h.release
	return &rpctestpb.Packet{}, nil
}

// leave gives a run that has said that it takes no more calls.
func leave(t *testing.T) (run *leaving, release func(), ended chan error) {
	t.Helper()
	tr := inproc.New()
	host, peer, err := tr.Pair("mortal")
	require.NoError(t, err)
	service := &held{begun: make(chan struct{}), release: make(chan struct{})}
	server := rpc.NewServer(rpc.ServerOptions{})
	rpctestpb.RegisterTestServer(server, service)
	ctx, stop := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	go func() {
		ended <- server.Serve(ctx, peer)
		_ = tr.Close()
	}()
	run = &leaving{link: host}
	run.conn = rpc.NewConn(host, rpc.ConnOptions{Name: "plugin mortal"})
	go rpctestpb.NewTestClient(run.conn).Echo(t.Context(), &rpctestpb.Packet{}) //nolint:errcheck // its fate is not the point
	<-service.begun
	stop()
	synctest.Wait()
	return run, func() { close(service.release) }, ended
}

func TestARunThatShutsDownHasTimeForThatAndCostsACallOneAttempt(t *testing.T) {
	for name, stubborn := range map[string]bool{"in time": false, "not at all": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := localHost(t)
				run, release, ended := leave(t)
				h.Plugin("mortal").current = run
				answered := make(chan error, 1)
				began := time.Now()
				go func() {
					_, err := rpctestpb.NewTestClient(h.Conn("mortal")).Echo(t.Context(), &rpctestpb.Packet{})
					answered <- err
				}()
				synctest.Wait()
				if !stubborn {
					release()
				}
				assert.NoError(t, <-answered, "the next run answers")
				if stubborn {
					assert.EqualValues(t, 1, run.kills.Load())
					assert.GreaterOrEqual(t, time.Since(began), grace)
					release()
				} else {
					assert.Zero(t, run.kills.Load())
					assert.Less(t, time.Since(began), grace)
				}
				<-ended
				assert.NoError(t, h.Close())
			})
		})
	}
}

// A plugin died, and its host had closed the link, when a call began on it:
// that call is the next run's. It was Canceled, two times in fourteen runs of
// the matrix without a fault.
func TestACallOnALinkThatTheHostHasClosedIsMadeAgain(t *testing.T) {
	conn := rpc.NewConn(&dying{over: closedChannel()}, rpc.ConnOptions{Name: "gone"})
	require.NoError(t, conn.Close())
	_, err := rpctestpb.NewTestClient(conn).Echo(t.Context(), &rpctestpb.Packet{})
	assert.Equal(t, codes.Canceled, status.Code(err))
	assert.True(t, repeatable(err), "%v", err)
}

func closedChannel() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

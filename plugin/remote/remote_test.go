package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/internal/await"
	"ddc/internal/fixture"
	"ddc/internal/subject"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
)

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)) // it complains of what tests do wrong on purpose
	goleak.VerifyTestMain(await.Watched(m))
}

type packet = rpctestpb.Packet

var same = Identity{Program: "p1", Version: "ddc of the test"}

// handler answers the calls of a worker's plugin.
type handler func(ctx context.Context, in *packet) (*packet, error)

func (h handler) Invoke(ctx context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	out, err := h(ctx, args.(*packet))
	if err == nil {
		proto.Merge(reply.(*packet), out)
	}
	return err
}

func (h handler) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	panic("a worker makes no streams")
}

func echo(_ context.Context, in *packet) (*packet, error) { return in, nil }

func filesIn(folder string) *TLS {
	return &TLS{filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"), filepath.Join(folder, "ca.crt")}
}

// worker is a server under test.
type worker struct {
	*Server
	address string
	stop    context.CancelFunc
	served  chan error
}

// start starts a worker whose only plugin is echo.
func start(t *testing.T, address string, h handler, change func(*ServerOptions)) *worker {
	t.Helper()
	o := ServerOptions{Identity: same, Jobs: 8, Plugins: []Served{{Name: "echo", Conn: h, Tools: "t1", Methods: []string{rpctestpb.Test_Echo_FullMethodName}}}}
	if change != nil {
		change(&o)
	}
	l, err := Listen(address, o.TLS != nil)
	require.NoError(t, err)
	w := &worker{address: l.Addr().String(), served: make(chan error, 1)}
	w.Server, err = NewServer(o)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.served <- w.Serve(ctx, l)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return w
}

func dial(t *testing.T, target string, o Options) (*Conn, error) {
	t.Helper()
	if o.Identity == (Identity{}) {
		o.Identity = same
	}
	c, err := Dial(t.Context(), target, []string{"echo"}, o)
	if err == nil {
		t.Cleanup(func() { assert.NoError(t, c.Close()) })
	}
	return c, err
}

// refused dials a target where nobody answers, and returns what is said of it.
// The wait is made longer until that contains says: what a handshake met is
// known only when it has ended.
func refused(t *testing.T, target string, o Options, says string) error {
	t.Helper()
	var err error
	o.Wait = 150 * time.Millisecond
	await.Until(t, "the reason "+says, func() bool {
		o.Wait *= 2
		_, err = dial(t, target, o)
		return err == nil || strings.Contains(err.Error(), says)
	}, func() string { return fmt.Sprint(err) })
	require.Error(t, err)
	assert.ErrorContains(t, err, fmt.Sprintf("no worker answers at %s within %v", target, o.Wait))
	return err
}

func client(t *testing.T, target string, o Options) rpctestpb.TestClient {
	t.Helper()
	c, err := dial(t, target, o)
	require.NoError(t, err)
	return rpctestpb.NewTestClient(c.Plugin("echo"))
}

// twins are two workers of one name, which only this test's name server knows.
func twins(t *testing.T, of func(n int) handler) (target string, certificates *TLS, workers [2]*worker) {
	t.Helper()
	certificates = filesIn(fixture.Certificates(t, "workers.test"))
	secured := func(o *ServerOptions) { o.TLS = certificates }
	workers[0] = start(t, "127.0.0.1:0", of(0), secured)
	_, port, err := net.SplitHostPort(workers[0].address)
	require.NoError(t, err)
	workers[1] = start(t, "127.0.0.2:"+port, of(1), secured)
	return "dns://" + fixture.Names(t, "127.0.0.1", "127.0.0.2") + "/workers.test:" + port, certificates, workers
}

func TestCallsGoToAllWorkersOfANameAndElsewhereOnceOneDrains(t *testing.T) {
	var answered [2]atomic.Int64
	target, certificates, workers := twins(t, func(n int) handler {
		return func(ctx context.Context, in *packet) (*packet, error) {
			answered[n].Add(1)
			return &packet{Text: subject.Of(ctx), Number: in.Number, Data: in.Data}, nil
		}
	})
	c := client(t, target, Options{TLS: certificates})
	ctx := subject.With(t.Context(), "static/ä.png")
	await.Until(t, "both workers to be asked", func() bool {
		out, err := c.Echo(ctx, &packet{Number: 7, Data: make([]byte, 3_000_000)})
		require.NoError(t, err)
		assert.EqualValues(t, 7, out.Number)
		assert.Equal(t, "static/ä.png", out.Text)
		assert.Len(t, out.Data, 3_000_000)
		return answered[0].Load() > 0 && answered[1].Load() > 0
	})
	workers[0].stop()
	require.NoError(t, await.Value(t, "the worker to end", workers[0].served))
	for range 50 {
		_, err := c.Echo(ctx, &packet{})
		require.NoError(t, err)
	}
}

// The requests are larger than gRPC keeps by itself to send them again.
func TestACallWhoseWorkerEndsIsMadeAgainElsewhere(t *testing.T) {
	begun := make(chan int, 64)
	var dead atomic.Int64
	dead.Store(-1)
	target, certificates, workers := twins(t, func(n int) handler {
		return func(ctx context.Context, in *packet) (*packet, error) {
			begun <- n
			if dead.Load() < 0 || dead.Load() == int64(n) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return in, nil
		}
	})
	c := client(t, target, Options{TLS: certificates})
	answered := make(chan error, 1)
	go func() {
		out, err := c.Echo(context.Background(), &packet{Data: make([]byte, 5_000_000)})
		if err == nil && len(out.Data) != 5_000_000 {
			err = fmt.Errorf("%d bytes", len(out.Data))
		}
		answered <- err
	}()
	n := await.Value(t, "a worker to begin", begun)
	dead.Store(int64(n))
	workers[n].grpc.Stop() // as if it were killed
	require.NoError(t, await.Value(t, "the other worker's answer", answered))
}

func TestAWorkerThatDoesNotFitIsRefused(t *testing.T) {
	w := start(t, "127.0.0.1:0", echo, nil)
	_, err := dial(t, w.address, Options{Identity: Identity{Program: "p2", Version: "ddc of others"}})
	assert.ErrorIs(t, err, ErrUnfit)
	assert.ErrorContains(t, err, w.address+" is ddc of the test, and this is ddc of others, of another build")
	_, err = dial(t, w.address, Options{Tools: func(string) string { return "t2" }})
	assert.ErrorIs(t, err, ErrUnfit)
	assert.ErrorContains(t, err, "the programs that echo drives are others on "+w.address+" than here")
	_, err = Dial(t.Context(), w.address, []string{"jxl"}, Options{Identity: same})
	assert.ErrorIs(t, err, ErrUnfit)
	assert.ErrorContains(t, err, "does not run the plugin jxl")
}

// Another worker may come under the name later.
func TestEachCallIsRefusedByAWorkerThatDoesNotFit(t *testing.T) {
	for what, change := range map[string]func(*Options, *Plugin){
		"of another build than its caller":                 func(o *Options, _ *Plugin) { o.Identity.Program = "p0" },
		"the programs that echo drives are others on this": func(_ *Options, p *Plugin) { p.tools = "t0" },
	} {
		w := start(t, "127.0.0.1:0", echo, nil)
		c, err := dial(t, w.address, Options{})
		require.NoError(t, err)
		change(&c.options, c.Plugin("echo"))
		_, err = rpctestpb.NewTestClient(c.Plugin("echo")).Echo(t.Context(), &packet{})
		assert.Equal(t, codes.Aborted, status.Code(err))
		assert.ErrorContains(t, err, "worker "+w.address+": ")
		assert.ErrorContains(t, err, what)
	}
}

// No other worker is asked because a worker's plugin has answered with an
// error, or was lost each time.
func TestAPluginsErrorIsNotRepeated(t *testing.T) {
	var calls atomic.Int64
	w := start(t, "127.0.0.1:0", func(_ context.Context, in *packet) (*packet, error) {
		calls.Add(1)
		return nil, status.Error(codes.Code(in.Number), "as told")
	}, nil)
	c := client(t, w.address, Options{})
	for _, code := range []codes.Code{codes.Unavailable, codes.InvalidArgument, codes.FailedPrecondition, codes.Internal, codes.DeadlineExceeded} {
		calls.Store(0)
		_, err := c.Echo(t.Context(), &packet{Number: int64(code)})
		assert.Equal(t, code, status.Code(err))
		assert.ErrorContains(t, err, "as told")
		assert.EqualValues(t, 1, calls.Load(), code)
	}
}

func TestACallThatIsNotAnsweredInTimeIsMadeTwice(t *testing.T) {
	var calls atomic.Int64
	w := start(t, "127.0.0.1:0", func(ctx context.Context, _ *packet) (*packet, error) {
		calls.Add(1)
		<-ctx.Done()
		return nil, ctx.Err()
	}, nil)
	c := client(t, w.address, Options{CallTimeout: func(string) time.Duration { return 300 * time.Millisecond }})
	_, err := c.Echo(t.Context(), &packet{})
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
	assert.ErrorContains(t, err, "given up after 2 attempts")
	assert.LessOrEqual(t, calls.Load(), int64(2))
}

func TestACallWithoutAnyWorkerIsGivenUp(t *testing.T) {
	w := start(t, "127.0.0.1:0", echo, nil)
	conn, err := dial(t, w.address, Options{})
	require.NoError(t, err)
	conn.Plugin("echo").pause = time.Millisecond
	c := rpctestpb.NewTestClient(conn.Plugin("echo"))
	w.stop()
	require.NoError(t, await.Value(t, "the worker to end", w.served))
	_, err = c.Echo(t.Context(), &packet{})
	assert.Equal(t, codes.Unavailable, status.Code(err))
	assert.ErrorContains(t, err, "plugin echo on "+w.address+": given up after 5 attempts: ")

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Echo(ctx, &packet{})
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err), "the caller's own")
}

func TestMoreCallsThanJobsWait(t *testing.T) {
	var now, most atomic.Int64
	release := make(chan struct{})
	w := start(t, "127.0.0.1:0", func(_ context.Context, in *packet) (*packet, error) {
		for n, seen := now.Add(1), most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
		}
		defer now.Add(-1)
		<-release
		return in, nil
	}, func(o *ServerOptions) { o.Jobs = 3 })
	c, err := dial(t, w.address, Options{})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := rpctestpb.NewTestClient(c.Plugin("echo")).Echo(context.Background(), &packet{Data: make([]byte, 100_000)})
			assert.NoError(t, err)
		})
	}
	await.Until(t, "three calls to begin", func() bool { return now.Load() == 3 && len(c.Plugin("echo").Calls()) == 20 })
	close(release)
	await.All(t, "every call to be answered", &all)
	assert.EqualValues(t, 3, most.Load())
	assert.Empty(t, c.Plugin("echo").Calls())
	assert.Greater(t, c.Plugin("echo").Stats().BytesOut, uint64(20*100_000))
	assert.Greater(t, c.Plugin("echo").Stats().BytesIn, uint64(20*100_000))
}

func TestMessagesOverTheirBoundsAreRefused(t *testing.T) {
	w := start(t, "127.0.0.1:0", echo, func(o *ServerOptions) { o.MaxMessage = 4000 })
	c := client(t, w.address, Options{MaxMessage: 5000, Replies: func(string) rpc.Bounds { return rpc.Bounds{Bytes: 1000} }})
	for _, size := range []int{2000, 4500, 6000} { // the reply, the worker's bound, our own
		_, err := c.Echo(t.Context(), &packet{Data: make([]byte, size)})
		assert.Equal(t, codes.ResourceExhausted, status.Code(err), size)
	}
	_, err := c.Echo(t.Context(), &packet{Data: make([]byte, 900)})
	assert.NoError(t, err)
}

func TestOnlyUnaryCallsOfItsPluginsAreServed(t *testing.T) {
	w := start(t, "127.0.0.1:0", echo, nil)
	c, err := dial(t, w.address, Options{})
	require.NoError(t, err)
	_, err = rpctestpb.NewTestClient(c.Plugin("echo")).Chat(t.Context())
	assert.Equal(t, codes.Unimplemented, status.Code(err))
	err = c.Plugin("echo").Invoke(t.Context(), "/ddc.jxl.Jxl/Encode", &packet{}, &packet{})
	assert.Equal(t, codes.Unimplemented, status.Code(err))
	assert.ErrorContains(t, err, "this worker runs echo")
	for _, method := range []string{rpctestpb.Test_Chat_FullMethodName, "/no.such/Method"} {
		_, err = NewServer(ServerOptions{Plugins: []Served{{Name: "echo", Methods: []string{method}}}})
		assert.ErrorContains(t, err, method)
	}
}

func TestHealthIsOfTheWorkerAndOfEachService(t *testing.T) {
	w := start(t, "127.0.0.1:0", echo, nil)
	c, err := dial(t, w.address, Options{})
	require.NoError(t, err)
	watch, err := grpc_health_v1.NewHealthClient(c.grpc).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "ddc.rpctest.Test"})
	require.NoError(t, err)
	// Who does not keep up with changes is told the last alone.
	next := func() grpc_health_v1.HealthCheckResponse_ServingStatus {
		said, err := watch.Recv()
		require.NoError(t, err)
		return said.Status
	}
	assert.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, next())
	assert.NoError(t, Check(t.Context(), w.address, nil))
	assert.ErrorIs(t, Check(t.Context(), "workers:1", nil), ErrPlain)
	w.health.Shutdown()
	assert.Equal(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING, next())
	assert.ErrorContains(t, Check(t.Context(), w.address, nil), "is NOT_SERVING")
	w.health.Resume()
	assert.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, next())
	w.stop()
	assert.Equal(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING, next(), "before it goes")
}

func TestCallsUnderWayMayEndWhileAWorkerDrains(t *testing.T) {
	for name, drain := range map[string]time.Duration{"in time": time.Hour, "too late": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			begun, release := make(chan struct{}, 1), make(chan struct{})
			w := start(t, "127.0.0.1:0", func(ctx context.Context, in *packet) (*packet, error) {
				begun <- struct{}{}
				select {
				case <-release:
				case <-ctx.Done():
				}
				return in, ctx.Err()
			}, func(o *ServerOptions) { o.Drain = drain })
			c := client(t, w.address, Options{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			answered := make(chan error, 1)
			go func() {
				_, err := c.Echo(ctx, &packet{})
				answered <- err
			}()
			await.Closed(t, "the call to begin", begun)
			w.stop()
			if drain == time.Hour {
				close(release)
				assert.NoError(t, await.Value(t, "the answer", answered))
				assert.NoError(t, await.Value(t, "the worker to end", w.served))
				return
			}
			assert.ErrorContains(t, await.Value(t, "the worker to end", w.served), "were broken off")
			cancel()
			assert.Error(t, await.Value(t, "the caller to give up", answered))
		})
	}
}

func TestNobodyAtTheTargetIsSaid(t *testing.T) {
	// A socket that is bound and does not listen keeps others from its port.
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(s)
	require.NoError(t, unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := unix.Getsockname(s)
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
	err = refused(t, address, Options{}, "connection refused")
	assert.ErrorContains(t, err, "is one running, well, and reached by the same kind of connection?")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	_, err = Dial(ctx, address, nil, Options{})
	assert.ErrorIs(t, err, context.Canceled)
}

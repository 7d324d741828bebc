package host

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/internal/sandbox"
	"ddc/plugin/spec"
	"ddc/rpc/rpctestpb"
)

// A program that is no plugin and does not end fails its calls in the start
// time, its streams too, and is not started again for them.
func TestAProgramThatNeverAttachesFailsInTheStartTime(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.Command = func(string) (string, []string) { return "/bin/sleep", []string{"1000"} }
		o.StartTime = 200 * time.Millisecond
		h := newHost(t, o)
		failed := func(err error) {
			t.Helper()
			assert.Equal(t, codes.Unavailable, status.Code(err))
			require.ErrorIs(t, err, ErrNeverAttached)
			assert.ErrorContains(t, err, "did not attach to the host within 200ms")
		}
		called := make(chan error, 1)
		go func() { _, err := echo(t, h, "sleeper", &rpctestpb.Packet{}); called <- err }()
		failed(await.Value(t, "the call to fail", called))
		assert.Zero(t, h.Plugin("sleeper").Stats().Restarts)

		received := make(chan error, 1)
		go func() {
			stream, err := rpctestpb.NewTestClient(h.Conn("sleeper")).Chat(t.Context()) // gRPC waits here for a plugin that attaches
			if err == nil {
				_, err = stream.Recv()
			}
			received <- err
		}()
		failed(await.Value(t, "the stream to fail", received))
	})
}

// killed hears of its end, at most once.
type killed chan error

func (v killed) kill(cause error) { v <- cause }

// never is how long a program that always has a processor waits for one.
func never() time.Duration { return 0 }

// On a busy machine a program may wait for a processor longer than it may take.
func TestAProgramThatWaitsForAProcessorHasMoreTimeButNotAllOfIt(t *testing.T) {
	const limit = 20 * time.Millisecond
	for _, c := range []struct{ waited, least time.Duration }{{0, limit}, {2 * limit, 3 * limit}, {time.Hour, mostStarved * limit}} {
		v, began := make(killed, 1), time.Now()
		startWithin(limit, func() bool { return false }, func() time.Duration { return c.waited }, v)
		cause := await.Value(t, "the program to be killed", v)
		assert.GreaterOrEqual(t, time.Since(began), c.least)
		assert.ErrorIs(t, cause, ErrNeverAttached)
	}
}

// One program more than there are processors has one of them wait.
func TestStarvationIsWhatAProgramHasWaited(t *testing.T) {
	var programs []*exec.Cmd
	for range runtime.NumCPU() + 1 {
		busy := exec.CommandContext(t.Context(), "sh", "-c", "while :; do :; done")
		require.NoError(t, busy.Start())
		programs = append(programs, busy)
	}
	await.Until(t, "one to have waited for a processor", func() bool {
		return slices.ContainsFunc(programs, func(p *exec.Cmd) bool { return starvation(p.Process.Pid) > 0 })
	})
	for _, p := range programs {
		require.NoError(t, p.Process.Kill())
		_ = p.Wait() // it was killed
		assert.Zero(t, starvation(p.Process.Pid), "it has ended")
	}
}

func TestAProgramThatAttachesIsLeftAlone(t *testing.T) {
	looked := make(chan struct{}, 1)
	attached := func() bool {
		select {
		case looked <- struct{}{}:
		default:
		}
		return true
	}
	v := make(killed, 1)
	s := startWithin(20*time.Millisecond, attached, never, v)
	await.Value(t, "a look", looked)
	await.Until(t, "looking to end", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.timer == nil })
	assert.Empty(t, v)

	s = startWithin(time.Hour, func() bool { return false }, never, v)
	s.stop()
	s.look() // which had begun just before
	assert.Nil(t, s.timer)
	assert.Empty(t, v)
}

// counting is a stats handler that counts links and calls.
type counting struct {
	mu     sync.Mutex
	events []string
}

func (c *counting) note(event string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event)
}

func (c *counting) has(event string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.events, event)
}

func (*counting) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*counting) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (c *counting) HandleRPC(_ context.Context, s stats.RPCStats) {
	if s, ok := s.(*stats.End); ok {
		c.note("call " + status.Code(s.Error).String())
	}
}

func (c *counting) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnEnd); ok {
		c.note("link ended")
	}
}

func TestInterceptorsAndStatsHandlersSeeTheCallsOfPlugins(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		var seen counting
		o.Calls = Calls{
			Stats: []stats.Handler{&seen},
			Unary: []grpc.UnaryClientInterceptor{func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				seen.note("unary " + method)
				return next(ctx, method, req, reply, cc, opts...)
			}},
			Stream: []grpc.StreamClientInterceptor{func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
				seen.note("stream " + method)
				return next(ctx, desc, cc, method, opts...)
			}},
		}
		h := newHost(t, o)
		// Repeated once, so one call of two attempts.
		_, err := echo(t, h, "seen", &rpctestpb.Packet{Text: "exit-once " + t.TempDir() + "/x"})
		require.NoError(t, err)
		stream, err := rpctestpb.NewTestClient(h.Conn("seen")).Chat(t.Context())
		require.NoError(t, err)
		require.NoError(t, stream.CloseSend())
		for err == nil {
			_, err = stream.Recv()
		}
		require.NoError(t, h.Close())
		for _, event := range []string{"unary " + rpctestpb.Test_Echo_FullMethodName, "stream " + rpctestpb.Test_Chat_FullMethodName, "call Unavailable", "call OK", "link ended"} {
			assert.True(t, seen.has(event), "%s in %v", event, seen.events)
		}
	})
}

// The text says once who died of what.
func TestTheErrorOfAPluginThatDiedSaysEachThingOnce(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.Attempts = 1
		h := newHost(t, o)
		_, err := echo(t, h, "mortal", &rpctestpb.Packet{Text: "exit"})
		require.Error(t, err)
		assert.Equal(t, "plugin mortal died: exit status 7", status.Convert(err).Message())
	})
}

// A program is checked before it is started, and what was checked is started.
func TestAProgramWithAnotherChecksumIsNotStarted(t *testing.T) {
	content, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	right := sha256.Sum256(content)
	asked := right
	h := newHost(t, Options{Checksum: func(name string) ([sha256.Size]byte, bool) { return asked, name != "unchecked" }})
	_, err = echo(t, h, "right", &rpctestpb.Packet{})
	require.NoError(t, err)
	asked[0]++
	_, err = echo(t, h, "wrong", &rpctestpb.Packet{})
	require.ErrorIs(t, err, ErrChecksum)
	assert.ErrorContains(t, err, fmt.Sprintf("has SHA-256 %x", right))
	assert.Zero(t, h.Plugin("wrong").Stats().Restarts)
	_, err = echo(t, h, "unchecked", &rpctestpb.Packet{})
	require.NoError(t, err)
}

// A sandbox lets the checked file alone be run, whatever is at its name.
func TestCheckedProgramIsStartedInItsSandboxAndNoOther(t *testing.T) {
	content, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, content, 0o755))
	h := newHost(t, Options{
		Command:  func(string) (string, []string) { return path, nil },
		Checksum: func(string) ([sha256.Size]byte, bool) { return sha256.Sum256(content), true },
		Confine:  func(string) spec.Confinement { return spec.Confinement{} },
	})
	for range 2 {
		_, err = echo(t, h, "confined", &rpctestpb.Packet{})
		require.NoError(t, err)
		_, err = echo(t, h, "confined", &rpctestpb.Packet{Text: "exit"}) // what starts next is checked again
		require.Error(t, err)
	}
	if sandbox.Kernel().Landlock == 0 {
		return
	}
	// Equal content, but not the file that was checked.
	other := path + "-other"
	require.NoError(t, os.WriteFile(other, content, 0o755))
	require.ErrorIs(t, h.threads.start("confined", exec.CommandContext(t.Context(), other), path), fs.ErrPermission)
	// What is built again may be another file, and is checked as the first was.
	require.NoError(t, os.Rename(other, path))
	_, err = echo(t, h, "confined", &rpctestpb.Packet{})
	require.NoError(t, err)
}

func TestWhatWasCheckedIsStartedWhateverItsNameNamesNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	content, err := os.ReadFile("/bin/echo")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o755))
	v, err := verify(path, sha256.Sum256(content))
	require.NoError(t, err)
	defer v.close()
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\necho another\n"), 0o755))
	out, err := exec.CommandContext(t.Context(), v.path(), "the same").Output()
	require.NoError(t, err)
	assert.Equal(t, "the same\n", string(out))
}

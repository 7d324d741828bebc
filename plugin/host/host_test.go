package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/internal/proc"
	"ddc/plugin"
	"ddc/rpc/rpctestpb"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

// The role of this test binary when it was started by itself.
const envRole = "DDC_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(envRole); role {
	case "":
		goleak.VerifyTestMain(await.Watched(m))
	case "host":
		hostThatNeverCloses()
	case "intruder":
		plugin.Main(intruder{})
	case "optioned":
		plugin.MainWith(testService{}, optioned())
	case "speaker":
		plugin.MainWith(testService{}, plugin.Options{Versions: map[int]plugin.Service{2: speaker{version: 2}, 4: speaker{version: 4}}})
	case "scribbler":
		plugin.Main(newScribbler())
	default:
		plugin.Main(testService{})
	}
}

// testService obeys the text of a packet.
type testService struct {
	rpctestpb.UnimplementedTestServer
}

func (s testService) Register(r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, s) }

var blocked = make(chan struct{})

func (testService) Echo(ctx context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	verb, argument, _ := strings.Cut(p.Text, " ")
	switch verb {
	case "exit":
		os.Exit(7)
	case "exit-once":
		// The file is there from the second attempt on.
		if f, err := os.OpenFile(argument, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			_ = f.Close()
			fmt.Fprintln(os.Stderr, "panic: as told")
			os.Exit(2)
		}
	case "die":
		die(argument)
	case "flood":
		megabytes, _ := strconv.Atoi(argument)
		flood(megabytes)
	case "log":
		slog.Info(argument, "size", 3)
		fmt.Fprintln(os.Stdout, "printed "+argument)
		fmt.Fprintln(os.Stderr, "complained of "+argument)
	case "pid":
		return &rpctestpb.Packet{Number: int64(os.Getpid())}, nil
	case "holdings":
		return answerHoldings()
	case "pass": // once the file, a named pipe, has been opened for writing
		f, err := os.Open(argument)
		if err != nil {
			return nil, err
		}
		_ = f.Close()
	case "large":
		n, err := strconv.Atoi(argument)
		return &rpctestpb.Packet{Data: make([]byte, n)}, err
	case "hoard":
		for hoard := [][]byte{}; ; {
			hoard = append(hoard, bytes.Repeat([]byte{1}, 1<<20))
		}
	case "descend":
		return &rpctestpb.Packet{Number: descend(1)}, nil
	case "spin":
		for worked := 0; ; worked++ { // and never ends
		}
	case "block":
		<-blocked // for ever, whatever ctx says
	case "process": // waits for another process, which ends with this thread
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		c := exec.Command("sleep", "1000")
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		return p, c.Run() // whatever ctx says
	case "ask": // the host
		p.Text = argument
		return rpctestpb.NewTestClient(plugin.Host(ctx)).Echo(ctx, p)
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "fail":
		return nil, status.Error(codes.InvalidArgument, argument)
	}
	return p, nil
}

// descend calls itself without end.
func descend(n int64) int64 {
	if n == 0 {
		return 0
	}
	return descend(n+1) + n
}

// Count sends its packet back once, having done as it says.
func (s testService) Count(p *rpctestpb.Packet, stream grpc.ServerStreamingServer[rpctestpb.Packet]) error {
	reply, err := s.Echo(stream.Context(), p)
	if err != nil {
		return err
	}
	return stream.Send(reply)
}

// Sum answers when all has come, and takes nothing after a packet that says
// "deaf".
func (s testService) Sum(stream grpc.ClientStreamingServer[rpctestpb.Packet, rpctestpb.Packet]) error {
	for {
		p, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&rpctestpb.Packet{})
		}
		if err != nil {
			return err
		}
		if p.Text == "deaf" {
			<-stream.Context().Done()
			return stream.Context().Err()
		}
	}
}

// self is the command that starts this test binary as a plugin.
func self(string) (string, []string) {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path, nil
}

func newHost(t *testing.T, o Options) *Host {
	t.Helper()
	t.Setenv(envRole, "plugin")
	if o.Command == nil && o.Local == nil {
		o.Command = self
	}
	before := openFiles(t)
	h, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, h.Close())
		assert.Empty(t, proc.Descendants(os.Getpid())[1:])
		assert.Equal(t, before, openFiles(t), "open descriptors")
	})
	return h
}

// openFiles counts this process's descriptors. The runtime's poller has two of
// its own from the first pipe on.
func openFiles(t *testing.T) int {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// everyWake runs a test on every strategy and both control groups.
func everyWake(t *testing.T, test func(t *testing.T, o Options)) {
	t.Helper()
	everyProcess(t, test)
	t.Run("inproc", func(t *testing.T) {
		test(t, Options{Local: func(string) (plugin.Service, error) { return testService{}, nil }})
	})
}

// everyProcess runs a test on all that reaches a process.
func everyProcess(t *testing.T, test func(t *testing.T, o Options)) {
	t.Helper()
	for _, name := range strategy.Names() {
		t.Run(name, func(t *testing.T) { test(t, Options{Wake: name}) })
	}
	t.Run("grpc", func(t *testing.T) { test(t, Options{GRPC: true}) })
}

// hubAndGRPC runs a test to which the strategy does not matter. The short run,
// which is for the race detector, has gRPC's part in rpc/stock.
func hubAndGRPC(t *testing.T, test func(t *testing.T, o Options)) {
	t.Helper()
	t.Run("shm", func(t *testing.T) { test(t, Options{}) })
	if testing.Short() {
		return
	}
	t.Run("grpc", func(t *testing.T) { test(t, Options{GRPC: true}) })
}

func echo(t testing.TB, h *Host, name string, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return rpctestpb.NewTestClient(h.Conn(name)).Echo(ctx, p)
}

func TestCallsOfEverySizeReachAPlugin(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		for _, n := range []int{0, 10, 1000, 100_000, 5_000_000, 30_000_000} {
			data := bytes.Repeat([]byte{byte(n), 7}, n/2)
			answer, err := echo(t, h, "echo", &rpctestpb.Packet{Data: data})
			require.NoError(t, err)
			assert.True(t, bytes.Equal(data, answer.Data), "%d bytes", n)
		}
		stats := h.Plugin("echo").Stats()
		assert.Equal(t, uint64(6), stats.Calls)
		assert.GreaterOrEqual(t, stats.Link.BytesIn, uint64(35_000_000))
		assert.GreaterOrEqual(t, stats.Link.BytesOut, uint64(35_000_000))
	})
}

func TestSixteenPluginsAnswerEightyWorkers(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		names := make([]string, 16)
		for i := range names {
			names[i] = fmt.Sprintf("plugin%d", i)
		}
		require.NoError(t, h.Start(t.Context(), names...))
		var workers sync.WaitGroup
		var answered atomic.Int64
		for w := range 80 {
			workers.Go(func() {
				for n := range 20 {
					data := bytes.Repeat([]byte{byte(n)}, (w*n*37)%3000)
					answer, err := echo(t, h, names[(w+n)%16], &rpctestpb.Packet{Number: int64(n), Data: data})
					if assert.NoError(t, err) && assert.Equal(t, data, append([]byte{}, answer.Data...)) {
						answered.Add(1)
					}
				}
			})
		}
		await.All(t, "eighty workers to be answered", &workers)
		assert.Equal(t, int64(1600), answered.Load())
	})
}

func TestOnePluginMayWakeDifferently(t *testing.T) {
	h := newHost(t, Options{Wake: "futex", WakeOf: map[string]string{"odd": "pipe"}})
	for _, name := range []string{"even", "odd"} {
		_, err := echo(t, h, name, &rpctestpb.Packet{})
		require.NoError(t, err)
	}
	assert.Equal(t, "futex", h.Plugin("even").Stats().Wake)
	assert.Equal(t, "pipe", h.Plugin("odd").Stats().Wake)
}

func TestUnknownStrategyIsRefused(t *testing.T) {
	_, err := New(Options{WakeOf: map[string]string{"fonts": "semaphore"}})
	assert.ErrorContains(t, err, `unknown wake strategy "semaphore"`)
}

// The third fix of the hang: a handler that blocks must not stop its plugin
// from receiving and answering other calls, on its one processor.
func TestBlockedHandlerHoldsUpNoOtherCall(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error, 1)
		go func() {
			_, err := rpctestpb.NewTestClient(h.Conn("slow")).Echo(ctx, &rpctestpb.Packet{Text: "wait"})
			waiting <- err
		}()
		for n := range int64(300) {
			answer, err := echo(t, h, "slow", &rpctestpb.Packet{Number: n})
			require.NoError(t, err)
			assert.Equal(t, n, answer.Number)
		}
		cancel()
		assert.Equal(t, codes.Canceled, status.Code(<-waiting))
	})
}

func TestCallIsRepeatedOnANewRunWhenThePluginDies(t *testing.T) {
	everyProcess(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		first, err := echo(t, h, "mortal", &rpctestpb.Packet{Text: "pid"})
		require.NoError(t, err)
		answer, err := echo(t, h, "mortal", &rpctestpb.Packet{Text: "exit-once " + filepath.Join(t.TempDir(), "x")})
		require.NoError(t, err)
		assert.NotNil(t, answer)
		second, err := echo(t, h, "mortal", &rpctestpb.Packet{Text: "pid"})
		require.NoError(t, err)
		assert.NotEqual(t, first.Number, second.Number)
		stats := h.Plugin("mortal").Stats()
		assert.Equal(t, 1, stats.Restarts)
		assert.Zero(t, stats.Errors)
	})
}

func TestPluginThatDiesOfOneInputIsGivenUp(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		_, err := echo(t, h, "mortal", &rpctestpb.Packet{Text: "exit"})
		require.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "given up after 3 attempts")
		assert.ErrorContains(t, err, "plugin mortal died")
		assert.ErrorContains(t, err, "exit status 7")
		_, err = echo(t, h, "mortal", &rpctestpb.Packet{Text: "and other calls go on"})
		assert.NoError(t, err)
	})
}

func TestKilledPluginFailsItsStreamAndStartsAgain(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		answer, err := echo(t, h, "victim", &rpctestpb.Packet{Text: "pid"})
		require.NoError(t, err)
		stream, err := rpctestpb.NewTestClient(h.Conn("victim")).Chat(t.Context())
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(int(answer.Number), syscall.SIGKILL))
		_, err = stream.Recv()
		require.Error(t, err)
		_, err = echo(t, h, "victim", &rpctestpb.Packet{})
		assert.NoError(t, err)
	})
}

func TestErrorOfAHandlerIsPassedOnAndNotRepeated(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		_, err := echo(t, h, "strict", &rpctestpb.Packet{Text: "fail page.md:3:1: no such thing"})
		assert.Equal(t, codes.InvalidArgument, status.Code(err))
		assert.Equal(t, "page.md:3:1: no such thing", status.Convert(err).Message())
		stats := h.Plugin("strict").Stats()
		assert.Equal(t, uint64(1), stats.Calls)
		assert.Equal(t, uint64(1), stats.Errors)
	})
}

func TestLogOfAPluginReachesTheHostWithItsName(t *testing.T) {
	var mu sync.Mutex
	var out bytes.Buffer
	h := newHost(t, Options{Logger: slog.New(slog.NewJSONHandler(lockedWriter{&mu, &out}, nil))})
	_, err := echo(t, h, "talker", &rpctestpb.Packet{Text: "log hello"})
	require.NoError(t, err)
	require.NoError(t, h.Close())
	lines := map[string]map[string]any{}
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		lines[record["msg"].(string)] = record
	}
	require.Contains(t, lines, "hello")
	assert.Equal(t, "talker", lines["hello"]["plugin"])
	assert.Equal(t, "INFO", lines["hello"]["level"])
	assert.EqualValues(t, 3, lines["hello"]["size"])
	require.Contains(t, lines, "printed hello")
	assert.Equal(t, "WARN", lines["printed hello"]["level"])
	assert.Equal(t, "stdout", lines["printed hello"]["output"])
	require.Contains(t, lines, "complained of hello")
	assert.Equal(t, "stderr", lines["complained of hello"]["output"])
	assert.NotContains(t, lines["hello"], "output", "a record of the plugin's own logger")
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func TestPluginThatCannotStartSaysWhy(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.Command = func(string) (string, []string) { return "/no/such/program", nil }
		h := newHost(t, o)
		_, err := echo(t, h, "ghost", &rpctestpb.Packet{})
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "/no/such/program")

		o.Command = func(string) (string, []string) { return "/bin/sh", []string{"-c", "echo cannot be >&2; exit 3"} }
		h = newHost(t, o)
		_, err = echo(t, h, "ghost", &rpctestpb.Packet{})
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "exit status 3, before it had attached to its host: cannot be")
	})
}

func TestCallsAfterCloseAreRefused(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		_, err := echo(t, h, "late", &rpctestpb.Packet{})
		require.NoError(t, err)
		require.NoError(t, h.Close())
		_, err = echo(t, h, "late", &rpctestpb.Packet{})
		assert.Equal(t, codes.Canceled, status.Code(err))
	})
}

func TestPlacesInTheHubAreUsedAgain(t *testing.T) {
	h := newHost(t, Options{Hub: hub.Options{Peers: 1}, Spin: wake.SpinOff})
	for range 5 {
		_, err := echo(t, h, "phoenix", &rpctestpb.Packet{Text: "exit-once " + filepath.Join(t.TempDir(), "x"), Data: make([]byte, 100_000)})
		require.NoError(t, err)
	}
	for _, u := range h.hub.Usage() {
		assert.Zero(t, u.Filling+u.Sent+u.Held)
	}
}

// hostThatNeverCloses starts a plugin on each strategy, keeps a handler of each
// busy for ever, says their pids, and waits to be killed.
func hostThatNeverCloses() {
	if err := os.Setenv(envRole, "plugin"); err != nil {
		panic(err)
	}
	of := map[string]string{}
	for _, name := range strategy.Names() {
		of[name] = name
	}
	h, err := New(Options{Command: self, WakeOf: of})
	if err != nil {
		panic(err)
	}
	for name := range of {
		client := rpctestpb.NewTestClient(h.Conn(name))
		answer, err := client.Echo(context.Background(), &rpctestpb.Packet{Text: "pid"})
		if err != nil {
			panic(err)
		}
		go func() { _, _ = client.Echo(context.Background(), &rpctestpb.Packet{Text: "block"}) }()
		if _, err := client.Echo(context.Background(), &rpctestpb.Packet{}); err != nil {
			panic(err)
		}
		fmt.Println(answer.Number)
	}
	fmt.Println("ready")
	select {}
}

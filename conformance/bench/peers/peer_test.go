package peers

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"ddc/plugin/host"
	"ddc/rpc"
	"ddc/rpc/rpctestpb"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

// setting is a way of waiting.
type setting struct {
	name string
	spin wake.Spin
}

var (
	parked   = setting{"parked", wake.SpinOff}
	spinning = setting{"spinning", wake.SpinFor(50 * time.Microsecond)}
	auto     = setting{"auto", wake.SpinAuto}

	bothWays = []setting{parked, spinning}
	allWays  = []setting{parked, spinning, auto}
)

// eachSetting runs a benchmark for each strategy and setting.
func eachSetting(b *testing.B, settings []setting, run func(b *testing.B, name string, spin wake.Spin)) {
	for _, name := range strategy.Names() {
		for _, s := range settings {
			b.Run(name+"/"+s.name, func(b *testing.B) { run(b, name, s.spin) })
		}
	}
}

// process is this binary, started once more.
type process struct {
	pid int
	out *bufio.Reader // what it prints
}

// startSelf starts this binary in a role, with standard input as its lifeline.
func startSelf(b *testing.B, role string, files []*os.File, env ...string) process {
	b.Helper()
	path, err := os.Executable()
	require.NoError(b, err)
	cmd := exec.Command(path)
	cmd.Env = append(append(os.Environ(), envRole+"="+role), env...)
	cmd.ExtraFiles = files
	cmd.Stderr = os.Stderr
	lifeline, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		assert.NoError(b, lifeline.Close())
		assert.NoError(b, cmd.Wait())
	})
	return process{cmd.Process.Pid, bufio.NewReader(out)}
}

// overGRPC is the service in a process of its own, over gRPC and a unix socket.
func overGRPC(b *testing.B) (client rpctestpb.TestClient, pid int) {
	b.Helper()
	socket := filepath.Join(b.TempDir(), "grpc")
	p := startSelf(b, "grpc", nil, envSocket+"="+socket,
		"GOMAXPROCS="+cmp.Or(os.Getenv("BENCH_GRPC_PROCS"), "1"))
	_, err := p.out.ReadString('\n')
	require.NoError(b, err)
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
	require.NoError(b, err)
	b.Cleanup(func() { assert.NoError(b, conn.Close()) })
	return rpctestpb.NewTestClient(conn), p.pid
}

// overPlugin is the service as a plugin. wakeups says how many tokens were left
// so far, by both sides.
func overPlugin(b *testing.B, strategy string, spin wake.Spin) (client rpctestpb.TestClient, wakeups func() uint64) {
	b.Helper()
	h := pluginHost(b, strategy, spin)
	return rpctestpb.NewTestClient(h.Conn("echo")), wakeupsOf(h, "echo")
}

func wakeupsOf(h *host.Host, name string) func() uint64 {
	return func() uint64 {
		s := h.Plugin(name).Stats().Link
		return s.WakeupsSent + s.WakeupsReceived
	}
}

// pluginHost starts the service as a plugin, whatever the plugin's name.
func pluginHost(b *testing.B, strategy string, spin wake.Spin) *host.Host {
	b.Helper()
	b.Setenv(envRole, "plugin")
	h, err := host.New(host.Options{
		Command: func(string) (string, []string) {
			path, err := os.Executable()
			assert.NoError(b, err)
			return path, nil
		},
		Wake: strategy, Spin: spin,
	})
	require.NoError(b, err)
	b.Cleanup(func() { assert.NoError(b, h.Close()) })
	return h
}

// overPlugins is the service as so many plugins of one host.
func overPlugins(b *testing.B, spin wake.Spin, n, plugins int) (all []echoer) {
	b.Helper()
	h := pluginHost(b, strategy.Default, spin)
	for i := range plugins {
		name := fmt.Sprint("echo", i)
		client := rpctestpb.NewTestClient(h.Conn(name))
		call := echoCall(b, client, n)
		require.NoError(b, call()) // which starts it
		all = append(all, echoer{h.Plugin(name).Stats().PID, call, slowEcho(b, client), wakeupsOf(h, name)})
	}
	return all
}

// overHub is a link to a process of its own, which does what role says.
func overHub(b *testing.B, role, name string, spin wake.Spin) transport.Link {
	b.Helper()
	link, _ := overHubOf(b, role, name, spin)
	return link
}

// overHubOf is overHub, and says which process that is.
func overHubOf(b *testing.B, role, name string, spin wake.Spin) (link transport.Link, pid int) {
	b.Helper()
	s, err := strategy.ByName(name)
	require.NoError(b, err)
	h, err := hub.Create(hub.Options{Spin: spin})
	require.NoError(b, err)
	b.Cleanup(func() { assert.NoError(b, h.Close()) })
	return attachTo(b, h, role, s, spin)
}

// attachTo starts a process that has a place in h.
func attachTo(b *testing.B, h *hub.Hub, role string, s wake.Strategy, spin wake.Spin) (link transport.Link, pid int) {
	b.Helper()
	offer, err := h.Offer(role, s)
	require.NoError(b, err)
	defer offer.Close()
	p := startSelf(b, role, offer.Files, envOffer+"="+offer.Text, envSpin+"="+spin.String(), "GOMAXPROCS=1")
	b.Cleanup(func() { assert.NoError(b, offer.Link.Close()) })
	return offer.Link, p.pid
}

// leasesOf are raw calls to so many processes of one hub.
func leasesOf(b *testing.B, spin wake.Spin, n, plugins int) (all []echoer) {
	b.Helper()
	s, err := strategy.ByName(strategy.Default)
	require.NoError(b, err)
	h, err := hub.Create(hub.Options{Spin: spin})
	require.NoError(b, err)
	b.Cleanup(func() { assert.NoError(b, h.Close()) })
	for range plugins {
		link, pid := attachTo(b, h, "lease", s, spin)
		conn := rpc.NewConn(link, rpc.ConnOptions{})
		b.Cleanup(func() { assert.NoError(b, conn.Close()) })
		payload := pattern(n)
		all = append(all, echoer{
			pid: pid, call: func() error { return leaseEcho(b.Context(), conn, payload) },
			wakeups: func() uint64 { return tokens(link) },
		})
	}
	return all
}

// overLeases is a connection whose other end echoes raw calls.
func overLeases(b *testing.B, name string, spin wake.Spin) (*rpc.Conn, transport.Link) {
	b.Helper()
	link := overHub(b, "lease", name, spin)
	conn := rpc.NewConn(link, rpc.ConnOptions{Name: name})
	b.Cleanup(func() { assert.NoError(b, conn.Close()) })
	return conn, link
}

// leaseEcho makes one raw call: the request is written once, where it travels,
// and the reply is looked at where it arrived.
func leaseEcho(ctx context.Context, conn *rpc.Conn, payload []byte) error {
	last := len(payload) - 1
	return conn.InvokeRaw(ctx, echoRaw, len(payload),
		func(request []byte) error { copy(request, payload); return nil },
		func(reply []byte) error {
			if len(reply) != len(payload) || reply[last] != payload[last] {
				return errWrongEcho
			}
			return nil
		})
}

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7) ^ byte(i>>8)
	}
	return p
}

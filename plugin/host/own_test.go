package host

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/plugin/agreement"
	"ddc/rpc/rpctestpb"
)

func TestEveryPluginSaysWhetherItIsWell(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		for _, service := range []string{"", "ddc.rpctest.Test"} {
			said, err := h.Plugin("echo").Health(t.Context(), service)
			require.NoError(t, err)
			assert.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, said)
		}
		_, err := h.Plugin("echo").Health(t.Context(), "no.such")
		assert.Equal(t, codes.NotFound, status.Code(err))
	})
}

// speaker answers with its version.
type speaker struct {
	rpctestpb.UnimplementedTestServer
	version int64
}

func (s speaker) Register(r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, s) }

func (s speaker) Echo(context.Context, *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	return &rpctestpb.Packet{Number: s.version}, nil
}

// speaking is a host of these versions, and its plugin of versions 2 and 4.
func speaking(t *testing.T, o Options, v agreement.Versions) *Host {
	t.Helper()
	o.Calls.Versions = func(string) agreement.Versions { return v }
	h := newHost(t, o)
	t.Setenv(envRole, "speaker")
	return h
}

func TestTheHighestVersionThatBothSpeakIsServed(t *testing.T) {
	for want, v := range map[int]agreement.Versions{0: {}, 2: {Least: 1, Most: 3}, 4: {Least: 2, Most: 9}} {
		hubAndGRPC(t, func(t *testing.T, o Options) {
			h := speaking(t, o, v)
			version, err := h.Plugin("echo").Version(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, version)
			answer, err := echo(t, h, "echo", &rpctestpb.Packet{})
			require.NoError(t, err)
			assert.EqualValues(t, want, answer.Number, "the default service answers 0")
		})
	}
}

func TestAPluginWithoutACommonVersionIsRefusedWithASentence(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		h := speaking(t, o, agreement.Versions{Least: 5, Most: 6})
		_, err := echo(t, h, "echo", &rpctestpb.Packet{})
		assert.ErrorIs(t, err, ErrVersions)
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "the host speaks versions 5 to 6 of the service of plugin echo, and its program versions 2, 4: install one that fits")
		assert.Zero(t, h.Plugin("echo").Stats().Restarts, "it would say the same again")
	})
	h := newHost(t, Options{Calls: Calls{Versions: func(string) agreement.Versions { return agreement.Versions{Least: 2, Most: 2} }}})
	_, err := echo(t, h, "echo", &rpctestpb.Packet{})
	assert.ErrorContains(t, err, "the host speaks version 2 of the service of plugin echo, and its program version 1")
}

// answering is what a host serves its plugins.
type answering struct {
	rpctestpb.UnimplementedTestServer
	name string
}

func (a answering) Echo(ctx context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	if p.Text == "wait" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &rpctestpb.Packet{Text: a.name + " asked " + p.Text, Data: p.Data}, nil
}

func serving(name string, r grpc.ServiceRegistrar) {
	rpctestpb.RegisterTestServer(r, answering{name: name})
}

func TestAPluginCallsItsHostOverItsOwnLink(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		o.Calls.Services = serving
		h := newHost(t, o)
		var all sync.WaitGroup
		for _, name := range []string{"one", "two"} {
			for _, size := range []int{0, 1000, 3_000_000} {
				all.Go(func() {
					data := bytes.Repeat([]byte{7}, size)
					answer, err := echo(t, h, name, &rpctestpb.Packet{Text: "ask for it", Data: data})
					if assert.NoError(t, err) {
						assert.Equal(t, name+" asked for it", answer.Text)
						assert.True(t, bytes.Equal(data, answer.Data))
					}
				})
			}
		}
		await.All(t, "every call to be answered", &all)
		calls, _ := h.Plugin("one").Calls()
		assert.Empty(t, calls, "the stream that carries them is no call of the host's")
	})
}

func TestACallToTheHostEndsWithItsPluginsCall(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		o.Calls.Services = serving
		h := newHost(t, o)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := rpctestpb.NewTestClient(h.Conn("one")).Echo(ctx, &rpctestpb.Packet{Text: "ask wait"})
		assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
		answer, err := echo(t, h, "one", &rpctestpb.Packet{Text: "ask again"})
		require.NoError(t, err)
		assert.Equal(t, "one asked again", answer.Text)
	})
}

func TestAHostThatServesNothingSaysSo(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		_, err := echo(t, newHost(t, o), "one", &rpctestpb.Packet{Text: "ask for it"})
		assert.Equal(t, codes.Unimplemented, status.Code(err))
		assert.ErrorContains(t, err, "the host serves nothing to its plugins")
	})
}

// A run that comes after another has a stream of its own.
func TestAPluginThatDiedCallsItsHostAgain(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.Calls.Services = serving
		h := newHost(t, o)
		for range 3 {
			answer, err := echo(t, h, "one", &rpctestpb.Packet{Text: "ask for it"})
			require.NoError(t, err)
			assert.Equal(t, "one asked for it", answer.Text)
			_, err = echo(t, h, "one", &rpctestpb.Packet{Text: "exit"})
			assert.Equal(t, codes.Unavailable, status.Code(err))
		}
	})
}

// BenchmarkHostCall is a call of a plugin to its host, within a call of the
// host's: subtract BenchmarkCall's.
func BenchmarkHostCall(b *testing.B) { benchmarkText(b, "ask for it") }
func BenchmarkCall(b *testing.B)     { benchmarkText(b, "") }

func benchmarkText(b *testing.B, text string) {
	b.Setenv(envRole, "plugin")
	h, err := New(Options{Command: self, Calls: Calls{Services: serving}})
	require.NoError(b, err)
	defer func(c io.Closer) { require.NoError(b, c.Close()) }(h)
	for b.Loop() {
		if _, err := echo(b, h, "one", &rpctestpb.Packet{Text: text}); err != nil {
			b.Fatal(err)
		}
	}
}

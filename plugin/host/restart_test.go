package host

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/plugin/spec"
	"ddc/rpc/rpctestpb"
)

func TestRestartedPluginIsItsProgramAsItIsNow(t *testing.T) {
	content, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	hubAndGRPC(t, func(t *testing.T, o Options) {
		path := filepath.Join(t.TempDir(), "program")
		install := func(content []byte) {
			t.Helper()
			_ = os.Remove(path) // a file that runs can't be written to
			require.NoError(t, os.WriteFile(path, content, 0o755))
		}
		install(content)
		sum := sha256.Sum256(content)
		o.Command = func(string) (string, []string) { return path, nil }
		o.Checksum = func(name string) ([sha256.Size]byte, bool) { return sum, name == "checked" }
		o.Confine = func(string) spec.Confinement { return spec.Confinement{} }
		o.Calls.Replicas.Of = map[string]int{"checked": 2}
		o.Calls.Replicas.Extra = 1
		h := newHost(t, o)
		require.NoError(t, h.Plugin("checked").Restart(t.Context()), "it has not begun")
		require.NoError(t, h.Start(t.Context(), "checked", "unchecked"))
		before := map[string]int{}
		for _, p := range h.Plugins() {
			before[p.Name()] = p.Stats().PID
		}
		require.Len(t, before, 3)
		other := append(content[:len(content):len(content)], "rebuilt"...)
		install(other)
		sum = sha256.Sum256(other)
		for _, name := range []string{"checked", "unchecked"} {
			require.NoError(t, h.Plugin(name).Restart(t.Context()))
		}
		require.NoError(t, h.Start(t.Context(), "checked", "unchecked"))
		for _, p := range h.Plugins() {
			_, err := echo(t, h, p.base(), &rpctestpb.Packet{})
			require.NoError(t, err)
			assert.NotEqual(t, before[p.Name()], p.Stats().PID, p.Name())
			assert.Zero(t, p.Stats().Restarts, "it did not die")
		}
	})
}

func TestRestartWaitsForCallsAsLongAsItsCallerDoes(t *testing.T) {
	everyWake(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		require.NoError(t, h.Start(t.Context(), "echo"))
		busy, leave := context.WithCancel(t.Context())
		defer leave()
		under := make(chan error, 1)
		p := h.Plugin("echo")
		require.NoError(t, p.room.Acquire(t.Context(), 1)) // as a call does
		impatient, give := context.WithCancel(t.Context())
		give()
		assert.ErrorIs(t, p.Restart(impatient), context.Canceled)
		go func() { under <- p.Restart(busy) }()
		p.room.Release(1)
		require.NoError(t, <-under)
		_, err := echo(t, h, "echo", &rpctestpb.Packet{})
		require.NoError(t, err)
	})
}

package rpc

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/transport"
	"ddc/transport/inproc"
)

// A server refuses calls before it says that it goes: who was told must not
// have a call begun that its handler's end then breaks off.
func TestNobodyIsToldToGoBeforeCallsAreRefused(t *testing.T) {
	tr := inproc.New()
	defer tr.Close() //nolint:errcheck // its links have ended
	host, peer, err := tr.Pair("test")
	require.NoError(t, err)
	server := NewServer(ServerOptions{})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, peer) }()
	told := make(chan transport.Header, 2)
	host.Start(func(f *transport.Frame) { told <- f.Header })
	var sessions []*session
	await.Until(t, "the session to begin", func() bool {
		server.mu.Lock()
		defer server.mu.Unlock()
		sessions = slices.Collect(maps.Keys(server.links))
		return len(sessions) == 1
	})
	sessions[0].mu.Lock() // whoever refuses calls waits for this
	stop()
	await.Until(t, "the server to be about to refuse calls, or to have told", func() bool {
		return len(told) > 0 || await.Goroutines("sync.Mutex.Lock", "rpc.(*session).goAway(") > 0
	})
	assert.Empty(t, told)
	sessions[0].mu.Unlock()
	assert.ErrorIs(t, await.Value(t, "the server to end", served), context.Canceled)
}

package watch_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/plugin/host"
	"ddc/plugin/watch"
	"ddc/rpc/rpctestpb"
)

func TestDumpSaysWhoWaitsForWhat(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // where the stacks go
	var mu sync.Mutex
	var logged bytes.Buffer
	h := newHost(t, host.Options{Logger: slog.New(slog.NewTextHandler(lockedWriter{&mu, &logged}, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		_, _ = rpctestpb.NewTestClient(h.Conn("sleeper")).Echo(ctx, &rpctestpb.Packet{Text: "wait"})
	}()
	defer func() { cancel(); <-waiting }()
	_, err := echo(t, h, "sleeper", &rpctestpb.Packet{})
	require.NoError(t, err)
	text := ""
	await.Until(t, "the dump to tell of the call", func() bool {
		var dump bytes.Buffer
		watch.Dump(h, &dump)
		text = dump.String()
		return strings.Contains(text, "plugin sleeper: pid") && strings.Contains(text, "call /ddc.rpctest.Test/Echo") &&
			strings.Contains(text, "to plugin") && strings.Contains(text, "plugin's bell: asleep") && strings.Contains(text, "DIAGNOSIS") && strings.Contains(text, "slots of 1024 bytes") &&
			(strings.Contains(text, "1: waits for a reply") || strings.Contains(text, "1: receives in a pump's place"))
	}, func() string { return text })

	// SIGUSR1 makes both sides dump, and ends neither.
	stop := watch.DumpOnSignal(h)
	defer stop()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	await.Until(t, "the plugin to dump", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(logged.String(), "in its own words")
	})
	_, err = echo(t, h, "sleeper", &rpctestpb.Packet{})
	assert.NoError(t, err)
	assert.Zero(t, h.Plugin("sleeper").Stats().Restarts)
}

// Without a hub there are the calls, at both ends.
func TestDumpOfPluginsReachedByGRPCSaysTheirCalls(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // where the stacks go
	var mu sync.Mutex
	var logged bytes.Buffer
	h := newHost(t, host.Options{GRPC: true, Logger: slog.New(slog.NewTextHandler(lockedWriter{&mu, &logged}, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		_, _ = rpctestpb.NewTestClient(h.Conn("sleeper")).Echo(ctx, &rpctestpb.Packet{Text: "wait"})
	}()
	defer func() { cancel(); <-waiting }()
	await.Until(t, "the plugin to answer a call, and the dump to tell of the other", func() bool {
		_, err := echo(t, h, "sleeper", &rpctestpb.Packet{})
		require.NoError(t, err)
		var dump bytes.Buffer
		watch.Dump(h, &dump)
		return strings.Contains(dump.String(), "transport grpc") && strings.Contains(dump.String(), "call /ddc.rpctest.Test/Echo")
	})
	h.Signal(syscall.SIGUSR1)
	await.Until(t, "the plugin to dump its call", func() bool {
		mu.Lock()
		defer mu.Unlock()
		said := logged.String()
		return strings.Contains(said, "in its own words") && strings.Contains(said, "call /ddc.rpctest.Test/Echo")
	})
	assert.Zero(t, h.Plugin("sleeper").Stats().Restarts)
}

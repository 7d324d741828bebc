package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/internal/proc"
	"ddc/wake/strategy"
)

func TestMain(m *testing.M) {
	if os.Getenv(envTask) == "" {
		goleak.VerifyTestMain(await.Watched(m))
		return
	}
	if err := Peer(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func self() (string, []string) { return "/proc/self/exe", nil }

func TestEveryStrategyIsMeasuredAndNothingIsLeft(t *testing.T) {
	rows, err := Run(t.Context(), Options{Rounds: 2, Command: self})
	require.NoError(t, err)
	require.Len(t, rows, len(strategy.Names()))
	for i, r := range rows {
		assert.Equal(t, strategy.Names()[i], r.Strategy)
		for what, trip := range map[string]RoundTrip{"parked": r.Parked, "spinning": r.Spinning, "busy": r.Busy} {
			assert.Positive(t, trip.P50, "%s %s", r.Strategy, what)
			assert.GreaterOrEqual(t, trip.P99, trip.P50, "%s %s", r.Strategy, what)
		}
		assert.Positive(t, r.MessagesPerSecond)
		assert.Positive(t, r.PerRoundTrip.Wakeups, "who does not spin sleeps")
		assert.GreaterOrEqual(t, r.PerRoundTrip.SystemCalls, r.PerRoundTrip.Wakeups)
		assert.Positive(t, r.PerRoundTrip.CPU)
		assert.Less(t, r.PerMessage.Wakeups, 1.0, "a stream does not wake for each message")
	}
	assert.Empty(t, proc.Descendants(os.Getpid())[1:])
	var table bytes.Buffer
	require.NoError(t, Table(&table, rows))
	for _, name := range strategy.Names() {
		assert.Equal(t, 2, strings.Count(table.String(), name))
	}
}

func TestSystemCallsAreKnownForEveryStrategy(t *testing.T) {
	for _, name := range strategy.Names() {
		assert.Contains(t, systemCalls, name)
	}
	assert.Equal(t, Cost{Wakeups: 1, SystemCalls: 2 + 4, Switches: 3, CPU: 250},
		usage{sent: 4, received: 8, switches: 12, cpu: time.Microsecond}.per(4, calls{ring: 2, wait: 2}))
}

func TestPeerThatDiesIsAnError(t *testing.T) {
	_, err := Run(t.Context(), Options{Rounds: 1, Command: func() (string, []string) { return "/bin/false", nil }})
	assert.ErrorContains(t, err, "exit status 1")
	_, err = Run(t.Context(), Options{Rounds: 1, Command: func() (string, []string) { return "/no/such/program", nil }})
	assert.ErrorContains(t, err, "start /no/such/program")
	assert.Empty(t, proc.Descendants(os.Getpid())[1:])
}

func TestEndOfTheContextEndsTheComparison(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Run(ctx, Options{Command: self})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, proc.Descendants(os.Getpid())[1:])
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"no command":                     {},
		"unknown wake strategy \"drum\"": {Strategies: []string{"drum"}, Command: self},
		"neither can be negative":        {Rounds: -1, Command: self},
	} {
		_, err := Run(t.Context(), o)
		assert.ErrorContains(t, err, want)
	}
}

func TestTaskIsUnderstoodByWhoeverIsStartedWithIt(t *testing.T) {
	for _, want := range []task{{role: roleBurner}, {role: rolePeer, strategy: "pipe", spin: "50µs", files: 5}} {
		got, err := parseTask(want.String())
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := parseTask("")
	assert.ErrorContains(t, err, "not for people")
}

func TestPageHasTheSizeThatItsCellsStartAt(t *testing.T) {
	assert.EqualValues(t, pageSize, unsafe.Sizeof(page{}))
}

func TestCheckTriesEveryStrategy(t *testing.T) {
	all := Check(t.Context())
	require.Len(t, all, len(strategy.Names()))
	for i, a := range all {
		assert.Equal(t, strategy.Names()[i], a.Strategy)
		assert.NotEmpty(t, a.Needs)
		assert.NoError(t, a.Err)
	}
	text, err := json.Marshal(Availability{Strategy: "drum", Needs: "hands", Err: errors.New("too quiet")})
	require.NoError(t, err)
	assert.JSONEq(t, `{"strategy":"drum","needs":"hands","works":false,"error":"too quiet"}`, string(text))
}

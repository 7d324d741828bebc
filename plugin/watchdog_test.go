package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/internal/subject"
	"ddc/rpc/rpctestpb"
	"ddc/transport/hub"
)

func TestAStuckHandlerIsReportedBeforeItsTimeIsOver(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a handler must be stuck")
	}
	h := newHost(t, Options{CallTimeoutOf: map[string]time.Duration{"sleeper": time.Minute, "stuck": 12 * time.Second}})
	said := make(chan string, 10)
	aborted := make(chan error, 10)
	w := h.Watch(WatchdogOptions{
		Bound: 500 * time.Millisecond, Folder: t.TempDir(), Say: func(s string) { said <- s }, Abort: func(err error) { aborted <- err },
	})
	defer w.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan struct{}, 2)
	for _, name := range []string{"sleeper", "stuck"} {
		go func() {
			_, _ = rpctestpb.NewTestClient(h.Conn(name)).Echo(subject.With(ctx, "content/"+name+".md:14"), &rpctestpb.Packet{Text: "wait"})
			waiting <- struct{}{}
		}()
	}
	line := await.Value(t, "the watchdog to say something", said)
	cancel()
	<-waiting
	<-waiting
	assert.Contains(t, line, "plugin stuck hangs: handler stuck: stuck since ")
	assert.Contains(t, line, " s in Echo for content/stuck.md:14, plugin sleeps, nothing to read")
	require.Len(t, w.Hangs(), 1)
	assert.Empty(t, aborted, "the call's own time ends it")
	report, err := os.ReadFile(w.Hangs()[0].File)
	require.NoError(t, err)
	for _, want := range []string{"handler stuck", "call /ddc.rpctest.Test/Echo for content/stuck.md:14", "last events", "asleep at its doorbell (the plugin's bell)", "goroutine"} {
		assert.Contains(t, string(report), want)
	}
}

func TestNothingIsReportedWhileAllIsWell(t *testing.T) {
	h := newHost(t, Options{})
	// A sender that loses its processor between its frame and its ring looks like a lost wake-up until it has it
	// again: the bound is for busy machines. Meanwhile one call is under way, and others come and go.
	const bound = 2 * time.Second
	w := h.Watch(WatchdogOptions{Bound: bound, Folder: t.TempDir(), Abort: func(err error) { t.Error(err) }})
	waiting, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := rpctestpb.NewTestClient(h.Conn("busy")).Echo(waiting, &rpctestpb.Packet{Text: "wait"})
		ended <- err
	}()
	for until := time.Now().Add(2 * bound); time.Now().Before(until); {
		_, err := echo(t, h, "busy", &rpctestpb.Packet{Text: strings.Repeat("x", 3000)})
		require.NoError(t, err)
	}
	cancel()
	assert.Equal(t, codes.Canceled, status.Code(<-ended))
	w.Stop()
	w.Stop()
	assert.Empty(t, w.Hangs())
}

func TestWhatToDoAboutAHang(t *testing.T) {
	for _, s := range []string{"report", "abort", "rescue"} {
		o, err := ParseOnHang(s)
		require.NoError(t, err)
		assert.EqualValues(t, s, o)
	}
	_, err := ParseOnHang("ignore")
	assert.ErrorContains(t, err, "none of report, abort, rescue")
}

func TestATraceHasHostAndPluginsOnOneTimeLine(t *testing.T) {
	t.Run("one hub", func(t *testing.T) { traceThreeCalls(t, Options{}) })
	t.Run("isolated", func(t *testing.T) { traceThreeCalls(t, Options{Isolate: true}) })
}

func traceThreeCalls(t *testing.T, o Options) {
	o.Hub = hub.Options{Trace: true}
	h := newHost(t, o)
	var out bytes.Buffer
	tracer, err := h.Trace(&out)
	require.NoError(t, err)
	for range 3 {
		_, err = echo(t, h, "traced", &rpctestpb.Packet{Text: "x"})
		require.NoError(t, err)
	}
	pid := h.Plugin("traced").Stats().PID
	if !o.Isolate { // else the hub goes with the host, and what nobody has read by then
		require.NoError(t, h.Close()) // a handler's end may come after its reply
	}
	require.NoError(t, tracer.Stop())
	var marks []struct {
		Name, Cat, Ph, ID string
		Ts                float64
		PID               int
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &marks))
	begun := map[string]float64{} // by category and stream
	ended := map[string]float64{}
	pids := map[string]int{}
	slept := 0
	for _, m := range marks {
		switch m.Ph {
		case "b":
			begun[m.Cat+m.ID], pids[m.Cat] = m.Ts, m.PID
			assert.Equal(t, "/ddc.rpctest.Test/Echo", m.Name)
		case "e":
			ended[m.Cat+m.ID] = m.Ts
		case "X":
			slept++
		}
	}
	assert.Len(t, begun, 6, "three calls, and three handlers that answer them")
	if !o.Isolate {
		assert.Len(t, ended, 6)
	}
	assert.Positive(t, slept)
	assert.Equal(t, map[string]int{"call": os.Getpid(), "handler": pid}, pids)
	for key, at := range begun {
		stream, isHandler := strings.CutPrefix(key, "handler")
		if end, ok := ended[key]; ok {
			assert.LessOrEqual(t, at, end)
		}
		if isHandler {
			const clocks = 100 // µs by which two processes may have read the same clock apart
			assert.LessOrEqual(t, begun["call"+stream], at+clocks)
			assert.LessOrEqual(t, at, ended["call"+stream]+clocks)
		}
	}
}

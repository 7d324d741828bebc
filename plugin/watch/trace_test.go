package watch_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/plugin/host"
	"ddc/plugin/watch"
	"ddc/rpc/rpctestpb"
	"ddc/transport/hub"
)

func TestATraceHasHostAndPluginsOnOneTimeLine(t *testing.T) {
	t.Run("one hub", func(t *testing.T) { traceThreeCalls(t, host.Options{}) })
	t.Run("isolated", func(t *testing.T) { traceThreeCalls(t, host.Options{Isolate: true}) })
}

func traceThreeCalls(t *testing.T, o host.Options) {
	o.Hub = hub.Options{Trace: true}
	h := newHost(t, o)
	var out bytes.Buffer
	tracer, err := watch.Trace(h, &out)
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

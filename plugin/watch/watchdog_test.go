package watch_test

import (
	"context"
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
	"ddc/plugin/host"
	"ddc/plugin/watch"
	"ddc/rpc/rpctestpb"
)

func TestAStuckHandlerIsReportedBeforeItsTimeIsOver(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as a handler must be stuck")
	}
	h := newHost(t, host.Options{CallTimeoutOf: map[string]time.Duration{"sleeper": time.Minute, "stuck": 20 * time.Second}})
	said := make(chan string, 10)
	aborted := make(chan error, 10)
	w := watch.Start(h, watch.Options{
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
	h := newHost(t, host.Options{})
	// A sender that loses its processor between its frame and its ring looks
	// like a lost wake-up until it has it again: the bound is for busy
	// machines. Meanwhile one call is under way, and others come and go.
	const bound = 2 * time.Second
	w := watch.Start(h, watch.Options{Bound: bound, Folder: t.TempDir(), Abort: func(err error) { t.Error(err) }})
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
		o, err := watch.ParseOnHang(s)
		require.NoError(t, err)
		assert.EqualValues(t, s, o)
	}
	_, err := watch.ParseOnHang("ignore")
	assert.ErrorContains(t, err, "none of report, abort, rescue")
}

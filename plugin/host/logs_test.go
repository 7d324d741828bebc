package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/rpc/rpctestpb"
)

// heard is a logger's handler that remembers what it was given.
type heard struct {
	slog.Handler
	mu      sync.Mutex
	records []string
	bytes   int
}

func (*heard) Enabled(context.Context, slog.Level) bool { return true }

func (h *heard) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records = append(h.records, r.Message)
	h.bytes += len(r.Message)
	return nil
}

func (h *heard) WithAttrs([]slog.Attr) slog.Handler { return h }

// forwarded forwards a text within an allowance that grows by no clock.
func forwarded(text io.Reader) (*heard, *logs) {
	h := &heard{Handler: slog.DiscardHandler}
	at := time.Now()
	l := &logs{logger: slog.New(h), allowance: newAllowance(func() time.Time { return at })}
	l.forward(text, "stderr")
	return h, l
}

func TestEndOfALongLineIsCutAndSaidToBe(t *testing.T) {
	const size = 10*maxLine + 7
	h, l := forwarded(io.MultiReader(bytes.NewReader(bytes.Repeat([]byte("x"), size)), strings.NewReader("\nthe end\r\n")))
	require.Len(t, h.records, 2)
	assert.Equal(t, strings.Repeat("x", maxLine)+fmt.Sprintf("… (%d bytes cut)", size+1-maxLine), h.records[0])
	assert.Equal(t, "the end", h.records[1])
	assert.Equal(t, "the end", l.end.String())
	written, dropped := l.allowance.sums()
	assert.Equal(t, int64(size+1+len("the end")), written)
	assert.Equal(t, int64(size+1-maxLine), dropped)
}

func TestRecordsOfAPluginsLoggerKeepTheirLevelAndCannotNameAnotherPlugin(t *testing.T) {
	r, ok := parseRecord(`{"time":"x","level":"ERROR","msg":"no","plugin":"other","b":1,"a":"\u001b"}`)
	require.True(t, ok)
	assert.Equal(t, record{"no", slog.LevelError, []slog.Attr{slog.Any("a", "\x1b"), slog.Any("b", 1.0)}}, r)
	for _, line := range []string{"", "text", "{}", `{"msg":null}`, "{", "[1]"} {
		_, ok := parseRecord(line)
		assert.False(t, ok, line)
	}
}

func TestOutputBeyondTheBurstIsDroppedAndCounted(t *testing.T) {
	const lines = 200_000
	h, l := forwarded(strings.NewReader(strings.Repeat("x\n", lines) + "fatal error: the end\n"))
	assert.Len(t, h.records, logBurst/(1+lineCost))
	written, dropped := l.allowance.sums()
	assert.Equal(t, int64(lines+len("fatal error: the end")), written)
	assert.Equal(t, written-int64(h.bytes), dropped)
	assert.Equal(t, "fatal error: the end", l.end.String(), "last words are heard all the same")
}

// One byte at a time, each would cost the host a system call and a turn.
func TestWhatIsDroppedIsReadAtAPace(t *testing.T) {
	asked := 0
	p := paced{iotest.OneByteReader(strings.NewReader("abc")), func() bool { asked++; return true }}
	begun := time.Now()
	_, err := io.ReadAll(p)
	require.NoError(t, err)
	assert.Equal(t, 4, asked)
	assert.GreaterOrEqual(t, time.Since(begun), 4*dropPause)
}

func TestAllowanceComesBackWithTimeButNotWithoutEnd(t *testing.T) {
	at := time.Now()
	a := newAllowance(func() time.Time { return at })
	const kept = 1<<10 - lineCost
	through := func() (n int) {
		for a.take(kept, 0) {
			n++
		}
		return n
	}
	assert.Equal(t, logBurst>>10, through())
	for range 1000 { // less than a byte at a time, as lines come
		at = at.Add(time.Millisecond)
		a.take(1<<30, 0)
	}
	assert.InDelta(t, logRate>>10, through(), 1)
	total := logBurst>>10 + logRate>>10
	for range 100 {
		at = at.Add(time.Hour)
		total += through()
	}
	assert.InDelta(t, logSum>>10, total, 2)
}

// A plugin that writes hundreds of megabytes is neither kept waiting for ever
// nor listened to; in the end it is said how much was lost.
func TestPluginThatWritesWithoutEndIsHeardALittleAndAnswers(t *testing.T) {
	h := &heard{Handler: slog.DiscardHandler}
	host := newHost(t, Options{Logger: slog.New(h)})
	const megabytes = 32
	in := &rpctestpb.Packet{Text: fmt.Sprint("flood ", megabytes)}
	require.NoError(t, host.Plugin("flood").Invoke(t.Context(), rpctestpb.Test_Echo_FullMethodName, in, new(rpctestpb.Packet)))
	require.NoError(t, host.Close())
	h.mu.Lock()
	defer h.mu.Unlock()
	assert.LessOrEqual(t, h.bytes, logSum)
	last := h.records[len(h.records)-1]
	assert.Regexp(t, `^plugin flood wrote 3\d\.\d MB; \d\d\.\d MB dropped$`, last)
	said := 0
	for _, r := range h.records {
		if strings.HasSuffix(r, "dropped") {
			said++
		}
	}
	assert.Equal(t, 1, said)
}

// flood writes so many megabytes of lines.
func flood(megabytes int) {
	line := bytes.Repeat([]byte("all work and no play\n"), 1<<20/21)
	for range megabytes {
		_, _ = os.Stderr.Write(line)
	}
	runtime.KeepAlive(line)
}

package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/plugin"
	"ddc/plugin/agreement"
	"ddc/rpc/rpctestpb"
	"ddc/transport/hub"
	"ddc/wake/strategy"
)

// scribbler is a plugin that, told so, writes all over its hub until it is
// killed. Plugins of any other name are good, and echo.
type scribbler struct {
	testService
	memory []byte // the hub, mapped
	// count is a number in a file: how many bytes have been written, some eight
	// at a time; written of them by this process, after before.
	count   []byte
	before  uint64
	written atomic.Uint64
}

// envCount names the file.
const envCount = "DDC_TEST_SCRIBBLED"

func newScribbler() plugin.Service {
	if os.Getenv(agreement.Name) != "scribbler" {
		return testService{}
	}
	var stat syscall.Stat_t
	if err := syscall.Fstat(agreement.HubFD, &stat); err != nil {
		panic(err)
	}
	memory, err := syscall.Mmap(agreement.HubFD, 0, int(stat.Size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	f, err := os.OpenFile(os.Getenv(envCount), os.O_RDWR, 0)
	if err != nil {
		panic(err)
	}
	defer f.Close() //nolint:errcheck // it is mapped
	count, err := syscall.Mmap(int(f.Fd()), 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return &scribbler{memory: memory, count: count, before: binary.NativeEndian.Uint64(count)}
}

func (s *scribbler) Register(r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, s) }

// Echo scribbles: "scribble SEED". It never answers: a handler that runs keeps
// the process from ending when its link does, so that it scribbles until it is
// killed.
func (s *scribbler) Echo(_ context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	var seed uint64
	if _, err := fmt.Sscanf(p.Text, "scribble %d", &seed); err == nil {
		s.scribble(rand.New(rand.NewPCG(seed, 0)))
	}
	return p, nil
}

// wicked are values that a reader may trip over: ends of ranges, and what is
// just past the lengths and numbers that a hub has.
var wicked = []uint64{
	0, 1, 2, 3, 47, 49, 64, 255, 256, 257, 1 << 10, 1<<10 + 1, 1 << 16, 1 << 20, 1 << 24, 1 << 30, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1,
	1<<63 - 1, 1 << 63, 1<<64 - 2, 1<<64 - 1, 0x00010000_00000001, 0x01000002_00000301, 0x00000000_01000000,
}

// scribble writes for ever. Half of what it writes goes to the first pages,
// where every word is that others read; the rest anywhere, slots' words and
// payloads included.
func (s *scribbler) scribble(random *rand.Rand) {
	const heads = 512 << 10
	for n := uint64(0); ; n = 8 {
		binary.NativeEndian.PutUint64(s.count, s.before+s.written.Add(n))
		limit := len(s.memory)
		if random.IntN(2) == 0 {
			limit = heads
		}
		at := random.IntN(limit/8) * 8
		word := s.memory[at : at+8]
		switch random.IntN(6) {
		case 0:
			binary.NativeEndian.PutUint64(word, random.Uint64())
		case 1:
			binary.NativeEndian.PutUint64(word, wicked[random.IntN(len(wicked))])
		case 2:
			binary.NativeEndian.PutUint32(word[random.IntN(2)*4:], uint32(wicked[random.IntN(len(wicked))]))
		case 3: // one too many or too few: an index that is nearly right
			binary.NativeEndian.PutUint64(word, binary.NativeEndian.Uint64(word)+uint64(random.IntN(5)-2))
		case 4:
			word[random.IntN(8)] ^= 1 << random.IntN(8)
		case 5: // what is right somewhere else
			from := random.IntN(limit/64) * 64
			copy(s.memory[at&^63:at&^63+64], s.memory[from:from+64])
		}
	}
}

// scribbling is how long the test scribbles: two seconds, or $DDC_SCRIBBLE.
func scribbling(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("DDC_SCRIBBLE")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// scribblerLimit is how long a call may take that nobody may answer any more.
const scribblerLimit = 500 * time.Millisecond

// attack has a scribbler and good plugins called at once, and the scribbler
// started again whenever its link was closed, until that has happened once at
// least. check judges each call of a good one that was answered, refuse each
// that was not.
func attack(t *testing.T, o Options, check func(sent, got []byte), refuse func(error)) *Host {
	o.Attempts = 5
	h := newHost(t, o)
	t.Setenv(envRole, "scribbler")
	count := filepath.Join(t.TempDir(), "scribbled")
	require.NoError(t, os.WriteFile(count, make([]byte, 8), 0o600))
	t.Setenv(envCount, count)
	require.NoError(t, h.Start(t.Context(), "scribbler", "good0", "good1"))
	until := time.Now().Add(scribbling(t))
	var over atomic.Bool
	var callers sync.WaitGroup
	var answered, refused atomic.Int64
	reasons, mu := map[string]int{}, sync.Mutex{}
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		reasons[regexp.MustCompile(`[0-9]+|0x[0-9a-f]+|good.`).ReplaceAllString(err.Error(), "N")]++
	}
	for i := range 6 {
		name := fmt.Sprintf("good%d", i%2)
		callers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for !over.Load() {
				sent := bytes.Repeat([]byte{byte(i + 1)}, []int{0, 20, 900, 10_000, 200_000}[random.IntN(5)])
				ctx, cancel := context.WithTimeout(t.Context(), await.Limit)
				answer, err := rpctestpb.NewTestClient(h.Conn(name)).Echo(ctx, &rpctestpb.Packet{Data: sent})
				cancel()
				if err != nil {
					refused.Add(1)
					note(err)
					refuse(err)
					continue
				}
				answered.Add(1)
				check(sent, answer.Data)
			}
		})
	}
	runs := uint64(0)
	// On a busy machine a scribbler may come to write little in the time.
	foundOut := func() bool { return h.Plugin("scribbler").Stats().Restarts > 0 }
	for ; time.Now().Before(until) || !foundOut() && time.Now().Before(until.Add(await.Limit)); runs++ {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, _ = rpctestpb.NewTestClient(h.Conn("scribbler")).Echo(ctx, &rpctestpb.Packet{Text: fmt.Sprintf("scribble %d", runs)})
		cancel()
	}
	over.Store(true)
	await.All(t, "the calls of good plugins to end", &callers)
	assert.True(t, foundOut(), "the scribbler was never found out")
	s := h.Plugin("scribbler").Stats()
	for _, r := range slices.SortedFunc(maps.Keys(reasons), func(a, b string) int { return reasons[b] - reasons[a] })[:min(12, len(reasons))] {
		t.Logf("%6d refused: %s", reasons[r], r)
	}
	written, err := os.ReadFile(count)
	require.NoError(t, err)
	t.Logf("scribbler: %d calls, %d restarts, some %d MB written; good: %d calls answered, %d refused, restarts %d and %d", runs, s.Restarts, binary.NativeEndian.Uint64(written)/1e6,
		answered.Load(), refused.Load(), h.Plugin("good0").Stats().Restarts, h.Plugin("good1").Stats().Restarts)
	return h
}

// In a hub that all share, a scribbler may spoil every plugin's link. It must
// not crash, hang or mislead the host; and where it has ended, all is well
// again.
func TestAScribblerDoesNotTakeTheHostAlong(t *testing.T) {
	for _, wake := range strategy.Names() {
		t.Run(wake, func(t *testing.T) {
			// A call whose wake-up was scribbled over is found by its time, as
			// one of a hung plugin.
			h := attack(t, Options{Wake: wake, CallTimeout: scribblerLimit}, func(_, _ []byte) {}, func(err error) {
				_, ok := status.FromError(err) // what it says may be the scribbler's
				assert.True(t, ok, "%v", err)
			})
			endRun(h.Plugin("scribbler"))
			// Its last writes may still be found; once found they are gone.
			data := bytes.Repeat([]byte{7}, 10_000)
			await.Until(t, "a good plugin to answer again", func() bool {
				answer, err := echo(t, h, "good0", &rpctestpb.Packet{Data: data})
				return err == nil && bytes.Equal(data, answer.Data)
			})
			assertNoSlotIsLost(t, h)
		})
	}
}

// endRun kills the process that a plugin has, if any, and waits for its end.
func endRun(p *Plugin) {
	p.mu.Lock()
	last, _ := p.current.(*process)
	p.mu.Unlock()
	if last != nil {
		last.kill(nil)
		<-last.exited
	}
}

// assertNoSlotIsLost has every plugin start anew, with which the last of what
// was written over is found: then none has a slot.
func assertNoSlotIsLost(t *testing.T, h *Host) {
	t.Helper()
	t.Setenv(envRole, "plugin")
	await.Until(t, "all slots to come back", func() bool {
		for _, p := range h.Plugins() {
			endRun(p)
			if _, err := echo(t, h, p.name, &rpctestpb.Packet{}); err != nil {
				return false
			}
		}
		for _, u := range h.hub.Usage() {
			if u.Filling+u.Sent+u.Held > 0 {
				return false
			}
		}
		return true
	}, func() string { return fmt.Sprintf("slots: %+v", h.hub.Usage()) })
}

// With a hub each, the scribbler has nobody's memory but its own and the
// host's.
func TestIsolatedNeighboursOfAScribblerNoticeNothing(t *testing.T) {
	for _, wake := range strategy.Names() {
		t.Run(wake, func(t *testing.T) {
			// The others' calls have the usual time: a short one would find a
			// busy machine, and call that a restart.
			h := attack(t, Options{Wake: wake, Isolate: true, CallTimeoutOf: map[string]time.Duration{"scribbler": scribblerLimit}},
				func(sent, got []byte) { assert.True(t, bytes.Equal(sent, got), "a neighbour's bytes are not whole") },
				func(err error) { assert.NoError(t, err) })
			assert.Zero(t, h.Plugin("good0").Stats().Restarts)
			assert.Zero(t, h.Plugin("good1").Stats().Restarts)
			endRun(h.Plugin("scribbler")) // which would not end by itself
		})
	}
}

// A neighbour's whole memory stays as it was, to the byte, but for what it
// writes itself.
func TestIsolatedHubsShareNoMemory(t *testing.T) {
	h := newHost(t, Options{Isolate: true})
	for _, name := range []string{"a", "b"} {
		_, err := echo(t, h, name, &rpctestpb.Packet{Data: make([]byte, 10_000)})
		require.NoError(t, err)
	}
	hubs := h.Hubs()
	require.Len(t, hubs, 2)
	for i, one := range hubs {
		links := one.Snapshot().Links
		require.Len(t, links, 1, "hub %d", i)
	}
	assert.NotEqual(t, hubs[0], hubs[1])
	assert.IsType(t, []*hub.Hub{}, hubs)
}

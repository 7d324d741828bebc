package host

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/await"
	"ddc/rpc/rpctestpb"
)

// envLeak is how many calls TestNothingGrowsWithCalls makes on each strategy.
// `make chaos` makes 100 000.
const envLeak = "DDC_CHAOS_CALLS"

// holdings are what calls could leave behind: at the host, in the plugin, and
// between them.
type holdings struct {
	HostFiles, HostGoroutines     int
	PluginFiles, PluginGoroutines int
	Slots, Calls                  int
	Unread                        uint64
}

func (h holdings) within(before holdings) bool {
	return h.HostFiles <= before.HostFiles && h.HostGoroutines <= before.HostGoroutines && h.PluginFiles <= before.PluginFiles &&
		h.PluginGoroutines <= before.PluginGoroutines && h.Slots == 0 && h.Calls == 0 && h.Unread == 0
}

// holdingsOf asks with a context that does not end: the end of one starts a
// goroutine, which a busy machine may not have run by the time they are
// counted.
func holdingsOf(t *testing.T, h *Host, name string) holdings {
	t.Helper()
	answer, err := rpctestpb.NewTestClient(h.Conn(name)).Echo(t.Context(), &rpctestpb.Packet{Text: "holdings"})
	require.NoError(t, err)
	found := holdings{HostFiles: openFiles(t), HostGoroutines: runtime.NumGoroutine()}
	_, err = fmt.Sscan(answer.Text, &found.PluginFiles, &found.PluginGoroutines)
	require.NoError(t, err)
	calls, ok := h.Plugin(name).Calls()
	require.True(t, ok)
	found.Calls = len(calls)
	if h.hub != nil {
		for _, u := range h.hub.Usage() {
			found.Slots += u.Filling + u.Sent + u.Held
		}
		look, ok := h.Plugin(name).Look()
		require.True(t, ok)
		for i := range look.Link.Sides {
			found.Unread += look.Link.Sides[i].Unread()
		}
	}
	return found
}

// answerHoldings is the plugin's part.
func answerHoldings() (*rpctestpb.Packet, error) {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	return &rpctestpb.Packet{Text: strings.Join([]string{strconv.Itoa(len(files)), strconv.Itoa(runtime.NumGoroutine())}, " ")}, nil
}

// mixed makes calls of all kinds from some goroutines: that end well, of all
// sizes, in pieces even, that fail, and that are cancelled, before they are
// sent, under way, and as the answer comes.
func mixed(t *testing.T, h *Host, name string, calls int64) (well, failed, cancelled int64) {
	t.Helper()
	client := rpctestpb.NewTestClient(h.Conn(name))
	var left, wells, faileds, cancelleds atomic.Int64
	left.Store(calls)
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(caller), uint64(calls)))
			for left.Add(-1) >= 0 {
				ctx, cancel := context.WithCancel(t.Context())
				p := &rpctestpb.Packet{Data: make([]byte, 1<<random.IntN(14))}
				if random.IntN(1000) == 0 {
					p.Data = make([]byte, 20<<20)
				}
				switch random.IntN(8) {
				case 0:
					p.Text = "fail as told"
				case 1:
					p.Text = "wait"
					go cancel()
				case 2:
					go cancel()
				case 3:
					cancel()
				}
				_, err := client.Echo(ctx, p)
				switch status.Code(err) {
				case codes.OK:
					wells.Add(1)
				case codes.InvalidArgument:
					faileds.Add(1)
				case codes.Canceled:
					cancelleds.Add(1)
				default:
					assert.NoError(t, err)
				}
				cancel()
			}
		})
	}
	await.All(t, "every call to be answered, refused or cancelled", &callers)
	return wells.Load(), faileds.Load(), cancelleds.Load()
}

// crowd has more handlers at work at once than the plugin keeps goroutines for:
// then it keeps as many as it ever will.
func crowd(t *testing.T, h *Host, name string) {
	t.Helper()
	const callers = 160
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range callers {
		waiting.Go(func() {
			_, err := rpctestpb.NewTestClient(h.Conn(name)).Echo(ctx, &rpctestpb.Packet{Text: "wait"})
			assert.Equal(t, codes.Canceled, status.Code(err))
		})
	}
	atWork := callers
	if h.Local() {
		atWork += callers // the callers are goroutines of the same process
	}
	await.Until(t, "every handler to be at work", func() bool { return holdingsOf(t, h, name).PluginGoroutines > atWork })
	cancel()
	await.All(t, "cancelled calls to end", &waiting)
}

func TestNothingGrowsWithCalls(t *testing.T) {
	calls := int64(3000)
	if testing.Short() {
		calls = 500
	}
	if text := os.Getenv(envLeak); text != "" {
		var err error
		calls, err = strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
	}
	everyWake(t, func(t *testing.T, o Options) {
		h := newHost(t, o)
		crowd(t, h, "busy")
		mixed(t, h, "busy", 100)
		// Work under way ends, and idle resources are freed after a while. So
		// the lowest count seen is what is really held.
		var before, after holdings
		await.Until(t, "the first calls to leave nothing", func() bool {
			before = holdingsOf(t, h, "busy")
			return before.Slots == 0 && before.Calls == 0 && before.Unread == 0
		}, func() string { return fmt.Sprintf("left: %+v", before) })
		well, failed, cancelled := mixed(t, h, "busy", calls)
		await.Until(t, "all calls to leave nothing", func() bool {
			after = holdingsOf(t, h, "busy")
			return after.within(before)
		}, func() string { return fmt.Sprintf("after 100 calls %+v, after %d more %+v", before, calls, after) })
		assert.Zero(t, h.Plugin("busy").Stats().Restarts)
		t.Logf("%d calls answered, %d failed, %d cancelled: %+v as after 100", well, failed, cancelled, after)
	})
}

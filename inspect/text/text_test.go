package text

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/transport/hub"
	"ddc/wake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestALinkIsSaidInALineForEachDirectionWaitAndCaller(t *testing.T) {
	s := hub.State{Sides: [2]hub.SideState{
		{Produced: 7, Consumed: 7, BellState: hub.BellState{State: wake.State{Seq: 9, Parked: true}, Blind: true}},
		{Produced: 4, Consumed: 1, Starved: true, Closed: true, Signals: 4, SpaceSince: 1_800_000_000,
			BellState: hub.BellState{State: wake.State{Sleeping: true, Stats: wake.Stats{Sent: 3}}, Token: true}},
	}, Caller: hub.BellState{State: wake.State{Parked: true, Seq: 2}}}
	var b strings.Builder
	link(&b, s, 5_000_000_000)
	assert.Equal(t, `  not attached
  to host    ring 0 unread (produced 7, consumed 7)   bell asleep, seq 9, token unknown, signals 0x0   0 sent, 0 suppressed, 0 spurious
  to plugin  ring 3 unread (produced 4, consumed 1), sender waits for room   bell about to sleep, seq 0, token pending, signals 0x4, closed   3 sent, 0 suppressed, 0 spurious
  to plugin  sender waits for ring space since 3.2 s
  a caller receives in the pump's place: asleep, seq 2, token none
`, b.String())
}

func TestWaitsSayHowLongTheyHaveLasted(t *testing.T) {
	s := hub.SideState{SpaceSince: 1_000_000_000, SlotSince: 9_000_000_000}
	assert.Equal(t, []string{"sender waits for ring space since 4.0 s", "sender waits for a slot since 0.0 s"}, Waits(s, 5_000_000_000))
	assert.Empty(t, Waits(hub.SideState{}, 5))
}

package matrix

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/proc"
	"ddc/plugin/host"
	"ddc/rpc"
	"ddc/transport"
	"ddc/transport/hub"
)

// state is a link whose plugin sleeps over unread frames.
func state(unread uint64, change func(*hub.State)) hub.State {
	s := hub.State{Attached: true, Cells: ringCells}
	s.Sides[hub.PeerSide].Produced, s.Sides[hub.PeerSide].Consumed = 10+unread, 10
	s.Sides[hub.PeerSide].Parked, s.Sides[hub.HostSide].Parked = true, true
	if change != nil {
		change(&s)
	}
	return s
}

func TestSleeperOverWorkWithoutATokenIsLost(t *testing.T) {
	assert.True(t, lost(state(4, nil), hub.PeerSide))
	assert.False(t, lost(state(4, nil), hub.HostSide), "nothing is there for the host")
	assert.False(t, lost(state(0, nil), hub.PeerSide), "nothing to do")
	assert.False(t, lost(state(4, func(s *hub.State) { s.Sides[hub.PeerSide].Parked = false }), hub.PeerSide), "awake")
	assert.False(t, lost(state(4, func(s *hub.State) { s.Sides[hub.PeerSide].Token = true }), hub.PeerSide), "about to wake")
	assert.False(t, lost(state(4, func(s *hub.State) { s.Attached = false }), hub.PeerSide), "not there yet")
	assert.True(t, lost(state(0, func(s *hub.State) { s.Sides[hub.HostSide].Signals = 1 }), hub.HostSide), "a signal unseen")
}

func TestCulpritIsTheLostBeforeTheStarvedBeforeTheOldest(t *testing.T) {
	calls := []rpc.Call{{Started: time.Unix(1, 0)}}
	v := view{plugins: map[string]host.Look{"a": {Calls: calls, Link: state(0, nil)}, "b": {Link: state(0, nil)}}, waited: map[string]int64{}}
	at := func() string { name, side := v.culprit(); return fmt.Sprint(name, side) }
	assert.Equal(t, fmt.Sprint("a", hub.PeerSide), at(), "only a call tells")
	v.plugins["b"] = host.Look{Link: state(4, func(s *hub.State) { s.Sides[hub.PeerSide].Parked = false; s.Sides[hub.PeerSide].SpaceSince = 1 })}
	assert.Equal(t, fmt.Sprint("b", hub.PeerSide), at(), "its sender waits for room")
	v.plugins["c"] = host.Look{Link: state(0, func(s *hub.State) { s.Sides[hub.HostSide].Signals = 1 })}
	assert.Equal(t, fmt.Sprint("c", hub.HostSide), at(), "the host sleeps over it")
	v.plugins["d"] = host.Look{Link: state(1, nil)}
	assert.Equal(t, fmt.Sprint("d", hub.PeerSide), at(), "a plugin's before the host's")
}

func TestCallerWhoseAnswerHasComeIsFound(t *testing.T) {
	asleep := host.Look{Link: state(0, func(s *hub.State) { s.Caller.Parked = true })}
	v := view{plugins: map[string]host.Look{"a": asleep}, waited: map[string]int64{"a": 1}}
	name, side := v.culprit()
	assert.Equal(t, "a", name)
	assert.Equal(t, hub.HostSide, side)
	assert.True(t, callerForgotten(v, "a"))
	e := &Evidence{Link: LinkEvidence{CallerForgotten: true}}
	assert.Equal(t, "host's caller asleep on its doorbell although a has answered, no token", e.sentence("a"))
}

func TestStallIsCountedWhenItIsOver(t *testing.T) {
	var book stallBook
	now := time.Unix(100, 0)
	at := func(s hub.State, after time.Duration) {
		now = now.Add(after)
		book.note(view{plugins: map[string]host.Look{"a": {Link: s}}}, now)
	}
	at(state(1, nil), 0)
	at(state(1, nil), 2*stallTime)
	assert.Zero(t, book.Count, "it lies there still")
	at(state(0, nil), stallTime)
	assert.Equal(t, Stalls{Count: 1, Longest: 3 * stallTime, Sum: 3 * stallTime}, book.Stalls)
	at(state(1, nil), 0)
	at(state(0, nil), stallTime/2)
	assert.Equal(t, 1, book.Count, "too short for more than a busy processor")
	at(state(1, func(s *hub.State) { s.Sides[hub.PeerSide].Produced, s.Sides[hub.PeerSide].Consumed = 1, 0 }), 0)
	at(state(0, nil), 2*stallTime)
	assert.Equal(t, 1, book.Count, "it had not begun to receive")
}

func TestSentenceSaysItAsTheReportDoes(t *testing.T) {
	look := func(s hub.State, side int) *Evidence {
		return &Evidence{Link: linkEvidence(host.Look{Link: s}, side)}
	}
	waits := func(s *hub.State) { s.Sides[hub.PeerSide].SpaceSince = 1 }
	assert.Equal(t, "host waits for ring space, fonts asleep with 4 unread frames in a ring of 4, no token",
		look(state(4, waits), hub.PeerSide).sentence("fonts"))
	assert.Equal(t, "host waits for ring space, fonts asleep, the ring has room for 4 and nobody said so, no token",
		look(state(0, waits), hub.PeerSide).sentence("fonts"))
	assert.Equal(t, "host asleep, with a signal unseen, no token",
		look(state(0, func(s *hub.State) { s.Sides[hub.HostSide].Signals = 1 }), hub.HostSide).sentence("fonts"))
	assert.Equal(t, "fonts asleep with 2 unread frames in a ring of 4, a token left and not delivered",
		look(state(2, func(s *hub.State) { s.Sides[hub.PeerSide].Token = true }), hub.PeerSide).sentence("fonts"))
}

const dump = `goroutine 7 [select]:
ddc/transport/hub.(*sender).pushInTurn(0xc000124000, {0xb2c8a8, 0xc0001a2000}, 0xc0001b5a30)
	/x/transport/hub/sender.go:200 +0x1a5
ddc/transport/hub.(*sender).push(...)
ddc/rpc.(*Conn).sendUnary(0xc0001a6000, {0xb2c8a8, 0xc0001a2000}, 0xc00011e000, {0xa8b5f5, 0x18})
	/x/rpc/unary.go:120 +0xd1

goroutine 8 [syscall]:
ddc/internal/sys.(*FD).WaitReadable(0xc000018018)
ddc/wake.(*Doorbell).sleep(0xc000124000)
ddc/wake.(*Doorbell).Await(0xc000124000)
ddc/transport/hub.(*Link).pump(0xc000124000)

goroutine 9 [select]:
ddc/rpc.(*Conn).awaitReply(0xc0001a6000, {0xb2c8a8, 0xc0001a2000}, 0xc00011e000, {0xa8b5f5, 0x18})

goroutine 10 [chan receive]:
ddc/matrix.(*probe).park(0xc0001a6000)
ddc/rpc.(*serverStream).handle(...)
ddc/transport/hub.(*Link).pump(0xc000124000)

goroutine 11 [syscall]:
ddc/wake.(*Doorbell).Await(0xc000124000)
ddc/transport/hub.(*Link).standIn(0xc000124000)
ddc/transport/hub.(*Link).Await(0xc000124000)
ddc/rpc.(*Conn).awaitReply(0xc0001a6000)

goroutine 12 [syscall]:
ddc/wake.(*Doorbell).Await(0xc000124000)
ddc/transport/hub.(*Link).standIn(0xc000124000)
ddc/transport/hub.(*Link).Ask(0xc000124000)
ddc/rpc.(*Conn).sendUnary(0xc0001a6000)
`

func TestGoroutinesAreCountedByWhatTheyWaitFor(t *testing.T) {
	assert.Equal(t, map[string]int{
		forSpace: 1, forBell: 1, forReply: 1, forHandler + ", on the receiving goroutine": 1, forReply + ", in the pump's place": 2,
	}, goroutineWaits(dump))
}

func TestWrongAnswerIsCorruptAndAnEndedLinkIsAnError(t *testing.T) {
	reply := payload(7, 5000)
	for i := range reply {
		reply[i] = ^reply[i]
	}
	require.NoError(t, checkReply(7, 5000, reply))
	reply[4321] ^= 1
	err := checkReply(7, 5000, reply)
	require.ErrorIs(t, err, errCorrupt)
	assert.ErrorContains(t, err, "byte 4321")
	assert.Equal(t, Corrupt, verdictOf(&callError{"fonts", err}))
	assert.ErrorIs(t, checkReply(7, 5000, reply[:99]), errCorrupt)
	assert.ErrorIs(t, checkReply(8, 5000, reply), errCorrupt, "another call's answer")
	assert.Equal(t, Failed, verdictOf(fmt.Errorf("call: %w", transport.ErrCorrupt)))
	assert.Equal(t, Failed, verdictOf(errors.New("no")))
}

func TestRestartCountsUnlessSomebodyWasKilled(t *testing.T) {
	j := newJournal()
	j.restarts["fonts"] = []string{"plugin fonts closed the link", "peer died: " + killed}
	assert.Empty(t, j.restart())
	j.restarts["sass"] = []string{"corrupt hub"}
	assert.Equal(t, "sass: corrupt hub", j.restart())
	j.kills("sass")
	assert.Empty(t, j.restart())
}

func TestTimeInWhichTheJudgeDidNotRunIsNoStandstill(t *testing.T) {
	v := view{begun: 2, ended: 1}
	start := time.Now()
	used := time.Duration(0)
	still := newStillness(v, start, func() turns { return turns{ran: used} })
	now := start
	look := func(later time.Duration) (time.Duration, float64) {
		now = now.Add(later)
		return still.look(v, now)
	}
	held, _ := look(time.Hour) // the machine stopped, and whoever works goes on only now
	assert.Equal(t, lookLasts, held)
	looks := 1
	for ; held < settle; looks++ {
		held, _ = look(lookEvery)
	}
	assert.Equal(t, 1+int((settle-lookLasts)/lookEvery), looks)
	v.ended = 2
	held, _ = look(lookEvery)
	assert.Zero(t, held, "it moved")
	v.begun = 3
	look(lookEvery)
	for held = 0; held < settle; {
		used += lookEvery / 2
		var share float64
		if held, share = look(lookEvery); held >= settle {
			assert.InDelta(t, 0.5, share, 0.02)
		}
	}
}

// A host that closes waits for its tools one after the other. On a busy machine
// each takes long to end, and with it went what it had run.
func TestThreadThatEndsHasMovedAndWhatItRanStays(t *testing.T) {
	live := map[thread]turns{{1, 1}: {ran: time.Second}, {2, 2}: {ran: time.Minute, waited: time.Hour}}
	l := &ledger{threads: func() map[thread]turns { return maps.Clone(live) }}
	assert.Equal(t, turns{ran: 61 * time.Second, waited: time.Hour}, l.turns())
	v, now := view{begun: 2, ended: 1}, time.Now()
	still := newStillness(v, now, l.turns)
	hold := func() (held time.Duration) {
		for range 2 * settle / lookEvery {
			now = now.Add(lookEvery)
			var share float64
			if held, share = still.look(v, now); held == 0 || held >= settle {
				assert.GreaterOrEqual(t, share, 0.0)
				return held
			}
		}
		return held
	}
	delete(live, thread{2, 2})
	assert.Zero(t, hold(), "a thread has ended")
	assert.GreaterOrEqual(t, hold(), settle, "and then nothing moves")
	live[thread{1, 1}] = turns{ran: time.Millisecond} // another of that number
	assert.Equal(t, turns{ran: 61*time.Second + time.Millisecond, waited: time.Hour, ended: 2}, l.turns())
}

func TestCellThatABusyMachineStarvesIsNotLate(t *testing.T) {
	late := func(since, ran, waited time.Duration) bool {
		is, why := isLate(since, func() turns { return turns{ran: ran, waited: waited} })
		assert.Equal(t, is, why != nil)
		return is
	}
	assert.False(t, late(patience, time.Hour, 0))
	assert.True(t, late(patience+1, time.Second, 0), "idle now and then, and never done")
	assert.True(t, late(patience+1, 2*patience, 9*patience), "it spins")
	assert.False(t, late(patience+1, patience/10, 9*patience), "it hardly ran")
	assert.False(t, late(2*patience, patience/3, 9*patience), "others emptied its caches")
	assert.True(t, late(patienceStarved+1, patience/10, 9*patience), "for ever is too long")
	_, why := isLate(3*time.Minute, func() turns { return turns{ran: 2 * time.Minute, waited: time.Minute} })
	assert.EqualError(t, why, "not at its end after 3m0s, of which its threads ran 2m0s and waited 1m0s for a processor")
}

func TestThreadThatIsReadyToRunWaitsForAProcessor(t *testing.T) {
	stop := make(chan struct{})
	var busy sync.WaitGroup
	busy.Go(func() {
		runtime.LockOSThread()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	await.Until(t, "the busy thread to be seen", waitsForProcessor)
	close(stop)
	busy.Wait()
	await.Until(t, "nobody to be busy", func() bool { return !waitsForProcessor() })
}

func TestAProcessThatCannotRunHasTimeToAnswer(t *testing.T) {
	sleeper := exec.Command("sleep", "1000")
	require.NoError(t, sleeper.Start())
	t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
	looks := 0
	asked := func(n int) func() bool { return func() bool { looks++; return looks > n } }
	assert.False(t, sleepsUntil(sleeper.Process.Pid, 2*answerLook, asked(1000)), "it sleeps, and has had its time")
	looks = 0
	assert.True(t, sleepsUntil(sleeper.Process.Pid, time.Hour, asked(3)))

	busy := exec.Command("sh", "-c", "while :; do :; done")
	require.NoError(t, busy.Start())
	t.Cleanup(func() { _ = busy.Process.Kill(); _ = busy.Wait() })
	await.Until(t, "the shell to be busy", func() bool { return proc.Ready(busy.Process.Pid) > 0 })
	looks = 0
	assert.True(t, sleepsUntil(busy.Process.Pid, answerLook, asked(20)), "it would answer, could it but run")
}

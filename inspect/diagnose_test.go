package inspect

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/proc"
	"ddc/slot"
	"ddc/transport/hub"
)

const (
	second  = int64(time.Second)
	hostPID = 100
	peerPID = 101
)

// at is a hub of one idle link, at a time in quarters of a second; change is
// what is different.
func at(quarter int, change func(s *Snapshot, l *hub.LinkSnapshot)) Snapshot {
	s := Snapshot{
		Snapshot: hub.Snapshot{At: 100*second + int64(quarter)*second/4, FreeSlots: 12, Links: []hub.LinkSnapshot{{
			State: hub.State{
				Name: "fonts", Strategy: "eventfd", Incarnation: 1, Attached: true, PIDs: [2]int{hostPID, peerPID}, Cells: 4,
			},
			Slots: [2]slot.Share{{Slots: 1}, {Slots: 2}},
		}}},
		Processes: map[int]Process{
			hostPID: {PID: hostPID, Doing: Asleep},
			peerPID: {PID: peerPID, Doing: Asleep},
		},
	}
	l := &s.Links[0]
	for side := range l.Sides {
		l.Sides[side].Produced, l.Sides[side].Consumed = 1<<64-1, 1<<64-1 // indices wrap
		l.Sides[side].Sleeping, l.Sides[side].Parked = true, true
	}
	if change != nil {
		change(&s, l)
	}
	return s
}

// both takes the same change for two snapshots.
func both(change func(s *Snapshot, l *hub.LinkSnapshot)) []Snapshot {
	return []Snapshot{at(0, change), at(1, change)}
}

func full(s *hub.SideState) { s.Produced = s.Consumed + 4 }

func does(s *Snapshot, pid int, what Doing) {
	p := s.Processes[pid]
	p.Doing = what
	s.Processes[pid] = p
}

func call(l *hub.LinkSnapshot, began int64) {
	l.Calls = append(l.Calls, hub.Call{Stream: 9, Method: "/fonts.Fonts/Subset", Began: began})
	l.Handlers = len(l.Calls)
}

// states are snapshots of a link, and what is said of them.
var states = map[string]struct {
	want      string
	snapshots []Snapshot
}{
	"idle": {"healthy", both(nil)},
	"at work": {"healthy", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		does(s, peerPID, Running)
		call(l, second)
	})},
	"a call under way for a moment": {"healthy", both(func(_ *Snapshot, l *hub.LinkSnapshot) { call(l, 99*second) })},
	"frames under way": {"healthy", []Snapshot{
		at(0, func(_ *Snapshot, l *hub.LinkSnapshot) { l.Sides[1].Produced = 5; l.Sides[1].Consumed = 2 }),
		at(1, func(_ *Snapshot, l *hub.LinkSnapshot) { l.Sides[1].Produced = 9; l.Sides[1].Consumed = 6 }),
	}},
	"asleep over frames": {"lost wake-up (plugin sleeps, 3 frames unread, no token)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Produced += 3
	})},
	"asleep over one reply": {"lost wake-up (host sleeps, 1 frame unread, no token)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].Produced++
	})},
	"asleep over a signal": {"lost wake-up (host sleeps, signals unanswered, no token)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].Signals = 2
	})},
	"asleep over the end": {"lost wake-up (plugin sleeps, the end of the link unseen, no token)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].Closed = true
	})},
	"asleep over frames, and nobody can tell of tokens": {"lost wake-up (plugin sleeps, 3 frames unread, token unknown)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Produced += 3
		l.Sides[1].Blind = true
	})},
	"asleep over a token": {"lost wake-up (plugin sleeps, 3 frames unread, and a token that it does not notice)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Produced += 3
		l.Sides[1].Token = true
	})},
	"woken, and no processor for it yet": {"healthy", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Produced += 3
		l.Sides[1].Token = true
		does(s, peerPID, Running)
	})},
	"a token for long, and an event loop that turns": {"lost wake-up (host sleeps, 1 frame unread, and a token that it does not notice)", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].Produced++
		l.Sides[0].Token = true
		call(l, 90*second)
		does(s, hostPID, Running)
	})},
	"caller about to wake": {"healthy", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].Produced++
		l.Caller.Parked, l.Caller.Token = true, true
		does(s, hostPID, Running)
	})},
	"a frame overwritten": {"lost frame (host waits for 1 reply, plugin is at work on 0, nothing to read)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		call(l, 98*second)
		l.Handlers = 0
	})},
	"a call of nobody": {"orphaned call (plugin is at work on 1, host waits for 0 replies, nothing to read)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Handlers = 1
	})},
	"a call that was given up just now, and a plugin at work on it": {"healthy", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		l.Handlers = 1
		does(s, peerPID, Running)
	})},
	"a plugin that does not count its calls": {"healthy", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		call(l, 98*second)
		l.Handlers = -1
	})},
	"a caller forgotten": {"lost wake-up (a caller of the host sleeps, its reply has come, no token)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Caller.Parked = true
	})},
	"a caller that waits": {"healthy", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Caller.Parked = true
		call(l, 99*second)
	})},
	"a pump that waits for space itself": {"deadlock (both wait for space)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		full(&l.Sides[1])
		for side := range l.Sides {
			l.Sides[side].SpaceSince = 97 * second
		}
		l.Sides[1].Parked = false
	})},
	"room that nobody hears of": {"handler stuck (plugin waits for space; whoever receives there does something else, and does not hear that there is room)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].SpaceSince, l.Sides[1].Signals, l.Sides[1].Parked = 97*second, 4, false
	})},
	"room that nobody tells of": {"lost wake-up (host waits for space, ring has room for 4, nobody told it)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].SpaceSince = 97 * second
	})},
	"slots that nobody tells of": {"lost wake-up (plugin waits for a slot, 12 are free, nobody told it)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].SlotSince = 97 * second
	})},
	"waiting for a busy plugin": {"back-pressure (host waits for space; plugin is running)", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		full(&l.Sides[1])
		l.Sides[1].SpaceSince, l.Sides[1].Parked = 99*second, false
		does(s, peerPID, Running)
	})},
	"waiting for a plugin seen at work by its processor time only": {"back-pressure (host waits for space; plugin is running)", []Snapshot{
		at(0, func(_ *Snapshot, l *hub.LinkSnapshot) {
			full(&l.Sides[1])
			l.Sides[1].SpaceSince, l.Sides[1].Parked = second, false
		}),
		at(1, func(s *Snapshot, l *hub.LinkSnapshot) {
			full(&l.Sides[1])
			l.Sides[1].SpaceSince, l.Sides[1].Parked = second, false
			s.Processes[peerPID] = Process{PID: peerPID, Doing: Asleep, CPU: 200 * time.Millisecond}
		}),
	}},
	"a handler whose process is caught running for a moment": {"handler stuck: fonts since 7 s in Subset, plugin sleeps, nothing to read", []Snapshot{
		at(0, func(_ *Snapshot, l *hub.LinkSnapshot) { call(l, 93*second) }),
		at(1, func(s *Snapshot, l *hub.LinkSnapshot) {
			call(l, 93*second)
			s.Processes[peerPID] = Process{PID: peerPID, Doing: Running, CPU: proc.Tick}
		}),
	}},
	"a handler that works": {"healthy", []Snapshot{
		at(0, func(_ *Snapshot, l *hub.LinkSnapshot) { call(l, 93*second) }),
		at(1, func(s *Snapshot, l *hub.LinkSnapshot) {
			call(l, 93*second)
			s.Processes[peerPID] = Process{PID: peerPID, Doing: Running, CPU: 100 * time.Millisecond}
		}),
	}},
	"a handler that waits for a processor": {"healthy", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		call(l, 93*second)
		does(s, peerPID, Running)
	})},
	"waiting for a handler on the pump": {"handler stuck (host waits for space; whoever receives at the plugin does something else, and sleeps)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		full(&l.Sides[1])
		l.Sides[1].SpaceSince, l.Sides[1].Parked = 97*second, false
	})},
	"handler on the pump, room left": {"handler stuck (2 frames unread, and whoever receives at the plugin does something else, and sleeps)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Produced += 2
		l.Sides[1].Parked = false
	})},
	"full both ways": {"deadlock (both wait for space)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		for side := range l.Sides {
			full(&l.Sides[side])
			l.Sides[side].SpaceSince, l.Sides[side].Parked = 97*second, false
		}
	})},
	"no slot for anybody": {"slots exhausted by image (host waits for a slot)", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		s.FreeSlots = 0
		l.Sides[1].SlotSince = 97 * second
		s.Links = append(s.Links, hub.LinkSnapshot{State: hub.State{Name: "image", Peer: 1, Incarnation: 1, Attached: true}, Slots: [2]slot.Share{{}, {Slots: 60}}})
	})},
	"an idle plugin that owes an answer": {"handler stuck: fonts since 40 s in Subset, plugin sleeps, nothing to read", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		call(l, 60*second)
	})},
	"a plugin that waits for another process": {
		"handler stuck: fonts since 40 s in Subset for content/index.md:14, waits for process 4711 (bash), which waits for process 4712 (sleep)",
		both(func(s *Snapshot, l *hub.LinkSnapshot) {
			call(l, 60*second)
			l.Calls[0].About = "content/index.md:14"
			s.Processes[peerPID] = Process{PID: peerPID, Doing: Asleep, Awaits: []Child{{4711, "bash", []Child{{4712, "sleep", nil}}}}}
		}),
	},
	"a plugin that waits, and a caller beside it that runs": {"handler stuck: fonts since 40 s in Subset, waits for process 4711 (sleep)", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		call(l, 60*second)
		does(s, hostPID, Running)
		s.Processes[peerPID] = Process{PID: peerPID, Doing: Asleep, Awaits: []Child{{4711, "sleep", nil}}}
	})},
	"a frame overwritten long ago, while the host is busy": {"lost frame (host waits for 1 reply, plugin is at work on 0, nothing to read)", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		call(l, 60*second)
		l.Handlers = 0
		does(s, hostPID, Running)
	})},
	"a large reply that is written while memory is short": {"healthy", []Snapshot{
		at(0, func(_ *Snapshot, l *hub.LinkSnapshot) { call(l, 93*second); l.Handlers = 0 }),
		at(1, func(s *Snapshot, l *hub.LinkSnapshot) {
			call(l, 93*second)
			l.Handlers = 0
			s.Processes[peerPID] = Process{PID: peerPID, Doing: Asleep, CPU: 100 * time.Millisecond}
		}),
	}},
	"a frame lost long ago, while the plugin works at others": {"lost frame (host waits for 1 reply, plugin is at work on 0, nothing to read)", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		call(l, 60*second)
		l.Handlers = 0
		does(s, peerPID, Running)
	})},
	"an index kept too long": {"corrupt (ring to the plugin: producer index 18446744073709551609 is behind consumer's 18446744073709551615: two senders)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Produced -= 6
		l.Sides[1].SpaceSince = 97 * second
	})},
	"a plugin whose child is at work": {"healthy", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		call(l, 60*second)
		s.Processes[peerPID] = Process{PID: peerPID, Doing: Asleep, Children: true}
	})},
	"a dead plugin": {"peer dead (plugin, process 101, has ended)", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Produced += 3
		does(s, peerPID, Ended)
	})},
	"a dead host": {"peer dead (host, process 100, has ended)", both(func(s *Snapshot, _ *hub.LinkSnapshot) { does(s, hostPID, Ended) })},
	"a stopped plugin": {"stopped (plugin, process 101, was stopped by a signal)", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Produced += 3
		l.Sides[1].Token = true
		does(s, peerPID, Stopped)
	})},
	"nobody there yet": {"starting (the plugin has not attached)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Attached, l.PIDs[1] = false, 0
	})},
	"closed by both": {"closed", both(func(s *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].Closed, l.Sides[1].Closed = true, true
		does(s, peerPID, Ended)
	})},
	"scribbled over": {"corrupt (ring to the host has 77 of 4 descriptors)", both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].Produced += 77
	})},
	"a copy, and nobody to ask": {"lost wake-up (plugin sleeps, 3 frames unread, token unknown)", []Snapshot{at(0, func(s *Snapshot, l *hub.LinkSnapshot) {
		s.Processes = nil
		l.Sides[1].Produced += 3
		l.Sides[1].Blind = true
	})}},
}

func TestEachStateHasItsName(t *testing.T) {
	for name, c := range states {
		t.Run(name, func(t *testing.T) {
			d := Diagnose(c.snapshots...)
			assert.Equal(t, c.want, d[0].String())
			assert.Equal(t, "fonts", d[0].Name)
		})
	}
}

func TestAWaitSaysHowLongItLasts(t *testing.T) {
	d := Diagnose(both(func(_ *Snapshot, l *hub.LinkSnapshot) { l.Sides[1].SpaceSince = 97 * second })...)
	assert.Equal(t, 3250*time.Millisecond, d[0].Since)
}

func TestWhatMovesIsNotStuck(t *testing.T) {
	s := both(func(_ *Snapshot, l *hub.LinkSnapshot) { l.Sides[1].Produced += 3 })
	s[0].Links[0].Sides[1].Received++
	assert.Equal(t, Healthy, Diagnose(s...)[0].Kind)
	s = both(func(_ *Snapshot, l *hub.LinkSnapshot) { call(l, second) })
	s[0].Links[0].Calls[0].Stream--
	assert.Equal(t, Healthy, Diagnose(s...)[0].Kind)
	assert.Empty(t, Diagnose())
}

func TestReportsAreForPeopleAndForMachines(t *testing.T) {
	s := both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		full(&l.Sides[1])
		l.Sides[1].Starved, l.Sides[1].SpaceSince = true, 97*second
		call(l, 96*second)
	})
	r := NewReport("/proc/100/fd/7", s...)
	assert.True(t, r.Wrong())
	var text strings.Builder
	r.Print(&text, false)
	for _, want := range []string{
		"hub /proc/100/fd/7: rings of 4", "lost wake-up (plugin sleeps, 4 frames unread, no token)",
		"host waits for ring space since 3.2 s", "call /fonts.Fonts/Subset, stream 9, since 4.2 s", "4 unread", "plugin, process 101: asleep",
	} {
		assert.Contains(t, text.String(), want)
	}
	encoded, err := json.Marshal(r)
	require.NoError(t, err)
	var back struct {
		Links []struct {
			Name, Diagnosis, Kind string
			ToPlugin              struct{ Unread int } `json:"to_plugin"`
		}
	}
	require.NoError(t, json.Unmarshal(encoded, &back))
	assert.Equal(t, "lost wake-up", back.Links[0].Kind)
	assert.Equal(t, 4, back.Links[0].ToPlugin.Unread)
}

// A build whose plugins have a hub each is one table all the same.
func TestHubsShareOneTable(t *testing.T) {
	named := func(name string) []Snapshot {
		return both(func(_ *Snapshot, l *hub.LinkSnapshot) { l.Name = name })
	}
	empty := at(0, nil)
	empty.Links = nil
	var text strings.Builder
	PrintAll(&text, []Report{NewReport("a", empty), NewReport("b", named("css")...), NewReport("c", named("js")...)}, false)
	assert.Equal(t, 1, strings.Count(text.String(), "DIAGNOSIS"), text.String())
	assert.NotContains(t, text.String(), "hub a:", "nothing is in it")
	assert.Regexp(t, `(?s)hub b: .*hub c: .*PLUGIN.*\ncss .*\njs `, text.String())

	text.Reset()
	PrintAll(&text, []Report{NewReport("a", empty)}, false)
	assert.Contains(t, text.String(), "hub a:", "it is all there is")
}

func TestWhyALinkWasGivenUpIsSaid(t *testing.T) {
	s := both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[1].Closed = true
		l.Sides[1].End = hub.End{Kind: hub.EndBellFailed, Text: "await doorbell: interrupted system call"}
	})
	d := Diagnose(s...)[0]
	assert.Equal(t, "doorbell failed (plugin says: await doorbell: interrupted system call)", d.String())
	assert.True(t, d.Wrong())
	var text strings.Builder
	r := NewReport("", s...)
	r.Print(&text, false)
	assert.Contains(t, text.String(), "plugin ended the link: await doorbell: interrupted system call\n")

	s = both(func(_ *Snapshot, l *hub.LinkSnapshot) {
		l.Sides[0].End = hub.End{Kind: hub.EndCorrupt, Text: "descriptor: kind 9"}
	})
	assert.Equal(t, "corrupt (host says: descriptor: kind 9)", Diagnose(s...)[0].String())
}

func TestAPluginThatWasStartedAgainIsNoLongerWrong(t *testing.T) {
	s := both(func(s *Snapshot, l *hub.LinkSnapshot) {
		does(s, peerPID, Ended)
		again := *l
		again.Peer, again.PIDs = 1, [2]int{hostPID, peerPID + 1}
		s.Links = append(s.Links, again)
	})
	d := Diagnose(s...)
	assert.Equal(t, "peer dead (plugin, process 101, has ended), started again", d[0].String())
	assert.Equal(t, Healthy, d[1].Kind)
	r := NewReport("", s...)
	assert.False(t, r.Wrong())

	for i := range s {
		s[i].Links[1].Name = "markdown"
	}
	r = NewReport("", s...)
	assert.True(t, r.Wrong(), "another plugin's link is no successor")
}

//go:build explore

package explore

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/wake/strategy"
)

var (
	schedules = flag.Int("explore.schedules", 0, "how many random schedules to run in all; 0 is some thousands")
	part      = flag.Int("explore.part", 0, "which part of the random schedules to run, of")
	parts     = flag.Int("explore.parts", 1, "how many processes run a part each")
	budget    = flag.Duration("explore.time", 30*time.Second, "how long random schedules may take in all")
)

// On the code as it is no random schedule of any crowd shows a defect. How many
// are run depends on the time that there is, which schedules these are does
// not.
func TestSimulate(t *testing.T) {
	if replayed(t) {
		return
	}
	names := strategy.Names()
	var all, mine []Simulation
	for _, name := range names {
		all = append(all, Simulations(name)...)
	}
	for i, one := range all {
		if i%*parts == *part {
			mine = append(mine, one)
		}
	}
	left := *budget
	for i, one := range mine {
		// Time that one does not need is left for those after it.
		share := left / time.Duration(len(mine)-i)
		t.Run(one.Strategy+"/"+one.Name, func(t *testing.T) { left -= simulated(t, one, share, len(names)) })
	}
}

// replayed runs the one schedule that was asked for, and says whether one was.
func replayed(t *testing.T) bool {
	if *replay == "" {
		return false
	}
	f, err := ReplayCrowd(*replay)
	require.NoError(t, err)
	if f != nil {
		t.Fatal(f)
	}
	return true
}

func simulated(t *testing.T, s Simulation, share time.Duration, strategies int) time.Duration {
	count := s.Fast
	if *schedules > 0 {
		count = max(*schedules*s.Weight/1000/strategies, 1)
	}
	r, err := Simulate(s.Crowd, SimulateOptions{Depths: depths, Schedules: count, Duration: share})
	require.NoError(t, err)
	if r.Finding != nil {
		small, err := Shrink(r, min(10*share, 5*time.Minute))
		require.NoError(t, err)
		t.Fatalf("schedule %d, of depth %d, of %s:\n%v", r.Schedules, r.Depth, r.Crowd, small.Finding)
	}
	assert.Positive(t, r.Schedules)
	said := r.Reached()
	if r.Schedules < count {
		said += fmt.Sprintf("; the time was up before %d schedules", count)
	}
	t.Log(said)
	return r.Took
}

// mixed is a crowd in which everything happens.
var mixed = Crowd{
	Strategy: "eventfd", Peers: 5, Callers: 12, Calls: 2, Cells: 1, Slots: 2,
	Streams: 30, Leases: 30, Cancels: 20, Signals: 1, Closes: 1, Lies: 1, Deaths: 2, Restarts: 1,
}

// A caller that is cancelled as its reply is kept for it is told of the reply
// before it reads that: it is the crowd's own program that would race.
func TestCallersThatLeaveAsTheirReplyComesDoNotRace(t *testing.T) {
	for _, name := range []string{"eventfd", "futex"} {
		r, err := Simulate(Crowd{Strategy: name, Peers: 1, Callers: 2, Calls: 1, Cells: 1, Slots: 1, Leases: 100, Cancels: 100},
			SimulateOptions{Depths: depths, Schedules: 1000})
		require.NoError(t, err)
		assert.Nil(t, r.Finding, "%v", r.Finding)
	}
}

// One seed is one program and one schedule of it.
func TestSeedStandsForOneSchedule(t *testing.T) {
	traces := map[uint64]bool{}
	for seed := range uint64(3) {
		c := mixed
		c.Seed = seed
		var of [2]Simulated
		for i := range of {
			var err error
			of[i], err = Simulate(c, SimulateOptions{Depths: []int{3}, Schedules: 1})
			require.NoError(t, err)
			require.Nil(t, of[i].Finding, "%v", of[i].Finding)
		}
		assert.Equal(t, of[0].Trace, of[1].Trace, "seed %d", seed)
		traces[of[0].Trace] = true
	}
	assert.Len(t, traces, 3, "schedules of three seeds")
}

// A crowd is what its text says, in tokens.
func TestCrowdIsReadAsItIsWritten(t *testing.T) {
	read, err := ParseCrowd(mixed.String())
	require.NoError(t, err)
	assert.Equal(t, mixed, read)
	for _, text := range []string{"eventfd,seed=1", "eventfd,peers=2,callers=1,calls=1,cells=1,slots=1,deaths=3", "eventfd,elephants=1", "eventfd,peers"} {
		_, err := ParseCrowd(text)
		assert.Error(t, err, text)
	}
}

// A schedule of more tasks than there are letters is read as it was written.
func TestTokensNameAnyTask(t *testing.T) {
	r := &run{}
	for _, task := range []int{0, 25, 26, 26, 26, 701, 702, 703, mostTasks - 1} {
		r.log = append(r.log, entry{task: task, alternative: task % 2})
	}
	token := r.token()
	assert.Equal(t, "az~1Aa3Zz~1AAaAAb~1FAn~1", token)
	choices, err := parseToken(token)
	require.NoError(t, err)
	assert.Equal(t, r.choices(), choices)
	for _, wrong := range []string{"a1A", "ZZZZZZZZZZZZZZZZZZa", "?"} {
		_, err := parseToken(wrong)
		assert.Error(t, err, wrong)
	}
}

// A crowd's token in a report runs its schedule again, as a search's token
// does.
func TestReplayOfACrowdWantsACrowd(t *testing.T) {
	for _, token := range []string{"a3b", "eventfd:a", strings.Repeat("z", 9) + mixed.String()} {
		_, err := ReplayCrowd(token)
		assert.Error(t, err, token)
	}
}

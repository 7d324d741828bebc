//go:build explore

package explore

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
)

// alternation is a defect of a depth: two tasks take turns at a word, depth+1
// times in all, each with steps between that do not matter.
func alternation(depth, between int) Scenario {
	return Scenario{Name: "alternation", Setup: func(w *World) {
		var word, noise step.Uint64
		for side, name := range []string{"host", "peer"} {
			w.Go(name, "turns", func() {
				for i := side; i <= depth; i += 2 {
					for range between {
						noise.Add(1)
					}
					if word.CompareAndSwap(uint64(i), uint64(i+1)) && i == depth {
						w.Failf(Failure, "all turns were taken")
					}
				}
			})
		}
	}}
}

// A walk shows a defect of its depth at least as often as is claimed. The seeds
// are always the same ones, so the count is.
func TestWalkShowsDefectsAsOftenAsClaimed(t *testing.T) {
	for _, depth := range []int{1, 2, 3} {
		s := alternation(depth, 4)
		const walks = 4000
		shown, tasks, length := 0, 0, 0
		r, err := follow(s, nil, mostSteps, newPriorities(walk{depth: 1}))
		require.NoError(t, err)
		steps := len(r.log)
		for seed := range uint64(walks) {
			r, err = follow(s, r, mostSteps, newPriorities(walk{seed: seed, depth: depth, length: steps}))
			require.NoError(t, err)
			tasks, length = len(r.tasks), max(length, len(r.log))
			if r.finding != "" {
				shown++
			}
		}
		assert.GreaterOrEqual(t, float64(shown)/walks, Bound(1, depth, tasks, length), "depth %d: %d of %d", depth, shown, walks)
		t.Logf("depth %d, %d tasks, %d steps: %d of %d, at least %.1f claimed", depth, tasks, length, shown, walks, walks*Bound(1, depth, tasks, length))
	}
}

// The bound is the published one.
func TestBoundIsThePublishedOne(t *testing.T) {
	assert.InDelta(t, 1.0/2, Bound(1, 1, 2, 100), 1e-9)
	assert.InDelta(t, 1.0/20_000, Bound(1, 3, 2, 100), 1e-9)
	assert.InDelta(t, 1-0.5*0.5*0.5, Bound(3, 1, 2, 100), 1e-9)
	assert.Zero(t, Bound(0, 2, 2, 100))
}

// Every kind of defect shows in random schedules too, as the kind that it is.
func TestWalksShowEveryKind(t *testing.T) {
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			for seed := range uint64(5000) {
				r, err := follow(Scenario{Name: d.name, Setup: d.setup}, nil, 2000, newPriorities(walk{seed: seed, depth: 3, length: 20}))
				require.NoError(t, err)
				if r.finding != "" {
					assert.Equal(t, d.kind, r.finding, r.text)
					return
				}
			}
			t.Error("nothing shows")
		})
	}
}

// A started task is ordered behind its starter, and a task that has killed
// another behind the killed one: neither is a race, in a search or a walk.
func TestStartAndDeathOrderAccesses(t *testing.T) {
	for name, setup := range map[string]func(w *World){
		"a task writes what its starter has read and written": func(w *World) {
			memory := make([]byte, 16)
			w.Go("host", "start", func() {
				step.Read(memory)
				step.Write(memory)
				step.Go(func() { step.Write(memory) })
			})
		},
		"memory of the dead is used again": func(w *World) {
			memory := make([]byte, 16)
			var n step.Uint32
			w.Mortal("peer")
			w.Go("peer", "use", func() {
				for range 3 {
					n.Add(1)
					step.Write(memory)
				}
			})
			w.Go("host", "reap", func() {
				w.Kill("peer")
				step.Write(memory)
			})
		},
	} {
		s := Scenario{Name: name, Setup: setup}
		r, err := Explore(s, Options{Bound: -1})
		require.NoError(t, err)
		assert.Nil(t, r.Finding, "%s: %v", name, r.Finding)
		for seed := range uint64(50) {
			r, err := follow(s, nil, 2000, newPriorities(walk{seed: seed, depth: 2, length: 10}))
			require.NoError(t, err)
			assert.Empty(t, r.finding, "%s: %s", name, r.text)
		}
	}
}

// Without that order the same accesses are one.
func TestAccessBesideAStartedTaskIsARace(t *testing.T) {
	s := Scenario{Name: "beside", Setup: func(w *World) {
		memory := make([]byte, 16)
		w.Go("host", "start", func() {
			step.Go(func() { step.Write(memory) })
			step.Write(memory)
		})
	}}
	r, err := Explore(s, Options{Bound: -1})
	require.NoError(t, err)
	require.NotNil(t, r.Finding)
	assert.Equal(t, Race, r.Finding.Kind)
	walked, err := follow(s, nil, 2000, newPriorities(walk{depth: 1}))
	require.NoError(t, err)
	assert.Equal(t, Race, walked.finding)
}

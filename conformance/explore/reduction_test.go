//go:build explore

package explore

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
)

// indexer is the benchmark of Flanagan and Godefroid, figure 3: threads that
// insert messages into a hash table of their own keys. Up to 11 threads no two
// keys collide, so that one schedule stands for all.
func indexer(threads int) Scenario {
	return Scenario{Name: "indexer", Setup: func(w *World) {
		const size, messages = 128, 4
		table := make([]step.Uint32, size)
		for id := range threads {
			w.Go("main", fmt.Sprint(id), func() {
				for m := 1; m <= messages; m++ {
					msg := uint32(m*11 + id)
					for h := (msg * 7) % size; !table[h].CompareAndSwap(0, msg); {
						h = (h + 1) % size
					}
				}
			})
		}
	}}
}

func TestReductionOfTheIndexerIsThePublishedOne(t *testing.T) {
	for threads, want := range map[int]int{2: 1, 8: 1, 11: 1, 12: 8, 13: 64} {
		got, err := Explore(indexer(threads), Options{Bound: -1})
		require.NoError(t, err)
		assert.Equal(t, want, got.Schedules, "%d threads", threads)
		assert.True(t, got.Exhausted)
	}
}

// instruction is a step of a random program.
type instruction struct{ op, on, value int }

// shared is what the tasks of a random program share.
type shared struct {
	w            *World
	words        [3]step.Uint32
	locks        [2]step.Mutex
	tokens, over chan struct{}
	closed       bool
	results      []string // of each task
}

// do has a task take a step.
func (m *shared) do(id int, c instruction) {
	word := &m.words[c.on]
	note := func(v any) { m.results[id] += fmt.Sprint(v, ",") }
	switch c.op {
	case 0, 1:
		note(word.Load())
	case 2:
		word.Store(uint32(10*id + c.value))
	case 3:
		note(word.CompareAndSwap(0, uint32(10*id+1)))
	case 4:
		note(word.Add(1))
	case 5:
		if word.Load() == 0 {
			m.words[(c.on+1)%3].Store(uint32(c.value + 1))
		}
	case 6: // may deadlock with its like
		a, b := &m.locks[c.value&1], &m.locks[1-c.value&1]
		a.Lock()
		b.Lock()
		note(word.Swap(uint32(id + 1)))
		b.Unlock()
		a.Unlock()
	case 7:
		m.locks[0].Lock()
		m.words[0].Store(m.words[0].Load() + uint32(id) + 1)
		m.locks[0].Unlock()
	case 8: // waits for a token
		step.Recv(m.tokens)
		<-m.tokens
	case 9:
		step.At(m.tokens)
		select {
		case m.tokens <- struct{}{}:
			note("left")
		default:
			note("full")
		}
	case 10:
		a, b, _ := step.RecvAny(m.tokens, m.over, nil)
		select {
		case <-a:
			note("token")
		case <-b:
			note("over")
		}
	case 12:
		note(m.w.Choose(2 + c.value))
	case 13:
		if id != 0 {
			m.w.Kill("0")
		}
	case 11:
		step.At(m.over)
		if !m.closed {
			m.closed = true
			close(m.over)
		}
	}
}

func (m *shared) state() string {
	return fmt.Sprint(m.results, m.words[0].Peek(), m.words[1].Peek(), m.words[2].Peek(), len(m.tokens), m.closed, m.locks[0].Held(), m.locks[1].Held())
}

// program is a random small program. What its tasks read decides what they do
// next, and with what they read the state ends in differs from schedule to
// schedule.
func program(seed uint64, state *func() string) Scenario {
	return Scenario{Name: fmt.Sprint("program ", seed), Setup: func(w *World) {
		random := rand.New(rand.NewPCG(seed, 1))
		tasks := 2 + random.IntN(2)
		m := &shared{w: w, tokens: make(chan struct{}, 1), over: make(chan struct{}), results: make([]string, tasks)}
		for id := range tasks {
			code := make([]instruction, 2+random.IntN(3))
			for i := range code {
				code[i] = instruction{random.IntN(14), random.IntN(3), random.IntN(3)}
			}
			if id == 0 {
				w.Mortal("0")
			}
			w.Go(fmt.Sprint(id), "main", func() {
				for _, c := range code {
					m.do(id, c)
				}
				m.results[id] += "end"
			})
		}
		*state = m.state
	}}
}

// The reduction runs a schedule for every way in which a program can end,
// deadlocks among them.
func TestReductionLosesNoEndOfAnyProgram(t *testing.T) {
	programs, full, reduced, skipped := 300, 0, 0, 0
	if !*all {
		programs = 100
	}
	for seed := range uint64(programs) {
		ends := func(o Options) (map[string]bool, Result) {
			found := map[string]bool{}
			var state func() string
			o.ended = func(*run) { found[state()] = true }
			o.Schedules = 4_000
			result, err := Explore(program(seed, &state), o)
			require.NoError(t, err)
			return found, result
		}
		all, a := ends(Options{Full: true, Bound: -1})
		if !a.Exhausted {
			skipped++
			continue
		}
		few, b := ends(Options{Bound: -1})
		full, reduced = full+a.Schedules, reduced+b.Schedules
		require.True(t, b.Exhausted)
		for end := range all {
			assert.True(t, few[end], "program %d: %s is not reached, by %d schedules of %d", seed, end, b.Schedules, a.Schedules)
		}
		assert.LessOrEqual(t, len(few), len(all))
		if t.Failed() {
			return
		}
	}
	t.Logf("%d schedules instead of %d; %d programs were too large", reduced, full, skipped)
	assert.Less(t, reduced*3, full)
	assert.Less(t, skipped, 2*programs/3)
}

// So does the reduction within a bound on preemptions, with all that the bound
// allows.
func TestReductionWithinABoundLosesNoEnd(t *testing.T) {
	programs := 120
	if !*all {
		programs = 30
	}
	compared, full, reduced := 0, 0, 0
	for seed := range uint64(programs) {
		for bound := range 3 {
			ends := func(races bool) (map[string]bool, Result) {
				var state func() string
				found := map[string]bool{}
				r, err := Explore(program(seed, &state), Options{Bound: bound, Races: races, Schedules: 20_000,
					ended: func(*run) { found[state()] = true }})
				require.NoError(t, err)
				return found, r
			}
			every, a := ends(false)
			if !a.Exhausted {
				continue
			}
			some, b := ends(true)
			compared, full, reduced = compared+1, full+a.Schedules, reduced+b.Schedules
			require.Equal(t, len(every), len(some), "program %d within %d preemptions", seed, bound)
		}
	}
	t.Logf("%d schedules instead of %d", reduced, full)
	assert.Greater(t, compared, 2*programs)
	assert.Less(t, 2*reduced, full)
}

package query_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/query"
)

// TestAnswersAreThoseOfAModelThatAlwaysRecomputes changes the world at random:
// inputs are set, set back, and removed; engines end and begin with what a
// store kept; the store loses records and values, and has some of them spoilt,
// as has what values are put away in where there is room for five; runs are
// given up in the middle. After each step every answer is the model's.
func TestAnswersAreThoseOfAModelThatAlwaysRecomputes(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { trial(t, seed, 80) })
	}
}

func trial(t *testing.T, seed uint64, steps int) {
	random := rand.New(rand.NewPCG(seed, 1))
	w := &world{inputs: map[string]int{}}
	store := newShelf()
	o := query.Options{Check: 4}
	if seed%4 != 0 {
		o.Store = store
	}
	if seed%2 == 1 {
		a := newAttic(rand.New(rand.NewPCG(seed, 2)))
		o.Spill, o.Room = a, 5000 // of five values
		defer func() { assert.Greater(t, a.last, int64(20), "what was put away") }()
	}
	o.Differs = func(d query.Difference) { t.Error(d) }
	large := seed%3 == 1
	s := newSubject(w, o, large)
	var history []string
	for range steps {
		history = append(history, step(t, random, w, s, store))
		if random.IntN(10) == 0 {
			history = append(history, "restart")
			o.Build++
			s = store.restart(t, random, s, func() *subject { return newSubject(w, o, large) })
			if random.IntN(2) == 0 { // what has changed while nothing ran
				changed := fmt.Sprint("i", random.IntN(width))
				w.inputs[changed] = random.IntN(14)
				history = append(history, fmt.Sprintf("meanwhile %s has become %d", changed, w.inputs[changed]))
				s.engine.Changed(s.inputs.ID(changed))
			}
		}
		s.compare(t, w, history)
	}
}

// step makes one random change, and says which.
func step(t *testing.T, random *rand.Rand, w *world, s *subject, store *shelf) string {
	changed := fmt.Sprint("i", random.IntN(width))
	switch random.IntN(12) {
	case 0:
		delete(w.inputs, changed)
		s.engine.Changed(s.inputs.ID(changed))
		return "remove " + changed
	case 1:
		s.engine.Changed()
		return "look at all again"
	case 2:
		ctx, cancel := context.WithCancel(t.Context())
		s.engine.Changed()
		_ = s.engine.Run(ctx, func(ctx context.Context, ask *query.Ask) error {
			cancel()
			_, err := s.levels.Get(ctx, ask, key(levels-1, 0))
			require.ErrorIs(t, err, context.Canceled)
			return err
		})
		return "give up"
	case 3:
		store.lose(random)
		return "the store loses and spoils"
	case 4:
		other := fmt.Sprint("i", random.IntN(width))
		w.inputs[changed], w.inputs[other] = random.IntN(14), random.IntN(14)
		s.engine.Changed()
		return fmt.Sprintf("set %s to %d and %s to %d", changed, w.inputs[changed], other, w.inputs[other])
	default:
		w.inputs[changed] = random.IntN(14)
		s.engine.Changed(s.inputs.ID(changed))
		return fmt.Sprintf("set %s to %d", changed, w.inputs[changed])
	}
}

// lose drops a quarter of the records and values, and spoils as many values.
func (s *shelf) lose(random *rand.Rand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.records {
		if random.IntN(4) == 0 {
			delete(s.records, id)
		}
	}
	for f := range s.values {
		switch random.IntN(4) {
		case 0:
			delete(s.values, f)
		case 1:
			s.values[f] = []byte("99")
		}
	}
}

func TestNothingIsWorkedOutTwice(t *testing.T) {
	w := &world{inputs: map[string]int{"i1": 3, "i2": 1, "i3": 7, "i5": 3}}
	store := newShelf()
	s := newSubject(w, query.Options{Store: store}, false)
	s.compare(t, w, nil)
	s.counts()

	s.engine.Changed()
	s.compare(t, w, nil)
	counts := s.counts()
	assert.Zero(t, counts[query.Computed], "nothing has changed")
	assert.NotZero(t, counts[query.Held])

	again := store.restart(t, nil, s, func() *subject { return newSubject(w, query.Options{Store: store, Check: 1 << 60, Build: 1}, false) })
	again.compare(t, w, nil)
	counts = again.counts()
	assert.Zero(t, counts[query.Computed]+counts[query.Unchanged], "%v", counts)
	assert.NotZero(t, counts[query.Stored])
	assert.Nil(t, again.engine.Snapshot(func() bool { return false }), "nothing differs")

	again = store.restart(t, nil, s, func() *subject { return newSubject(w, query.Options{Store: store, Check: 1 << 60, Build: 1}, false) })
	again.engine.Changed()
	again.compare(t, w, nil)
	counts = again.counts()
	assert.Zero(t, counts[query.Computed])
	assert.Equal(t, width, counts[query.Unchanged], "the inputs alone are looked at: %v", counts)
}

// The numbers 6 and 7 are the same at level 0.
func TestTheWaveStopsWhereAnAnswerComesOutTheSame(t *testing.T) {
	w := &world{inputs: map[string]int{"i1": 1, "i2": 6}}
	s := newSubject(w, query.Options{}, false)
	ask := func() (v int) {
		require.NoError(t, s.engine.Run(t.Context(), func(ctx context.Context, ask *query.Ask) (err error) {
			v, err = s.levels.Get(ctx, ask, "1/1") // reads 0/2
			return err
		}))
		return v
	}
	require.Equal(t, 3, ask())
	s.counts()
	w.inputs["i2"] = 7
	s.engine.Changed(s.inputs.ID("i2"))
	require.Equal(t, 3, ask())
	assert.Equal(t, map[query.Outcome]int{query.Computed: 1, query.Unchanged: 1, query.Held: 1}, s.counts(), "the input, 0/2, and 1/1")
	assert.Equal(t, s.inputs.ID("i2"), s.because[s.levels.ID("0/2")])
}

func TestAWrongAnswerOfTheStoreIsFoundInAsManyBuildsAsCheckSays(t *testing.T) {
	w := &world{inputs: map[string]int{"i0": 4}}
	store := newShelf()
	ask := func(s *subject, keys ...string) {
		require.NoError(t, s.engine.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
			_, err := s.levels.All(ctx, ask, keys)
			return err
		}))
	}
	first := newSubject(w, query.Options{Store: store}, false)
	ask(first, "0/0", "0/1")
	var found []string
	for build := range uint64(4) {
		next := func() *subject {
			return newSubject(w, query.Options{Check: 4, Build: build, Differs: func(d query.Difference) { found = append(found, d.Error()) }}, false)
		}
		taken := first.engine.Snapshot(always)
		var wrong, other *query.Kept
		for i := range taken.Nodes {
			switch taken.Nodes[i].ID {
			case query.ID{Query: "level", Key: "0/0"}:
				wrong = &taken.Nodes[i]
			case query.ID{Query: "level", Key: "0/1"}:
				other = &taken.Nodes[i]
			}
		}
		require.NotEqual(t, wrong.Fingerprint, other.Fingerprint)
		wrong.Fingerprint = other.Fingerprint
		encoded, err := other.Append(nil)
		require.NoError(t, err)
		taken.Value = func(query.Fingerprint) ([]byte, bool) { return encoded, true }
		s := next()
		s.engine.Restore(taken)
		ask(s, "0/0")
	}
	assert.Equal(t, []string{"the remembered answer of level(0/0) differs from the one worked out again from the same 1 inputs: input(i0)"}, found)
}

// The engine is told of a change a little later than the input changes. An
// answer that is worked out again in between is another one, and was not kept
// wrongly.
func TestAnInputThatChangesBeforeItIsToldIsNoWrongAnswer(t *testing.T) {
	w := &world{inputs: map[string]int{"i0": 4}}
	ask := func(s *subject) (v int) {
		require.NoError(t, s.engine.Run(t.Context(), func(ctx context.Context, ask *query.Ask) (err error) {
			v, err = s.levels.Get(ctx, ask, "0/0")
			return err
		}))
		return v
	}
	first := newSubject(w, query.Options{}, false)
	before := ask(first)
	taken, values := first.engine.Snapshot(always), map[query.Fingerprint][]byte{}
	for _, k := range taken.Nodes {
		if k.Append != nil {
			encoded, err := k.Append(nil)
			require.NoError(t, err)
			values[k.Fingerprint] = encoded
		}
	}
	taken.Value = func(f query.Fingerprint) ([]byte, bool) { v, ok := values[f]; return v, ok }
	s := newSubject(w, query.Options{Check: 1, Differs: func(d query.Difference) { t.Error(d) }}, false)
	s.engine.Restore(taken)
	w.inputs["i0"] = 9
	assert.NotEqual(t, before, ask(s), "it was worked out again")
	s.engine.Changed(s.inputs.ID("i0"))
	assert.NotEqual(t, before, ask(s))
}

func TestAnErrorThatIsNoAnswerIsForgotten(t *testing.T) {
	e := query.NewEngine(query.Options{Errors: faults{}})
	broken := true
	machine := query.New(e, "machine", query.JSON[int](), func(context.Context, *query.Ask, string) (int, error) {
		if broken {
			return 0, errors.New("the disk is full")
		}
		return 1, nil
	})
	// careless goes on without the answer that it could not get.
	careless := query.New(e, "careless", query.JSON[int](), func(ctx context.Context, ask *query.Ask, key string) (int, error) {
		v, _ := machine.Get(ctx, ask, key)
		return v, nil
	})
	ask := func() (v int, err error) {
		err = e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) (err error) {
			v, err = careless.Get(ctx, ask, "")
			return err
		})
		return v, err
	}
	_, err := ask()
	require.EqualError(t, err, "the disk is full")
	broken = false
	v, err := ask() // the same revision: nothing has changed but luck
	require.NoError(t, err)
	assert.Equal(t, 1, v)
}

// A query that fails ends what it has under way: that says nothing of why it
// failed.
func TestAQuerysOwnFailureIsToldRatherThanThatOfAReadItHasEnded(t *testing.T) {
	e := query.NewEngine(query.Options{Errors: faults{}})
	input := query.NewInput(e, "input", query.JSON[int](), func(context.Context, string) (int, error) { return 1, nil })
	failing := query.New(e, "failing", query.JSON[int](), func(ctx context.Context, ask *query.Ask, key string) (int, error) {
		ended, end := context.WithCancel(ctx)
		end()
		_, err := input.Get(ended, ask, key)
		assert.ErrorIs(t, err, context.Canceled)
		return 0, errors.New("the disk is full")
	})
	assert.EqualError(t, e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
		_, err := failing.Get(ctx, ask, "")
		return err
	}), "the disk is full")
}

// ring is a program whose queries read each other in a circle while the input
// says so.
func ring(t *testing.T, closed *atomic.Bool, enter func(key string)) (*query.Engine, *query.Query[string]) {
	e := query.NewEngine(query.Options{Errors: faults{}})
	input := query.NewInput(e, "closed", query.JSON[bool](), func(context.Context, string) (bool, error) { return closed.Load(), nil })
	var q *query.Query[string]
	q = query.New(e, "link", query.JSON[string](), func(ctx context.Context, ask *query.Ask, key string) (string, error) {
		enter(key)
		circle, err := input.Get(ctx, ask, "")
		if err != nil {
			return "", err
		}
		next := map[string]string{"a": "b", "b": "c", "c": "a"}[key]
		if key == "c" && !circle {
			return "end", nil
		}
		v, err := q.Get(ctx, ask, next)
		return key + v, err
	})
	return e, q
}

func TestACircleIsAnErrorThatNamesItAndGoesWhenItIsOpened(t *testing.T) {
	var closed atomic.Bool
	closed.Store(true)
	e, q := ring(t, &closed, func(string) {})
	err := e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
		_, err := q.Get(ctx, ask, "b")
		return err
	})
	require.ErrorIs(t, err, query.ErrCycle)
	assert.ErrorContains(t, err, "link(a) -> link(b) -> link(c) -> link(a)")
	closed.Store(false)
	e.Changed()
	require.NoError(t, e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
		v, err := q.Get(ctx, ask, "a")
		assert.Equal(t, "abend", v)
		return err
	}))
}

// TestACircleOverGoroutinesLeavesNobodyWaiting begins at each link at once, so
// that each waits for one that another goroutine works on.
func TestACircleOverGoroutinesLeavesNobodyWaiting(t *testing.T) {
	var closed atomic.Bool
	closed.Store(true)
	var inside sync.WaitGroup
	inside.Add(3)
	var first sync.Map
	e, q := ring(t, &closed, func(key string) {
		if _, again := first.LoadOrStore(key, true); !again {
			inside.Done()
			inside.Wait()
		}
	})
	failures := make(chan error, 3)
	for _, key := range []string{"a", "b", "c"} {
		go func() {
			failures <- e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
				_, err := q.Get(ctx, ask, key)
				return err
			})
		}()
	}
	for range 3 {
		assert.ErrorIs(t, await.Value(t, "a question in a circle", failures), query.ErrCycle)
	}
}

// TestWhoeverWaitsGoesOnWhenTheWorkerGivesUp: the first asker's context ends in
// the middle; the second gets its answer all the same.
func TestWhoeverWaitsGoesOnWhenTheWorkerGivesUp(t *testing.T) {
	e := query.NewEngine(query.Options{})
	begun, turn := make(chan struct{}), atomic.Int32{}
	q := query.New(e, "slow", query.JSON[int](), func(ctx context.Context, _ *query.Ask, _ string) (int, error) {
		if turn.Add(1) == 1 {
			close(begun)
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return 7, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ask := func(ctx context.Context, to chan<- int) {
		_ = e.Run(ctx, func(ctx context.Context, ask *query.Ask) error {
			v, err := q.Get(ctx, ask, "")
			to <- v
			return err
		})
	}
	gaveUp, got := make(chan int, 1), make(chan int, 1)
	go ask(ctx, gaveUp)
	await.Closed(t, "the first to work", begun)
	go ask(t.Context(), got)
	cancel()
	assert.Equal(t, 0, await.Value(t, "the first to give up", gaveUp))
	assert.Equal(t, 7, await.Value(t, "the second's answer", got))
}

func TestManyAskAtOnceAndEachAnswerIsWorkedOutOnce(t *testing.T) {
	w := &world{inputs: map[string]int{}}
	for n := range width {
		w.inputs[fmt.Sprint("i", n)] = n
	}
	s := newSubject(w, query.Options{Store: newShelf()}, true)
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() { s.compare(t, w.copy(), nil) })
	}
	work.Wait()
	most := width*levels + width + 14
	assert.LessOrEqual(t, s.counts()[query.Computed], most, "levels, inputs and squares")
}

func TestAQueryThatAsksAfterItHasAnsweredIsToldSo(t *testing.T) {
	e := query.NewEngine(query.Options{})
	var kept *query.Ask
	input := query.NewInput(e, "input", query.JSON[int](), func(context.Context, string) (int, error) { return 1, nil })
	q := query.New(e, "late", query.JSON[int](), func(_ context.Context, ask *query.Ask, _ string) (int, error) {
		kept = ask
		return 1, nil
	})
	require.NoError(t, e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
		_, err := q.Get(ctx, ask, "")
		return err
	}))
	_, err := input.Get(t.Context(), kept, "")
	assert.ErrorContains(t, err, "after it had answered")
}

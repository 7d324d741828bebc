package query_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/query"
)

// ground is an engine over numbers by name, which counts how answers were
// found.
type ground struct {
	*query.Engine
	numbers map[string]int
	number  *query.Query[int]
	found   map[query.Outcome]int
}

func newGround() *ground {
	g := &ground{numbers: map[string]int{}, found: map[query.Outcome]int{}}
	g.Engine = query.NewEngine(query.Options{Told: func(e query.Event) { g.found[e.Outcome]++ }, Workers: 1})
	g.number = query.NewInput(g.Engine, "number", query.JSON[int](), func(_ context.Context, key string) (int, error) { return g.numbers[key], nil })
	return g
}

func (g *ground) ask(t *testing.T, q *query.Query[int], key string) int {
	t.Helper()
	clear(g.found)
	var answer int
	require.NoError(t, g.Run(t.Context(), func(ctx context.Context, ask *query.Ask) (err error) {
		answer, err = q.Get(ctx, ask, key)
		return err
	}))
	return answer
}

func TestWhatIsNotDoubtfulIsNotLookedAt(t *testing.T) {
	g := newGround()
	twice := query.New(g.Engine, "twice", query.JSON[int](), func(ctx context.Context, ask *query.Ask, key string) (int, error) {
		n, err := g.number.Get(ctx, ask, key)
		return 2 * n, err
	})
	sum := query.New(g.Engine, "sum", query.JSON[int](), func(ctx context.Context, ask *query.Ask, _ string) (int, error) {
		all, err := twice.All(ctx, ask, []string{"a", "b"})
		if err != nil {
			return 0, err
		}
		return all[0] + all[1], nil
	})
	g.numbers["a"], g.numbers["b"] = 1, 2
	assert.Equal(t, 6, g.ask(t, sum, ""))
	g.Changed(g.number.ID("elsewhere"))
	assert.Equal(t, 6, g.ask(t, sum, ""))
	assert.Empty(t, g.found, "nothing of it has changed")
	g.numbers["b"] = 5
	g.Changed(g.number.ID("b"))
	assert.Equal(t, 12, g.ask(t, sum, ""))
	assert.Equal(t, map[query.Outcome]int{query.Computed: 3}, g.found, "b, twice b and the sum; a is not asked")
	g.Changed(g.number.ID("b"))
	assert.Equal(t, 12, g.ask(t, sum, ""))
	assert.Equal(t, 1, g.found[query.Unchanged], "b was looked at")
	assert.Zero(t, g.found[query.Computed])
	g.Changed(g.number.ID("b"))
	assert.Equal(t, 5, g.ask(t, g.number, "b"))
	assert.Equal(t, 12, g.ask(t, sum, ""))
	assert.Empty(t, g.found, "b has come out the same, and took the doubt back")
}

func TestBriefAnswerIsGoodForItsRevision(t *testing.T) {
	g := newGround()
	tool := 0
	brief := query.New(g.Engine, "brief", query.JSON[int](), func(_ context.Context, ask *query.Ask, _ string) (int, error) {
		ask.Brief()
		return tool, nil
	})
	next := query.New(g.Engine, "next", query.JSON[int](), func(ctx context.Context, ask *query.Ask, _ string) (int, error) {
		n, err := brief.Get(ctx, ask, "")
		return n + 1, err
	})
	assert.Equal(t, 1, g.ask(t, next, ""))
	tool = 7
	assert.Equal(t, 1, g.ask(t, next, ""))
	g.Changed(g.number.ID("any"))
	assert.Equal(t, 8, g.ask(t, next, ""))
}

func TestReadsAsideAreNotRecorded(t *testing.T) {
	g := newGround()
	q := query.New(g.Engine, "q", query.JSON[int](), func(ctx context.Context, ask *query.Ask, key string) (int, error) {
		aside, err := g.number.Get(ctx, ask.Aside(), "aside")
		if err != nil {
			return 0, err
		}
		n, err := g.number.Get(ctx, ask, key)
		return aside + n, err
	})
	g.numbers["aside"] = 1
	assert.Equal(t, 1, g.ask(t, q, "a"))
	g.numbers["aside"] = 2
	g.Changed(g.number.ID("aside"))
	assert.Equal(t, 1, g.ask(t, q, "a"))
	g.numbers["a"] = 1
	g.Changed(g.number.ID("a"))
	assert.Equal(t, 3, g.ask(t, q, "a"))

	failing := errors.New("the machine failed")
	fails := true
	input := query.NewInput(g.Engine, "input", query.JSON[int](), func(context.Context, string) (int, error) {
		if fails {
			return 0, failing
		}
		return 1, nil
	})
	through := query.New(g.Engine, "through", query.JSON[int](), func(ctx context.Context, ask *query.Ask, _ string) (int, error) {
		n, _ := input.Get(ctx, ask.Aside(), "")
		return n, nil
	})
	err := g.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
		_, err := through.Get(ctx, ask, "")
		return err
	})
	require.ErrorIs(t, err, failing, "what could not be read spoils the answer all the same")
	fails = false
	assert.Equal(t, 1, g.ask(t, through, ""))
}

// Nodes that tell others of changes stay as long as these do.
func TestSweptEngineStillKnowsOfChanges(t *testing.T) {
	g := newGround()
	q := query.New(g.Engine, "q", query.JSON[int](), func(ctx context.Context, ask *query.Ask, key string) (int, error) {
		return g.number.Get(ctx, ask, key)
	})
	for round := range 100 {
		for i := range 400 {
			g.ask(t, q, strconv.Itoa(i+round*400))
		}
		assert.Equal(t, round, g.ask(t, q, "lasting"))
		g.numbers["lasting"]++
		g.Changed(g.number.ID("lasting"))
	}
	assert.False(t, g.Knows(q.ID("0")))
	assert.True(t, g.Knows(g.number.ID("lasting")))
}

func TestLastIsWhatWasFoundLast(t *testing.T) {
	g := newGround()
	_, ok := g.number.Last("a")
	assert.False(t, ok, "nobody has asked")
	g.numbers["a"] = 1
	g.ask(t, g.number, "a")
	g.numbers["a"] = 2
	g.Changed(g.number.ID("a"))
	clear(g.found)
	last, ok := g.number.Last("a")
	assert.True(t, ok)
	assert.Equal(t, 1, last, "though it does not hold any more")
	assert.Empty(t, g.found, "nobody is asked")
	assert.Equal(t, 2, g.ask(t, g.number, "a"))
}

func TestLastIsTheValueBeforeAnError(t *testing.T) {
	e := query.NewEngine(query.Options{Errors: faults{}})
	state, failure := 1, error(nil)
	number := query.NewInput(e, "number", query.JSON[int](), func(context.Context, string) (int, error) { return state, failure })
	ask := func() error {
		e.Changed()
		return e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
			_, err := number.Get(ctx, ask, "")
			return err
		})
	}
	failure = fault("one")
	require.Error(t, ask())
	_, ok := number.Last("")
	assert.False(t, ok, "there was none")
	failure = nil
	require.NoError(t, ask())
	for _, text := range []string{"two", "three"} {
		failure = fault(text)
		require.Error(t, ask())
		last, ok := number.Last("")
		assert.True(t, ok)
		assert.Equal(t, 1, last)
	}
	state, failure = 4, nil
	require.NoError(t, ask())
	last, _ := number.Last("")
	assert.Equal(t, 4, last)
}

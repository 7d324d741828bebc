package query_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/query"
)

// cellar is a Spill that has all that it was given, until it is emptied.
type cellar struct{ *attic }

func (c cellar) Put(encoded []byte) (int64, bool) {
	c.last++
	c.values[c.last] = []byte(string(encoded))
	return c.last, true
}

func (c cellar) Get(at int64, _ int) ([]byte, bool) {
	v, ok := c.values[at]
	return v, ok
}

// Within a revision an input is what it was when it was looked at, also if the
// world goes on: what was put away of it is read, and nothing is looked at
// again, unless that is lost.
func TestAnInputThatWasPutAwayIsNotLookedAtAgain(t *testing.T) {
	away := cellar{newAttic(rand.New(rand.NewPCG(1, 1)))}
	e := query.NewEngine(query.Options{Spill: away})
	world, looks := strings.Repeat("a", 1000), 0
	texts := query.NewInput(e, "text", query.JSON[string](), func(context.Context, string) (string, error) {
		looks++
		return world, nil
	}, query.Spilt)
	shows := func(want string) {
		t.Helper()
		require.NoError(t, e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
			got, err := texts.Get(ctx, ask, "x")
			assert.Equal(t, want, got)
			return err
		}))
	}
	first, second := world, strings.Repeat("b", 1000)
	shows(first)
	require.Len(t, away.values, 1, "there is no room")
	world = second
	shows(first)
	assert.Equal(t, 1, looks)

	e.Changed(texts.ID("x"))
	shows(second)
	shows(second)
	assert.Equal(t, 2, looks)
	assert.Len(t, away.values, 1, "the first is let go of")

	for at := range away.values {
		away.values[at] = nil
	}
	shows(second)
	assert.Equal(t, 3, looks, "what is lost is looked at")
}

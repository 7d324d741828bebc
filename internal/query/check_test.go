package query_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/query"
)

// A value that is checked needs the value that it was made from. If it were
// always that one's turn in the same build, each check would go down to the
// bottom.
func TestAnswersAboutOneKeyHaveTheirTurnsIndependently(t *testing.T) {
	const n = 2048
	var keys []string
	for i := range n {
		keys = append(keys, "content/p"+strconv.Itoa(i)+".md")
	}
	checked := map[string]int{}
	begin := func(build uint64, told func(query.Event)) (*query.Engine, *query.Query[int]) {
		e := query.NewEngine(query.Options{Workers: 1, Build: build, Told: told, Differs: func(d query.Difference) { t.Error(d) }})
		length := query.NewInput(e, "length", query.JSON[int](), func(_ context.Context, key string) (int, error) { return len(key), nil })
		front := query.New(e, "front", query.JSON[int](), func(ctx context.Context, ask *query.Ask, key string) (int, error) {
			return length.Get(ctx, ask, key)
		})
		return e, query.New(e, "meta", query.JSON[int](), func(ctx context.Context, ask *query.Ask, key string) (int, error) {
			return front.Get(ctx, ask, key)
		})
	}
	ask := func(e *query.Engine, meta *query.Query[int]) {
		require.NoError(t, e.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
			_, err := meta.All(ctx, ask, keys)
			return err
		}))
	}
	first, meta := begin(0, nil)
	ask(first, meta)
	shelf := newShelf()
	taken := first.Snapshot(always)
	for i := range taken.Nodes {
		if k := &taken.Nodes[i]; k.Append != nil {
			encoded, err := k.Append(nil)
			require.NoError(t, err)
			shelf.values[k.Fingerprint], k.Append = encoded, nil
		}
	}
	taken.Value = shelf.Value
	for build := range uint64(32) {
		e, meta := begin(build, func(event query.Event) {
			if event.Outcome == query.Checked {
				checked[event.ID.Query]++
			}
		})
		e.Restore(&query.Snapshot{Nodes: append([]query.Kept(nil), taken.Nodes...), Value: taken.Value})
		ask(e, meta)
	}
	assert.Equal(t, n, checked["meta"], "each has its turn once in 32 builds")
	assert.Less(t, checked["front"], n/8, "those that were read for a check, one in 32 of them")
	assert.Positive(t, checked["front"])
}

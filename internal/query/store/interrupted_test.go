package store

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cutOff is a context that is over once somebody has looked at it so many
// times.
type cutOff struct {
	context.Context
	looks atomic.Int64
}

func after(t *testing.T, looks int64) *cutOff {
	t.Helper()
	c := &cutOff{Context: context.WithoutCancel(t.Context())} // which has no cause of its own
	c.looks.Store(looks)
	return c
}

func (c *cutOff) Err() error {
	if c.looks.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// numbers are from..to-1.
func numbers(from, to int) (all []int) {
	for n := from; n < to; n++ {
		all = append(all, n)
	}
	return all
}

// A large cache is written for a while. Whatever that is broken off at, the
// last state is whole, and so is the next.
func TestACommitThatIsBrokenOffAnywhereLeavesTheLastGraph(t *testing.T) {
	folder := t.TempDir()
	s, told := openStore(t, folder, Options{})
	for _, n := range numbers(1, 2*lookEvery) {
		save(s, n)
	}
	save(s, 70_000)
	closeStore(t, s)
	committed := false
	for looks := int64(0); !committed; looks++ {
		s, _ := openStore(t, folder, Options{})
		s.Save(answer(4000))
		s.Save(answer(90_000))
		err := s.Commit(after(t, looks))
		if committed = err == nil; !committed {
			require.ErrorIs(t, err, context.Canceled, "after %d looks", looks)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, s.Close(ctx))

		s, _ = openStore(t, folder, Options{})
		for _, n := range []int{1, 255, 2*lookEvery - 1, 70_000} {
			assert.True(t, has(t, s, n), "%d after %d looks", n, looks)
		}
		assert.Equal(t, committed, has(t, s, 4000), "after %d looks", looks)
		require.NoError(t, s.Close(ctx))
		assert.Len(t, files(t, folder, "graph-*"), 1)
		assert.Empty(t, files(t, folder, partPrefix+"*"))
		require.Less(t, looks, int64(1000), "it is never done")
	}
	assert.Empty(t, told.lines)
}

func TestASessionWhoseKeepingIsBrokenOffAnywhereIsTheLastOne(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "cache")
	s, told := openStore(t, folder, Options{})
	n := openSession(t, s, world)
	first := numbers(1, 40)
	keep(t, n, snapshot(first...))
	second := numbers(20, 20+2*lookEvery)
	kept := false
	for looks := int64(0); !kept; looks++ {
		err := n.Keep(after(t, looks), snapshot(second...), []byte("ground"))
		if kept = err == nil; !kept {
			require.ErrorIs(t, err, context.Canceled, "after %d looks", looks)
		}
		m := openSession(t, s, world)
		if kept {
			assert.Equal(t, second, inSession(t, m))
		} else {
			assert.Equal(t, first, inSession(t, m), "after %d looks", looks)
		}
		m.Close()
		assert.Empty(t, files(t, folder, partPrefix+"*"))
		require.Less(t, looks, int64(1000), "it is never done")
	}
	n.Close()
	closeStore(t, s)
	assert.Empty(t, told.lines)
}

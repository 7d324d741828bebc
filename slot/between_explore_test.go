//go:build explore

package slot

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
)

// program is two operations on a pool, and what must hold once both are done,
// whichever steps of the first the second comes between.
type program func(t *testing.T, p *Pool) (first, second func(), holds func())

// Two operations at once leave every slot with one holder, and find each that
// is free. The second runs before each step of the first in turn.
func TestOperationBetweenTheStepsOfAnother(t *testing.T) {
	for name, run := range map[string]program{
		"the last slot is given once":             bothTakeTheLast,
		"a slot is accepted once":                 bothAccept,
		"a free of what was reclaimed and reused": oldStep(func(p *Pool, old Ref) { p.Free(old) }),
		"a send of what was reclaimed and reused": oldStep(func(p *Pool, old Ref) { _ = p.Send(old) }),
		"a reclaim while the slot is reused":      oldStep(func(p *Pool, _ Ref) { p.Reclaim(1, Filling) }),
		"a mending while the slot is reused":      oldStep(func(p *Pool, _ Ref) { p.Mend(func(party int) bool { return party == 0 }) }),
		"a hint set while another is cleared":     hintWhileTaking,
		"two hints of one word set":               bothFree,
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				p := newPool(t, []Class{{64, 3, 1}}, 2)
				first, second, holds := run(t, p)
				if !step.Between(at, first, second) {
					require.Greater(t, at, 2, "it has steps")
					return
				}
				holds()
			}
		})
	}
}

// Slot 2 is the only one that both share.
func bothTakeTheLast(t *testing.T, p *Pool) (first, second, holds func()) {
	var a, b Ref
	return func() { a, _ = p.take(0, 0) }, func() { b, _ = p.take(0, 1) }, func() {
		assert.NotEqual(t, a, b)
		assert.Equal(t, 2, inUse(p), "one has the last, one is left with its own")
		require.NoError(t, p.Send(a))
		require.NoError(t, p.Send(b))
	}
}

func bothAccept(t *testing.T, p *Pool) (first, second, holds func()) {
	ref, ok := p.Alloc(0, 64)
	require.True(t, ok)
	require.NoError(t, p.Send(ref))
	var a, b error
	return func() { a = p.Accept(ref, 0) }, func() { b = p.Accept(ref, 0) }, func() {
		assert.NotEqual(t, a == nil, b == nil, "one of them: %v, %v", a, b)
	}
}

// oldStep makes a step on a slot of party 1 that is reclaimed and given to
// party 0 meanwhile, who must keep it.
func oldStep(do func(p *Pool, old Ref)) program {
	return func(t *testing.T, p *Pool) (first, second, holds func()) {
		old, ok := p.Alloc(1, 64)
		require.True(t, ok)
		var reused Ref
		return func() { do(p, old) },
			func() {
				p.Reclaim(1, Filling, Sent, Held)
				reused, ok = p.Alloc(0, 64)
				require.True(t, ok)
			},
			func() { assert.NoError(t, p.Send(reused), "party 0 has it still") }
	}
}

func hintWhileTaking(t *testing.T, p *Pool) (first, second, holds func()) {
	p = wide(t, p)
	held, ok := p.Alloc(0, 64)
	require.True(t, ok)
	return func() { _, _ = p.Alloc(0, 64) }, func() { p.Free(held) }, func() { allFound(t, p, 2) }
}

func bothFree(t *testing.T, p *Pool) (first, second, holds func()) {
	p = wide(t, p)
	a, _ := p.Alloc(0, 64)
	b, ok := p.Alloc(0, 64)
	require.True(t, ok)
	return func() { p.Free(a) }, func() { p.Free(b) }, func() { allFound(t, p, 3) }
}

// wide is a pool of three slots that all share, in place of p.
func wide(t *testing.T, p *Pool) *Pool {
	*p = *newPool(t, []Class{{64, 3, 0}}, 2)
	return p
}

// allFound says that n slots can be had.
func allFound(t *testing.T, p *Pool, n int) {
	t.Helper()
	for range n {
		_, ok := p.Alloc(0, 64)
		assert.True(t, ok, "a slot is free and nobody finds it")
	}
}

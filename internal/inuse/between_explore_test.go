//go:build explore

package inuse

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
)

// counted is a count with what its users know of it.
type counted struct {
	*Count
	uses, freed int
	shut        bool
}

// Two users of one count at once: the second runs before each step of the first
// in turn. The thing is freed once, and only when it is shut and nobody uses
// it.
func TestUseBetweenTheStepsOfAnother(t *testing.T) {
	join := func(c *counted) {
		if c.Join() {
			c.uses++
		}
	}
	enter := func(c *counted) {
		if c.Enter() {
			c.uses++
		}
	}
	leave := func(c *counted) {
		c.uses--
		c.Leave()
	}
	shut := func(c *counted) {
		if c.Shut() {
			c.shut = true
			c.Leave()
		}
	}
	for name, c := range map[string]struct {
		uses          int // before
		shut          bool
		first, second func(*counted)
	}{
		"two enter":                       {0, false, enter, enter},
		"two leave a thing that is shut":  {2, true, leave, leave},
		"one enters as another shuts":     {0, false, enter, shut},
		"one shuts as another enters":     {0, false, shut, enter},
		"one shuts as the last leaves":    {1, false, shut, leave},
		"the last leaves as one shuts":    {1, false, leave, shut},
		"two shut":                        {1, false, shut, shut},
		"one joins as the last leaves":    {1, true, join, leave},
		"the last leaves as one joins":    {1, true, leave, join},
		"one enters as the last leaves":   {1, true, enter, leave},
		"the last leaves as one enters":   {1, true, leave, enter},
		"one joins as another enters":     {1, true, join, enter},
		"one enters a freed thing, twice": {0, true, enter, enter},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				k := &counted{}
				k.Count = New(func() { k.freed++ })
				for range c.uses {
					enter(k)
				}
				if c.shut {
					shut(k)
				}
				more := step.Between(at, func() { c.first(k) }, func() { c.second(k) })
				if k.uses > 0 || !k.shut {
					assert.Zero(t, k.freed, "before step %d: %d uses", at, k.uses)
				}
				for k.uses > 0 {
					leave(k)
				}
				shut(k)
				assert.Equal(t, 1, k.freed, "before step %d", at)
				if !more {
					require.Greater(t, at, 1, "it has steps")
					return
				}
			}
		})
	}
}

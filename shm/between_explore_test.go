//go:build explore

package shm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
)

// Two who hold and let go of one segment at once: the second runs before each
// step of the first in turn. The memory is there while somebody holds it, and is
// given back once.
func TestHoldBetweenTheStepsOfAnother(t *testing.T) {
	hold := func(s *Segment) { _ = s.Hold() }
	release := func(s *Segment) { s.Release() }
	closes := func(s *Segment) { _ = s.Close() }
	for name, c := range map[string]struct {
		holds         int64 // before
		first, second func(*Segment)
		want          []int64 // holds after: any of these
	}{
		"two holds":                       {1, hold, hold, []int64{3}},
		"two releases":                    {3, release, release, []int64{1}},
		"a hold while the last lets go":   {1, hold, release, []int64{0, 1}},
		"the last lets go beside a hold":  {1, release, hold, []int64{0, 1}},
		"a hold while another lets go":    {2, hold, release, []int64{2}},
		"two closes":                      {2, closes, closes, []int64{1}},
		"a close while another lets go":   {3, closes, release, []int64{1}},
		"another lets go beside a closes": {3, release, closes, []int64{1}},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				s, err := Create("between", 4096)
				require.NoError(t, err)
				s.holds.Store(c.holds)
				more := step.Between(at, func() { c.first(s) }, func() { c.second(s) })
				left := s.holds.Load()
				assert.Equal(t, left > 0, maps(t, "/memfd:between"), "mapped while it is held, before step %d", at)
				if more {
					assert.Contains(t, c.want, left, "before step %d", at)
				}
				_ = s.Close()
				for ; left > 1; left-- {
					s.Release()
				}
				if s.holds.Load() > 0 {
					s.Release()
				}
				if !more {
					require.Greater(t, at, 1, "it has steps")
					return
				}
			}
		})
	}
}

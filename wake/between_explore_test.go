//go:build explore

package wake_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
	"ddc/wake"
)

// Two ringers at once: the second rings before each step of the first in turn.
func TestRingerBetweenTheStepsOfAnother(t *testing.T) {
	for name, c := range map[string]struct {
		asleep uint32
		repays bool
		want   wake.State
	}{
		"an announcement is taken by one, who leaves its one token": {
			asleep: 1, want: wake.State{Seq: 2, Stats: wake.Stats{Rings: 2, Sent: 1, Suppressed: 1}},
		},
		"rings that find nobody are counted each once": {want: wake.State{Seq: 2, Stats: wake.Stats{Rings: 2, Suppressed: 2}}},
		"each repayment is a token":                    {repays: true, want: wake.State{Seq: 2, Stats: wake.Stats{Rings: 2, Sent: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				words, waker := new(wake.Words), &counting{}
				words.Sleeping.Store(c.asleep)
				bell := wake.NewDoorbell(words, waker, wake.SpinOff)
				found := 0
				ring := func() {
					if c.repays {
						assert.NoError(t, bell.Repay())
						return
					}
					asleep, err := bell.Wake()
					assert.NoError(t, err)
					if asleep {
						found++
					}
				}
				if !step.Between(at, ring, ring) {
					require.Greater(t, at, 3, "it has steps")
					return
				}
				assert.Equal(t, c.want, words.State(), "before step %d", at)
				assert.Equal(t, c.want.Sent, waker.rings.Load())
				if !c.repays {
					assert.EqualValues(t, c.want.Sent, found)
				}
			}
		})
	}
}

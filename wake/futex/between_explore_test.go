//go:build explore

package futex

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
	"ddc/shm"
	"ddc/wake"
)

// Each ring leaves a token and changes the gate, whatever other ringers do: a
// change that is lost leaves a leader asleep who has read the gate before it.
func TestRingBetweenTheStepsOfAnother(t *testing.T) {
	for at := 1; ; at++ {
		tokens := wake.Tokens{Left: new(shm.Word32), Taken: new(shm.Word32), Gate: new(shm.Word32)}
		w := &waker{tokens: tokens}
		ring := func() { assert.NoError(t, w.ring()) }
		if !step.Between(at, ring, ring) {
			require.Greater(t, at, 2, "it has steps")
			return
		}
		assert.EqualValues(t, 2, tokens.Left.Load(), "before step %d", at)
		assert.EqualValues(t, 2, tokens.Gate.Load(), "before step %d", at)
	}
}

//go:build !race

package shm

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/sys"
)

// A process that opened a segment to read cannot change it. The race detector
// makes the store in C, where no fault becomes a panic.
func TestStoreIntoWhatIsOnlyReadIsAFault(t *testing.T) {
	live := create(t, 4096)
	word, err := View[page](live, 0)
	require.NoError(t, err)
	f, err := sys.Dup(live.File())
	require.NoError(t, err)
	s, err := OpenToRead(f)
	require.NoError(t, err)
	word.A.Store(7)
	view, err := View[page](s, 0)
	require.NoError(t, err)
	assert.EqualValues(t, 7, view.A.Load(), "the living memory, not a copy")
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	assert.Panics(t, func() { view.A.Store(8) })
	require.NoError(t, s.Close())
}

package wake

import (
	"context"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/shm"
)

// mute is a waker without a sleeper.
type mute struct{}

func (mute) Ring() error            { return nil }
func (mute) Wait() error            { return nil }
func (mute) Pending() (bool, error) { return false, nil }
func (mute) Close() error           { return nil }

// A context ends just before its bell is closed and the words are unmapped:
// what its end has started may not touch them, or the process dies of it. The
// explorer has every order of the two; here the memory is really gone, and what
// was started runs last.
func TestContextThatEndsWhileTheBellClosesTouchesNoUnmappedWord(t *testing.T) {
	segment, err := shm.Create("bell", WordsSize)
	require.NoError(t, err)
	words, err := shm.View[Words](segment, 0)
	require.NoError(t, err)
	bell := NewDoorbell(words, mute{}, SpinOff)
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 { // one that comes again is watched after Await too
		require.NoError(t, bell.Await(ctx, func() bool { return words.Sleeping.Load() == 1 }))
	}
	require.NotNil(t, bell.unwatch)
	cancel() // which starts a goroutine of its own
	require.NoError(t, bell.Close())
	require.NoError(t, segment.Close()) // the last hold: the words are gone
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	assert.NotPanics(t, bell.ended)
}

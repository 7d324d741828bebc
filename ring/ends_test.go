package ring

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An end that is opened on a ring in use goes on where the indices are.
func TestEndsOpenOnARingInUse(t *testing.T) {
	for _, start := range []uint64{0, 7, math.MaxUint64 - 1} {
		page, cells := new(Page), make([]Descriptor, 4)
		page.Produced.Store(start)
		page.Consumed.Store(start)
		first, err := NewProducer(page, cells)
		require.NoError(t, err)
		for n := range uint64(3) {
			ok, err := first.TryPush(descriptor(n))
			require.NoError(t, err)
			require.True(t, ok)
		}
		p, err := NewProducer(page, cells)
		require.NoError(t, err)
		c, err := NewConsumer(page, cells)
		require.NoError(t, err)
		assert.EqualValues(t, 3, page.Len())
		assert.False(t, c.Empty())

		ok, err := p.TryPush(descriptor(3))
		require.NoError(t, err)
		assert.True(t, ok, "one cell is free")
		assert.False(t, p.HasRoom())
		ok, err = p.TryPush(descriptor(4))
		require.NoError(t, err)
		assert.False(t, ok)

		batch := make([]Descriptor, 5)
		n, err := c.TryPop(batch)
		require.NoError(t, err)
		require.Equal(t, 4, n, "all at once")
		for i := range uint64(4) {
			assert.Equal(t, *descriptor(i), batch[i])
		}
		assert.Zero(t, batch[4], "no more is written than was there")
		assert.True(t, c.Empty())
		assert.True(t, p.HasRoom())
		assert.Equal(t, start+4, page.Consumed.Load())
		n, err = c.TryPop(batch)
		require.NoError(t, err)
		assert.Zero(t, n)
		assert.Equal(t, start+4, page.Consumed.Load(), "a pop of nothing frees nothing")
	}
}

func TestPopIntoNoRoomTakesNothing(t *testing.T) {
	p, c, page := newRing(t, 2, 0)
	ok, err := p.TryPush(descriptor(1))
	require.NoError(t, err)
	require.True(t, ok)
	n, err := c.TryPop(nil)
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.EqualValues(t, 1, page.Len())
}

// The last index that a sound peer can have stored is taken, the next is not.
func TestIndexIsCheckedToTheCell(t *testing.T) {
	_, c, page := newRing(t, 4, 100)
	page.Produced.Store(104)
	n, err := c.TryPop(make([]Descriptor, 8))
	require.NoError(t, err)
	assert.Equal(t, 4, n)

	_, c, page = newRing(t, 4, 100)
	page.Produced.Store(99)
	_, err = c.TryPop(make([]Descriptor, 8))
	assert.ErrorIs(t, err, ErrCorrupt, "behind the consumer")

	p, _, page := newRing(t, 4, 100)
	for range 4 {
		_, err := p.TryPush(descriptor(0))
		require.NoError(t, err)
	}
	page.Consumed.Store(105)
	ok, err := p.TryPush(descriptor(0))
	assert.ErrorIs(t, err, ErrCorrupt, "ahead of the producer")
	assert.False(t, ok)
	assert.True(t, p.HasRoom(), "the push is to be tried: it reports the error")
	assert.True(t, p.AnnounceStarved(), "nobody sleeps on a corrupt ring")
}

// A peer that writes over the consumer's own index is found at the next look.
func TestConsumerIndexThatAnotherStoredIsRefused(t *testing.T) {
	p, c, page := newRing(t, 4, 0)
	ok, err := p.TryPush(descriptor(1))
	require.NoError(t, err)
	require.True(t, ok)
	page.Consumed.Store(1)
	assert.True(t, c.Empty(), "so it would sleep for ever")
	n, err := c.TryPop(make([]Descriptor, 4))
	assert.ErrorIs(t, err, ErrCorrupt)
	assert.ErrorContains(t, err, "consumer index 1, stored was 0")
	assert.Zero(t, n)
}

func TestStarvedIsOneAndNothingElse(t *testing.T) {
	_, c, page := newRing(t, 2, 0)
	page.Starved.Store(2)
	assert.False(t, c.TakeStarved())
	page.Starved.Store(1)
	assert.True(t, c.TakeStarved())
	assert.Zero(t, page.Starved.Load())
}

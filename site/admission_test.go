package site

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/semaphore"
)

func admitting(memory int64, jobs int) *build {
	return &build{options: Options{Memory: memory, Message: memory, Jobs: jobs, Log: slog.New(slog.DiscardHandler)},
		slots: make(chan struct{}, jobs), memory: semaphore.NewWeighted(memory), textRoom: semaphore.NewWeighted(memory / textsShare), hands: map[*hand]struct{}{}}
}

func TestWorkUnderWayKeepsWithinItsBytes(t *testing.T) {
	const memory, jobs = 100, 8
	b := admitting(memory, jobs)
	var under, most atomic.Int64
	items := make([]int64, 500)
	for i := range items {
		items[i] = int64(i%120) + 1 // some are larger than all there is: they travel alone
	}
	require.NoError(t, beside(t.Context(), b, items, func(ctx context.Context, bytes int64) error {
		return b.weigh(ctx, bytes, func(context.Context) error {
			now := under.Add(min(bytes, memory))
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			under.Add(-min(bytes, memory))
			return nil
		})
	}))
	assert.LessOrEqual(t, most.Load(), int64(memory))
	assert.Zero(t, len(b.slots))
}

// All slots are taken by work that needs memory, while others wait for a slot:
// nobody waits for somebody who waits.
func TestMemoryIsWaitedForBeforeASlot(t *testing.T) {
	b := admitting(10, 2)
	work := func(ctx context.Context, bytes int64) error {
		return b.weigh(ctx, bytes, func(context.Context) error { return nil })
	}
	require.NoError(t, b.phase(t.Context(),
		func(ctx context.Context) error {
			return beside(ctx, b, make([]int64, 200), func(ctx context.Context, _ int64) error { return work(ctx, 10) })
		},
		func(ctx context.Context) error {
			return beside(ctx, b, make([]int64, 200), func(ctx context.Context, _ int64) error { return work(ctx, 7) })
		},
		func(ctx context.Context) error {
			return each(ctx, b, make([]int64, 200), func(context.Context, int64) error { return nil })
		}))
}

func TestFullPictureNeedsMoreThanItsVariantsAndIsLeftOutFirst(t *testing.T) {
	photo := pictureCost{6000, 4000}
	b := admitting(700<<20, 1)
	assert.True(t, b.fits(photo, photo.decode()))
	for _, width := range []int64{320, 640, 960, 1280, 1920} {
		assert.True(t, b.fits(photo, photo.resize(width)), "%d", width)
		assert.True(t, b.fits(photo, photo.webp(width)+photo.jxl(width)), "%d", width)
	}
	assert.False(t, b.fits(photo, photo.webp(6000)))
	assert.False(t, b.fits(photo, photo.jxl(6000)))
	assert.LessOrEqual(t, photo.most(b.options.Memory), b.options.Memory)
	roomy := admitting(defaultMemory, 1)
	assert.True(t, roomy.fits(photo, photo.webp(6000)+photo.jxl(6000)))
	assert.Equal(t, photo.held()+photo.webp(6000)+photo.jxl(6000), photo.most(defaultMemory))
}

func TestPagesMakeNoMoreThanTheirShareOfTheMemory(t *testing.T) {
	for _, c := range []struct{ memory, jobs, want int64 }{
		{3 << 30, 4, 64 << 20}, {3 << 30, 32, 48 << 20}, {256 << 20, 4, 32 << 20}, {256 << 20, 64, 16 << 20},
	} {
		b := admitting(c.memory, int(c.jobs))
		assert.Equal(t, c.want, b.pageBudget().Bytes, "%+v", c)
	}
}

package site

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func admitting(memory int64, jobs int) *build {
	return newBuild(Plugins{}, Options{Memory: memory, Message: memory, Jobs: jobs, Log: slog.New(slog.DiscardHandler)})
}

func TestWorkUnderWayKeepsWithinItsBytes(t *testing.T) {
	const memory, jobs = 100, 8
	b := admitting(memory, jobs)
	var under, most atomic.Int64
	items := make([]int64, 500)
	for i := range items {
		items[i] = int64(i%120) + 1 // some are larger than all there is: they travel alone
	}
	require.NoError(t, beside(t.Context(), jobs, items, func(ctx context.Context, bytes int64) error {
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
	inSlot := func(ctx context.Context) error {
		release, err := take(ctx, b.slots)
		if err == nil {
			release()
		}
		return err
	}
	heavy := func(bytes int64) func(context.Context) error {
		return func(ctx context.Context) error {
			return beside(ctx, 2, make([]int64, 200), func(ctx context.Context, _ int64) error { return b.weigh(ctx, bytes, inSlot) })
		}
	}
	require.NoError(t, phase(t.Context(), heavy(10), heavy(7),
		func(ctx context.Context) error {
			return beside(ctx, 2, make([]int64, 200), func(ctx context.Context, _ int64) error { return inSlot(ctx) })
		}))
	assert.Empty(t, b.slots)
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

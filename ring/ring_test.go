package ring

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func descriptor(n uint64) *Descriptor {
	var d Descriptor
	for i := 0; i < CellSize; i += 8 {
		binary.NativeEndian.PutUint64(d[i:], n)
	}
	return &d
}

func newRing(t testing.TB, cells int, start uint64) (*Producer, *Consumer, *Page) {
	t.Helper()
	page, memory := new(Page), make([]Descriptor, cells)
	page.Produced.Store(start)
	page.Consumed.Store(start)
	p, err := NewProducer(page, memory)
	require.NoError(t, err)
	c, err := NewConsumer(page, memory)
	require.NoError(t, err)
	return p, c, page
}

func TestLayoutIsWhatTheProtocolSays(t *testing.T) {
	var p Page
	assert.Equal(t, PageSize, int(unsafe.Sizeof(p)))
	assert.Zero(t, unsafe.Offsetof(p.Produced))
	assert.EqualValues(t, 128, unsafe.Offsetof(p.Consumed))
	assert.EqualValues(t, 256, unsafe.Offsetof(p.Starved))
	assert.Equal(t, 64, CellSize)
}

func TestOnlyPowersOfTwoAreRings(t *testing.T) {
	for _, n := range []int{0, 3, 100} {
		_, err := NewProducer(new(Page), make([]Descriptor, n))
		assert.Error(t, err, n)
		_, err = NewConsumer(new(Page), make([]Descriptor, n))
		assert.Error(t, err, n)
	}
}

// FuzzRingIsASliceQueue runs a program of pushes and pops against a slice. The
// indices start near the largest value, so that they wrap around.
func FuzzRingIsASliceQueue(f *testing.F) {
	f.Add(uint8(0), []byte{0, 1, 0, 0, 2})
	f.Add(uint8(3), []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 9, 9})
	f.Fuzz(func(t *testing.T, logCells uint8, program []byte) {
		cells := 1 << (logCells % 6)
		p, c, page := newRing(t, cells, math.MaxUint64-5)
		var queue []uint64
		var next uint64
		for _, op := range program {
			if op%2 == 0 {
				ok, err := p.TryPush(descriptor(next))
				require.NoError(t, err)
				require.Equal(t, len(queue) < cells, ok)
				if ok {
					queue = append(queue, next)
					next++
				}
				continue
			}
			batch := make([]Descriptor, op%7)
			n, err := c.TryPop(batch)
			require.NoError(t, err)
			require.LessOrEqual(t, n, len(queue))
			if len(queue) > 0 && len(batch) > 0 {
				require.Positive(t, n)
			}
			for i := range n {
				require.Equal(t, *descriptor(queue[i]), batch[i])
			}
			queue = queue[n:]
			require.Equal(t, uint64(len(queue)), page.Len())
		}
	})
}

func TestTwoGoroutinesMoveEveryDescriptorOnceInOrder(t *testing.T) {
	for _, cells := range []int{1, 2, 256} {
		p, c, _ := newRing(t, cells, math.MaxUint64-1000)
		const total = 20000
		var wg sync.WaitGroup
		wg.Go(func() {
			for n := uint64(0); n < total; {
				ok, err := p.TryPush(descriptor(n))
				if !assert.NoError(t, err) {
					return
				}
				if ok {
					n++
				} else {
					runtime.Gosched()
				}
			}
		})
		batch := make([]Descriptor, 7)
		for want := uint64(0); want < total; {
			n, err := c.TryPop(batch)
			require.NoError(t, err)
			for i := range n {
				require.Equal(t, *descriptor(want), batch[i])
				want++
			}
			if n == 0 {
				runtime.Gosched()
			}
		}
		wg.Wait()
	}
}

func TestIndexThatNoPeerCanHaveStoredIsRefused(t *testing.T) {
	p, c, page := newRing(t, 4, 100)
	page.Produced.Store(105)
	_, err := c.TryPop(make([]Descriptor, 4))
	assert.ErrorIs(t, err, ErrCorrupt)
	assert.False(t, c.Empty(), "a corrupt ring is not one to sleep on")

	for range 4 {
		ok, err := p.TryPush(descriptor(0))
		require.True(t, ok)
		require.NoError(t, err)
	}
	page.Consumed.Store(99)
	_, err = p.TryPush(descriptor(0))
	assert.ErrorIs(t, err, ErrCorrupt)
}

// A consumer may be opened on indices that somebody has written over: it takes
// nothing from such a ring, however the two differ.
func TestConsumerOpenedOnNonsenseTakesNothing(t *testing.T) {
	const cells = 4
	for _, produced := range []uint64{100 + cells + 1, 99, 0, 1 << 63, 1<<64 - 1} {
		page := new(Page)
		page.Consumed.Store(100)
		page.Produced.Store(produced)
		c, err := NewConsumer(page, make([]Descriptor, cells))
		require.NoError(t, err)
		assert.False(t, c.Empty(), "a corrupt ring is not one to sleep on")
		for range 2 {
			n, err := c.TryPop(make([]Descriptor, cells))
			assert.ErrorIs(t, err, ErrCorrupt, "produced %d", produced)
			assert.Zero(t, n)
		}
		assert.EqualValues(t, 100, page.Consumed.Load())
	}
}

func TestStarvedProducerIsRungByOnePop(t *testing.T) {
	p, c, _ := newRing(t, 2, 0)
	assert.False(t, c.TakeStarved())
	p.AnnounceStarved()
	assert.True(t, c.TakeStarved())
	assert.False(t, c.TakeStarved(), "the ring is owed once")
}

// The announcement is taken by a pop whose room the producer has already used
// up: woken for nothing, it must announce again, or nobody will tell it.
func TestProducerThatWakesToAFullRingAnnouncesAgain(t *testing.T) {
	p, c, _ := newRing(t, 1, 0)
	push := func() {
		ok, err := p.TryPush(descriptor(1))
		require.NoError(t, err)
		require.True(t, ok)
	}
	pop := func() {
		n, err := c.TryPop(make([]Descriptor, 1))
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	push()
	pop()  // the consumer makes room,
	push() // which is used up
	assert.False(t, p.AnnounceStarved())
	assert.True(t, c.TakeStarved(), "before the consumer asks who is starved")
	pop()
	assert.False(t, c.TakeStarved(), "and the next pop owes nothing")
	push()
	assert.False(t, p.AnnounceStarved())
	pop()
	assert.True(t, c.TakeStarved())
	assert.True(t, p.AnnounceStarved(), "a look after room was made finds it")
}

func BenchmarkPushPop(b *testing.B) {
	p, c, page := newRing(b, 256, 0)
	d, batch := descriptor(1), make([]Descriptor, 32)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.TryPush(d)
		if page.Len() == 32 {
			_, _ = c.TryPop(batch)
		}
	}
}

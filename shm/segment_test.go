package shm

import (
	"os"
	"structs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/sys"
)

type page struct {
	_ structs.HostLayout
	A Word32
	_ uint32
	B Word64
}

func create(t *testing.T, size int) *Segment {
	t.Helper()
	s, err := Create("test", size)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestTwoMappingsAreTheSameMemory(t *testing.T) {
	a := create(t, 8192)
	f, err := sys.Dup(a.File())
	require.NoError(t, err)
	b, err := Open(f)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	assert.Equal(t, 8192, b.Size())
	mine, err := View[page](a, 4096)
	require.NoError(t, err)
	theirs, err := View[page](b, 4096)
	require.NoError(t, err)
	mine.B.Store(42)
	assert.EqualValues(t, 42, theirs.B.Load())
}

func TestSegmentCannotBeCutAwayUnderAReader(t *testing.T) {
	s := create(t, 8192)
	assert.Error(t, s.File().Truncate(0))
	assert.Error(t, s.File().Truncate(1<<20))
}

func TestFileThatCouldShrinkIsRefused(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	require.NoError(t, f.Truncate(8192))
	_, err = Open(f)
	assert.ErrorContains(t, err, "open segment")
	assert.ErrorIs(t, f.Close(), os.ErrClosed, "open takes the file over, also when it fails")
}

func TestViewsLieWithinTheSegment(t *testing.T) {
	s := create(t, 4096)
	_, err := Views[page](s, 0, 256)
	assert.NoError(t, err)
	for _, c := range []struct{ offset, n int }{{0, 257}, {4096, 1}, {4088, 1}, {-16, 1}, {0, 0}, {0, -1}, {16, 1 << 62}, {1 << 62, 1}} {
		_, err := Views[page](s, c.offset, c.n)
		assert.ErrorContains(t, err, "outside", c)
	}
	_, err = View[page](s, 4)
	assert.ErrorContains(t, err, "misaligned")
	_, err = s.Bytes(4000, 97)
	assert.ErrorContains(t, err, "outside")
	b, err := s.Bytes(4000, 96)
	require.NoError(t, err)
	assert.Len(t, b, 96)
	assert.Equal(t, 96, cap(b))
}

func TestPagesHoldNothingThatOnlyOneProcessUnderstands(t *testing.T) {
	s := create(t, 4096)
	_, err := View[struct{ P *int }](s, 0)
	assert.ErrorIs(t, err, errPointer)
	_, err = View[struct{ In [2]struct{ S string } }](s, 0)
	assert.ErrorContains(t, err, "field In")
	_, err = View[struct{ F func() }](s, 0)
	assert.ErrorIs(t, err, errPointer)
}

func TestHeldMemoryOutlivesClose(t *testing.T) {
	s, err := Create("test", 4096)
	require.NoError(t, err)
	view, err := View[page](s, 0)
	require.NoError(t, err)
	require.NoError(t, s.Hold())
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing twice does nothing")
	view.A.Store(7)
	assert.EqualValues(t, 7, view.A.Load())
	s.Release()
	assert.ErrorIs(t, s.Hold(), os.ErrClosed)
}

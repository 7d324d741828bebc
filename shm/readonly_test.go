package shm

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fileOf makes a file of size bytes, of which the first are text.
func fileOf(t *testing.T, text string, size int64) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	require.NoError(t, os.Truncate(name, size))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	return f
}

// maps says whether this process has memory of that name mapped.
func maps(t *testing.T, name string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return bytes.Contains(text, []byte(name))
}

func TestCopyOfASegmentIsReadAsItWas(t *testing.T) {
	f := fileOf(t, "as it was", 4096)
	s, err := OpenToRead(f)
	require.NoError(t, err)
	assert.Equal(t, 4096, s.Size())
	require.NoError(t, f.Truncate(0), "the copy is on its own")
	b, err := s.Bytes(0, 9)
	require.NoError(t, err)
	assert.Equal(t, "as it was", string(b))
	require.NoError(t, s.Hold())
	s.Release()
	require.NoError(t, s.Close())
	assert.ErrorIs(t, f.Close(), os.ErrClosed, "the segment's from then on")
	assert.ErrorIs(t, s.Hold(), os.ErrClosed, "one hold was its owner's")
}

func TestSegmentOfOneByteIsASegment(t *testing.T) {
	s, err := OpenToRead(fileOf(t, "x", 1))
	require.NoError(t, err)
	assert.Equal(t, 1, s.Size())
	require.NoError(t, s.Close())
}

// A hub has some 100 MiB, of which few are ever written.
func TestLargeCopyIsRead(t *testing.T) {
	s, err := OpenToRead(fileOf(t, "", 512<<20))
	require.NoError(t, err)
	assert.Equal(t, 512<<20, s.Size())
	require.NoError(t, s.Close())
}

func TestFileThatIsNoSegmentIsNotRead(t *testing.T) {
	for _, size := range []int64{0, maxCopy + 1} {
		f := fileOf(t, "", size)
		s, err := OpenToRead(f)
		assert.ErrorContains(t, err, "open segment to read")
		assert.ErrorContains(t, err, "bytes are no segment")
		assert.Nil(t, s)
		assert.ErrorIs(t, f.Close(), os.ErrClosed, "it takes the file over, also when it fails")
	}
	f := fileOf(t, "", 4096)
	require.NoError(t, f.Close())
	_, err := OpenToRead(f)
	assert.ErrorIs(t, err, os.ErrClosed)
	f, err = os.Open(t.TempDir())
	require.NoError(t, err)
	s, err := OpenToRead(f)
	assert.ErrorContains(t, err, "open segment to read", "a folder has a size, and no bytes")
	assert.Nil(t, s)
	assert.ErrorIs(t, f.Close(), os.ErrClosed)
}

func TestSizesThatNoSegmentHasAreRefused(t *testing.T) {
	before, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, size := range []int{-1, 0} {
		s, err := Create("nothing", size)
		assert.Error(t, err, "%d bytes", size)
		assert.Nil(t, s)
	}
	after, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	assert.Len(t, after, len(before), "no descriptor is left open")
}

// The memory goes with the last who may touch it, and not before.
func TestMemoryIsUnmappedWithTheLastHold(t *testing.T) {
	const name = "/memfd:goes-with-the-last"
	s, err := Create("goes-with-the-last", 4096)
	require.NoError(t, err)
	require.True(t, maps(t, name))
	require.NoError(t, s.Hold())
	require.NoError(t, s.Hold())
	s.Release()
	require.NoError(t, s.Close())
	assert.True(t, maps(t, name), "one hold is left")
	s.Release()
	assert.False(t, maps(t, name))

	s, err = Create("goes-with-the-last", 4096)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.False(t, maps(t, name), "with no hold, by Close")
}

func TestBytesLieWithinTheSegment(t *testing.T) {
	s := create(t, 4096)
	for _, c := range []struct{ offset, n int }{{0, 0}, {0, 4096}, {4096, 0}, {4095, 1}, {0, 1}} {
		b, err := s.Bytes(c.offset, c.n)
		require.NoError(t, err, "%+v", c)
		assert.Len(t, b, c.n)
	}
	for _, c := range []struct{ offset, n int }{
		{-1, 1}, {-1, 0}, {0, -1}, {1, -1}, {4097, 0}, {4097, -1}, {4096, 1}, {0, 4097}, {1 << 62, 1}, {1, 1 << 62}, {-1 << 62, 1}, {5000, -1000},
	} {
		var b []byte
		var err error
		if assert.NotPanics(t, func() { b, err = s.Bytes(c.offset, c.n) }, "%+v", c) {
			assert.ErrorContains(t, err, "outside", "%+v", c)
			assert.Nil(t, b)
		}
	}
}

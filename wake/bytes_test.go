package wake

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/sys"
)

// A token is left at the second file, and taken with all others at the first.
func TestBytesGoFromTheSecondFileToTheFirst(t *testing.T) {
	from, to, err := sys.Pipe()
	require.NoError(t, err)
	defer from.Close()
	defer to.Close()
	open := func(files ...*os.File) (Waker, error) { return OpenBytes(files, ByteFile.WriteNow, 4) }
	_, err = open(from)
	assert.ErrorContains(t, err, "got 1 files, want 2")
	_, err = open(from, to, to)
	assert.ErrorContains(t, err, "got 3 files, want 2")

	w, err := open(from, to)
	require.NoError(t, err)
	pending := func() bool {
		p, err := w.Pending()
		require.NoError(t, err)
		return p
	}
	assert.False(t, pending())
	for range 9 {
		require.NoError(t, w.Ring())
	}
	assert.True(t, pending())
	require.NoError(t, w.Wait())
	assert.False(t, pending())
	require.NoError(t, w.Close())
	assert.ErrorIs(t, w.Wait(), os.ErrClosed)
	assert.ErrorIs(t, w.Ring(), os.ErrClosed)
}

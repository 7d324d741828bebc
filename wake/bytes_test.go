package wake

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

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
	peers, err := open(from, to)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	left, err := peers.Pending()
	require.NoError(t, err)
	assert.True(t, left, "Close leaves a token, for whoever sleeps at the other end")
	require.NoError(t, peers.Close())
	assert.ErrorIs(t, w.Wait(), os.ErrClosed)
	assert.ErrorIs(t, w.Ring(), os.ErrClosed)
}

func TestFilesThatCannotBeCopiedMakeNoWaker(t *testing.T) {
	from, to, err := sys.Pipe()
	require.NoError(t, err)
	defer from.Close()
	require.NoError(t, to.Close())
	w, err := OpenBytes([]*os.File{from, to}, ByteFile.WriteNow, 4)
	assert.ErrorIs(t, err, unix.EBADF)
	assert.Nil(t, w)
}

// A sleeper whose Wait the kernel refuses must hear of it: one that is told
// that it was woken would look, and wait again, without end.
func TestAWaitThatIsRefusedIsAnError(t *testing.T) {
	from, to, err := sys.Pipe()
	require.NoError(t, err)
	defer to.Close()
	defer from.Close()
	open := func(files ...*os.File) Waker {
		w, err := OpenBytes(files, ByteFile.WriteNow, 4)
		require.NoError(t, err)
		return w
	}

	sleeper := open(from, to)
	defer sleeper.Close() //nolint:errcheck // it has nothing to say
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Max: limit.Max}))
	refused := sleeper.Wait() // poll(2) takes no more descriptors than a process may have
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	assert.ErrorIs(t, refused, unix.EINVAL)

	writing := open(to, to)
	defer writing.Close() //nolint:errcheck // it has nothing to say
	require.NoError(t, from.Close())
	require.NoError(t, sleeper.Close())
	assert.ErrorIs(t, writing.Wait(), unix.EBADF, "a pipe whose reader is gone wakes who polls, and this end cannot be read")
}

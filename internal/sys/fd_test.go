package sys

import (
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ddc/internal/await"
)

func pipe(t *testing.T) (r, w *FD) {
	t.Helper()
	rf, wf, err := Pipe()
	require.NoError(t, err)
	fds, err := DupFDs(rf, wf)
	require.NoError(t, err)
	require.NoError(t, rf.Close())
	require.NoError(t, wf.Close())
	t.Cleanup(func() { fds[0].Close(nil); fds[1].Close(nil) })
	return fds[0], fds[1]
}

func isOpen(number int) bool {
	_, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0)
	return err == nil
}

func TestNothingThereAndNoRoomAreNoErrors(t *testing.T) {
	r, w := pipe(t)
	n, err := r.ReadNow(make([]byte, 8))
	assert.NoError(t, err)
	assert.Zero(t, n)
	for n = 1; n > 0; {
		n, err = w.WriteNow(make([]byte, 4096))
		require.NoError(t, err)
	}
	ready, err := r.Readable()
	assert.NoError(t, err)
	assert.True(t, ready)
}

func TestFileIsReadNowWhateverItsDeadline(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.SetReadDeadline(time.Unix(1, 0)))
	read := func() (string, error) {
		buf := make([]byte, 8)
		n, err := ReadNow(r, buf)
		return string(buf[:n]), err
	}
	for _, want := range []string{"", "there", ""} {
		_, err := w.WriteString(want)
		require.NoError(t, err)
		got, err := read()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	require.NoError(t, w.Close())
	got, err := read()
	require.NoError(t, err)
	assert.Empty(t, got, "the end")
	require.NoError(t, r.Close())
	_, err = read()
	assert.ErrorContains(t, err, "closed")
}

// The flag is the open file's: whoever else holds it can clear it.
func TestCallsThatDoNotBlockDoNotNeedTheFlag(t *testing.T) {
	r, w := pipe(t)
	require.NoError(t, unix.SetNonblock(r.number, false))
	require.NoError(t, unix.SetNonblock(w.number, false))
	n, err := r.ReadNow(make([]byte, 8))
	assert.NoError(t, err)
	assert.Zero(t, n)
	for n = 1; n > 0; {
		n, err = w.WriteNow(make([]byte, 4096))
		require.NoError(t, err)
	}
}

func TestDescriptorStaysOpenUntilItsLastUseEnds(t *testing.T) {
	r, w := pipe(t)
	asleep := make(chan error)
	inUse := make(chan struct{})
	go func() {
		asleep <- r.use(func(number int) error {
			close(inUse)
			_, err := poll(number, -1)
			return errors.Join(err, map[bool]error{true: nil, false: errors.New("closed under its user")}[isOpen(number)])
		})
	}()
	await.Closed(t, "the sleeper to use the descriptor", inUse)
	number := r.number
	r.Close(func() {
		assert.ErrorIs(t, r.WaitReadable(), os.ErrClosed, "no new use once closing")
		_, err := w.WriteNow([]byte{1})
		assert.NoError(t, err)
	})
	assert.NoError(t, await.Value(t, "the sleeper to wake", asleep))
	await.Until(t, "the last user to close the number", func() bool { return !isOpen(number) })
	r.Close(func() { assert.Fail(t, "closed twice") })
}

// A late use must not close the number again: somebody else may have it by now.
func TestManyUsersAndClosersCloseOnce(t *testing.T) {
	for range 200 {
		r, w := pipe(t)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { _, _ = r.Readable() })
			all.Go(func() { r.Close(nil) })
		}
		all.Wait()
		assert.False(t, isOpen(r.number))
		_, err := r.ReadNow(nil)
		assert.ErrorIs(t, err, os.ErrClosed)
		w.Close(nil)
	}
}

func TestDuplicatesAreAllOrNone(t *testing.T) {
	f, _, err := Pipe()
	require.NoError(t, err)
	closed, _, err := Pipe()
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	_, err = DupFDs(f, closed)
	assert.Error(t, err)
	require.NoError(t, f.Close())
}

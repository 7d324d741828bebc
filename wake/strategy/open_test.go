package strategy

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/shm"
	"ddc/wake"
)

func tokens() *wake.Tokens { return new(wake.Words).Tokens(new(shm.Word32)) }

func closeAll(t *testing.T, files []*os.File) {
	t.Helper()
	for _, f := range files {
		require.NoError(t, f.Close())
	}
}

// The files come from the other process. Too few, too many and closed ones are
// an error that names the strategy, and no waker.
func TestFilesThatAStrategyDidNotMakeAreRefused(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name(), func(t *testing.T) {
			files, err := s.Make()
			require.NoError(t, err)
			refused := func(files []*os.File) {
				t.Helper()
				waker, err := s.Open(tokens(), files)
				assert.ErrorContains(t, err, "open "+s.Name()+" waker")
				assert.Nil(t, waker)
			}
			refused(append([]*os.File{os.Stdin}, files...))
			if len(files) > 0 {
				refused(files[1:])
			}
			closeAll(t, files)
			if len(files) > 0 {
				refused(files)
			}
		})
	}
}

func TestMakeWithNoDescriptorLeftSaysSo(t *testing.T) {
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	for _, s := range All() {
		files, err := s.Make()
		require.NoError(t, err)
		closeAll(t, files)
		if len(files) == 0 {
			continue
		}
		none := before
		none.Cur = 3
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
		files, err = s.Make()
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before))
		assert.ErrorIs(t, err, syscall.EMFILE, s.Name())
		assert.Empty(t, files)
	}
}

// One Wait takes the tokens of all rings before it, however many: what is left
// would make the next sleep end for nothing.
func TestOneWaitTakesTheTokensOfAllRings(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name(), func(t *testing.T) {
			files, err := s.Make()
			require.NoError(t, err)
			waker, err := s.Open(tokens(), files)
			require.NoError(t, err)
			closeAll(t, files)
			for _, rings := range []int{1, 2, 511, 512, 513, 1024, 4095, 4096, 4097, 8192} {
				for range rings {
					require.NoError(t, waker.Ring())
				}
				pending, err := waker.Pending()
				require.NoError(t, err)
				assert.True(t, pending)
				require.NoError(t, waker.Wait())
				pending, err = waker.Pending()
				require.NoError(t, err)
				assert.False(t, pending, "after %d rings", rings)
			}
			require.NoError(t, waker.Close())
			assert.ErrorIs(t, waker.Wait(), os.ErrClosed)
			assert.ErrorIs(t, waker.Ring(), os.ErrClosed)
		})
	}
}

// A process that may have no descriptors may not poll(2) any either.
func TestASleepThatTheKernelRefusesIsAnError(t *testing.T) {
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	for _, s := range All() {
		files, err := s.Make()
		require.NoError(t, err)
		if len(files) == 0 {
			continue
		}
		waker, err := s.Open(tokens(), files)
		require.NoError(t, err)
		closeAll(t, files)
		require.NoError(t, waker.Ring())
		require.NoError(t, waker.Wait(), "there is a token, and the kernel lets it be taken")
		none := before
		none.Cur = 0
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
		err = waker.Wait()
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before))
		assert.ErrorIs(t, err, syscall.EINVAL, s.Name())
		require.NoError(t, waker.Close())
	}
}

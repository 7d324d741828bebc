package bulk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func create(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Create(name)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// sparse has a byte at some places, and holes between them.
func sparse(t *testing.T, name string, size int64, at ...int64) *os.File {
	t.Helper()
	f := create(t, name)
	for _, place := range at {
		_, err := f.WriteAt([]byte("x"), place)
		require.NoError(t, err)
	}
	require.NoError(t, f.Truncate(size))
	return f
}

// taken are the bytes that a file takes on its disk.
func taken(t *testing.T, f *os.File) int64 {
	t.Helper()
	var s unix.Stat_t
	require.NoError(t, unix.Fstat(int(f.Fd()), &s))
	return s.Blocks * 512
}

func TestHolesStayHolesAndAllBytesAreTheSame(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		size int64
		at   []int64
	}{
		"empty":                  {0, nil},
		"one byte":               {1, []int64{0}},
		"nothing but a hole":     {12 * mib, nil},
		"data first":             {12 * mib, []int64{0}},
		"data last":              {12*mib + 1, []int64{12 * mib}},
		"data in the middle":     {12 * mib, []int64{5*mib + 77}},
		"data around each piece": {12 * mib, []int64{0, piece - 1, piece, piece + 1, 9*piece - 1}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			from, to := sparse(t, filepath.Join(folder, "from"), c.size, c.at...), create(t, filepath.Join(folder, "to"))
			n, err := CopyFile(t.Context(), to, from)
			require.NoError(t, err)
			assert.Equal(t, c.size, n)
			want, err := os.ReadFile(from.Name())
			require.NoError(t, err)
			got, err := os.ReadFile(to.Name())
			require.NoError(t, err)
			assert.True(t, bytes.Equal(want, got), "the bytes")
			if taken(t, from) < mib { // else the file system knows no holes
				assert.LessOrEqual(t, taken(t, to), int64(mib))
			}
		})
	}
}

// With more parts than one would remember, and a hole of 20 GB behind them: all
// of it was once written out.
func TestHolesBehindManyPartsStayHoles(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a file of very many parts")
	}
	const parts, size = 70_000, 20 << 30
	folder := t.TempDir()
	f := create(t, filepath.Join(folder, "from"))
	for i := range int64(parts) {
		_, err := f.WriteAt([]byte("x"), i*8192)
		require.NoError(t, err)
	}
	if err := f.Truncate(size); err != nil {
		t.Skipf("a file of %d bytes: %v", size, err)
	}
	if taken(t, f) > parts*5000 {
		t.Skip("the file system knows no holes")
	}
	to := create(t, filepath.Join(folder, "to"))
	n, err := CopyFile(t.Context(), to, f)
	require.NoError(t, err)
	assert.Equal(t, int64(size), n)
	assert.InEpsilon(t, taken(t, f), taken(t, to), 0.1) // what a file system notes of it is written when it likes
	last := make([]byte, 2)
	_, err = to.ReadAt(last, (parts-1)*8192)
	require.NoError(t, err)
	assert.Equal(t, "x\x00", string(last))
}

func TestWholeFileIsCopiedInPieces(t *testing.T) {
	folder := t.TempDir()
	text := strings.Repeat("0123456789abcdef", 3*piece/16) + "and a little more"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "from"), []byte(text), 0o600))
	from, err := os.Open(filepath.Join(folder, "from"))
	require.NoError(t, err)
	defer from.Close()
	to := create(t, filepath.Join(folder, "to"))
	n, err := CopyFile(t.Context(), to, from)
	require.NoError(t, err)
	assert.Equal(t, int64(len(text)), n)
	got, err := os.ReadFile(to.Name())
	require.NoError(t, err)
	assert.True(t, text == string(got), "the bytes")
}

// A file of more terabytes than any disk has, and one of more data than a small
// disk.
func TestFileThatDoesNotFitIsToldBeforeAnythingIsWritten(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("mounting a small file system: ", err)
	}
	t.Cleanup(func() { assert.NoError(t, unix.Unmount(disk, 0)) })
	bytes, ok := Capacity(filepath.Join(disk, "not", "there", "yet"))
	assert.True(t, ok)
	assert.Equal(t, int64(1<<20), bytes)

	folder := t.TempDir()
	from := filepath.Join(folder, "from")
	require.NoError(t, os.WriteFile(from, make([]byte, 2<<20), 0o600))
	source, err := os.Open(from)
	require.NoError(t, err)
	defer source.Close()
	to, err := os.Create(filepath.Join(disk, "to"))
	require.NoError(t, err)
	defer to.Close()
	_, err = CopyFile(t.Context(), to, source)
	var full *NoRoom
	require.ErrorAs(t, err, &full)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, int64(2<<20), full.Needed)
	assert.Equal(t, "it takes 2 MB, and there is room for 1 MB: no space left on device", err.Error())
	assert.Zero(t, taken(t, to))
}

// stopping ends a context as soon as so many bytes have come by.
type stopping struct {
	left int64
	stop context.CancelCauseFunc
	seen int64
}

var errStopped = errors.New("stopped by the test")

func (s *stopping) see(n int) {
	if s.left, s.seen = s.left-int64(n), s.seen+int64(n); s.left <= 0 {
		s.stop(errStopped)
	}
}

func (s *stopping) Write(p []byte) (int, error) { s.see(len(p)); return len(p), nil }

func (s *stopping) Read(p []byte) (int, error) { clear(p); s.see(len(p)); return len(p), nil }

func TestContextIsLookedAtBetweenTwoPieces(t *testing.T) {
	const before = 3*piece + 1
	for name, move := range map[string]func(context.Context, *stopping) error{
		"reading without end": func(ctx context.Context, s *stopping) error { _, err := Copy(ctx, io.Discard, s); return err },
		"writing": func(ctx context.Context, s *stopping) error {
			_, err := Write(ctx, s, make([]byte, 16*piece))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			s := &stopping{left: before, stop: stop}
			require.ErrorIs(t, move(ctx, s), errStopped)
			assert.Less(t, s.seen, int64(before+piece))
		})
	}
	t.Run("a file", func(t *testing.T) {
		folder := t.TempDir()
		from, to := sparse(t, filepath.Join(folder, "from"), 1<<30, 0), create(t, filepath.Join(folder, "to"))
		ctx, stop := context.WithCancelCause(t.Context())
		stop(errStopped)
		_, err := CopyFile(ctx, to, from)
		require.ErrorIs(t, err, errStopped)
	})
}

func TestFailureOfEitherEndIsTold(t *testing.T) {
	broken := errors.New("broken")
	_, err := Copy(t.Context(), io.Discard, io.MultiReader(strings.NewReader("half"), failing{broken}))
	require.ErrorIs(t, err, broken)
	_, err = Copy(t.Context(), failing{broken}, strings.NewReader("text"))
	require.ErrorIs(t, err, broken)
	_, err = Write(t.Context(), failing{broken}, []byte("text"))
	require.ErrorIs(t, err, broken)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

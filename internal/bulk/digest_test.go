package bulk

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func digest(t *testing.T, f *os.File) string {
	t.Helper()
	sum, err := Digest(t.Context(), f, sha256.New())
	require.NoError(t, err)
	return string(sum)
}

func blocks(t *testing.T, f *os.File) string {
	t.Helper()
	info, err := f.Stat()
	require.NoError(t, err)
	sum, err := digestBlocks(t.Context(), f, info.Size(), sha256.New())
	require.NoError(t, err)
	return string(sum)
}

func TestDigestOfASmallFileIsThatOfItsBytes(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "f"))
	_, err := f.WriteString("some text")
	require.NoError(t, err)
	_, err = f.Seek(0, 0)
	require.NoError(t, err)
	want := sha256.Sum256([]byte("some text"))
	assert.Equal(t, string(want[:]), digest(t, f))
}

func TestHolesAndZerosHaveOneDigest(t *testing.T) {
	const size = 3<<20 + 17
	places := []int64{0, bufferSize - 1, 2<<20 + 5, size - 1}
	folder := t.TempDir()
	holes := sparse(t, filepath.Join(folder, "holes"), size, places...)
	whole, err := os.ReadFile(holes.Name())
	require.NoError(t, err)
	written := func(name string, change func(all []byte) []byte) *os.File {
		f := create(t, filepath.Join(folder, name))
		_, err := f.Write(change(append([]byte(nil), whole...)))
		require.NoError(t, err)
		return f
	}
	want := blocks(t, holes)
	assert.Equal(t, want, blocks(t, written("zeros", func(all []byte) []byte { return all })))
	for name, change := range map[string]func(all []byte) []byte{
		"another byte":    func(all []byte) []byte { all[0]++; return all },
		"one byte more":   func(all []byte) []byte { all[2<<20]++; return all },
		"a byte moved":    func(all []byte) []byte { all[2<<20+5], all[1<<20+5] = 0, 'x'; return all },
		"a zero more":     func(all []byte) []byte { return append(all, 0) },
		"a zero less":     func(all []byte) []byte { return all[:len(all)-1] },
		"zeros at an end": func(all []byte) []byte { return append(all, make([]byte, bufferSize)...) },
	} {
		assert.NotEqual(t, want, blocks(t, written(name, change)), name)
	}
}

func TestTwentyGigabytesOfHolesAreDigestedByWhatIsBetweenThem(t *testing.T) {
	const size = 20 << 30
	folder := t.TempDir()
	make := func(name string, size int64, places ...int64) *os.File {
		f := create(t, filepath.Join(folder, name))
		if err := f.Truncate(size); err != nil {
			t.Skipf("a file of %d bytes: %v", size, err)
		}
		for _, place := range places {
			_, err := f.WriteAt([]byte("x"), place)
			require.NoError(t, err)
		}
		return f
	}
	one := digest(t, make("one", size, 5<<30))
	assert.Equal(t, one, digest(t, make("same", size, 5<<30)))
	assert.NotEqual(t, one, digest(t, make("moved", size, 6<<30)))
	assert.NotEqual(t, one, digest(t, make("longer", size+1, 5<<30)))
	assert.NotEqual(t, one, digest(t, make("empty", size)))

	ctx, stop := context.WithCancelCause(t.Context())
	stop(errStopped)
	_, err := Digest(ctx, make("stopped", size, 5<<30), sha256.New())
	assert.ErrorIs(t, err, errStopped)
}

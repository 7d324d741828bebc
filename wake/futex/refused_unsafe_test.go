//go:build amd64 && !race

package futex

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ddc/internal/await"
	"ddc/shm"
	"ddc/wake"
)

// The kernel refuses to sleep on a word that is not aligned. The processor does
// not mind, and neither does Go, but for the race detector.
func TestASleepThatIsRefusedEndsItsWaitAndNoOther(t *testing.T) {
	memory := new([2]uint64)
	word := (*shm.Word32)(unsafe.Add(unsafe.Pointer(memory), 1))
	opened, err := new(Strategy).Open(&wake.Tokens{Left: new(shm.Word32), Taken: new(shm.Word32), Gate: word}, nil)
	require.NoError(t, err)
	w := opened.(*waker)
	for range 2 {
		result := make(chan error, 1)
		go func() { result <- w.Wait() }()
		assert.ErrorIs(t, await.Value(t, "the wait to be refused", result), unix.EINVAL)
		w.assertNobodyAtTheGate(t)
	}
	assert.ErrorIs(t, w.Close(), unix.EINVAL, "its ring is refused too")
}

package shm

import (
	"runtime"
	"structs"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two announce themselves, each by its own word, and then look for the other:
// at least one must see the other. With Store in Swap's place this fails under
// the race detector, some thousands of times.
func TestOfTwoWhoAnnounceAndLookOneSeesTheOther(t *testing.T) {
	const rounds = 100_000
	type line struct {
		_ structs.HostLayout
		Word32
		_ [2*CacheLine - 4]byte
	}
	const lines = 2048
	segment, err := Create("announce", lines*2*CacheLine)
	require.NoError(t, err)
	defer segment.Close()
	words, err := Views[line](segment, 0, lines)
	require.NoError(t, err)

	var arrived [2]atomic.Int64
	var seen [2][rounds]bool
	var both sync.WaitGroup
	for me := range 2 {
		both.Go(func() {
			for i := range rounds {
				own, other := &words[(2*i+me)%lines], &words[(2*i+1-me)%lines]
				arrived[me].Store(int64(i + 1))
				for k := 0; arrived[1-me].Load() <= int64(i); k++ {
					if k > 1000 {
						runtime.Gosched()
					}
				}
				own.Swap(uint32(i + 1))
				seen[me][i] = other.Load() == uint32(i+1)
			}
		})
	}
	both.Wait()
	missed := 0
	for i := range rounds {
		if !seen[0][i] && !seen[1][i] {
			missed++
		}
	}
	assert.Zero(t, missed, "of %d pairs neither saw the other", rounds)
}

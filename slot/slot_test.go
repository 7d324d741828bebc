package slot

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/shm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func newPool(t testing.TB, classes []Class, parties int) *Pool {
	t.Helper()
	segment, err := shm.Create("slots", Size(classes))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, segment.Close()) })
	pool, err := Open(segment, 0, classes, parties)
	require.NoError(t, err)
	pool.Format()
	return pool
}

func inUse(p *Pool) int {
	n := 0
	for _, u := range p.Usage(-1) {
		n += u.Filling + u.Sent + u.Held
	}
	return n
}

func TestPayloadGetsTheSmallestClassThatFitsThenALargerOne(t *testing.T) {
	p := newPool(t, []Class{{64, 1, 0}, {128, 1, 0}}, 1)
	small, ok := p.Alloc(0, 10)
	require.True(t, ok)
	assert.Len(t, p.Bytes(small), 64)
	larger, ok := p.Alloc(0, 10)
	require.True(t, ok)
	assert.Len(t, p.Bytes(larger), 128)
	_, ok = p.Alloc(0, 10)
	assert.False(t, ok)
	p.Free(small)
	again, ok := p.Alloc(0, 10)
	require.True(t, ok)
	assert.NotEqual(t, small, again, "a new generation")
}

func TestPieceIsAsLargeAsCanBeHad(t *testing.T) {
	p := newPool(t, []Class{{64, 1, 0}, {128, 1, 0}}, 1)
	ref, ok := p.AllocPiece(0, 1000)
	require.True(t, ok)
	assert.Len(t, p.Bytes(ref), 128)
	ref, ok = p.AllocPiece(0, 1000)
	require.True(t, ok)
	assert.Len(t, p.Bytes(ref), 64)
}

func TestGreedyPartyLeavesTheOthersTheirReserve(t *testing.T) {
	p := newPool(t, []Class{{64, 10, 2}}, 3)
	for {
		if _, ok := p.Alloc(0, 64); !ok {
			break
		}
	}
	assert.Equal(t, 6, inUse(p))
	for party := 1; party < 3; party++ {
		for range 2 {
			_, ok := p.Alloc(party, 64)
			assert.True(t, ok)
		}
		_, ok := p.Alloc(party, 64)
		assert.False(t, ok)
	}
}

func TestStaleAndForeignReferencesAreRefused(t *testing.T) {
	p := newPool(t, []Class{{64, 2, 0}}, 2)
	ref, _ := p.Alloc(1, 64)
	assert.ErrorIs(t, p.Accept(ref, 1), ErrStale, "not sent yet")
	require.NoError(t, p.Send(ref))
	assert.ErrorIs(t, p.Accept(ref, 0), ErrStale, "sent by another party")
	require.NoError(t, p.Accept(ref, 1))
	assert.ErrorIs(t, p.Accept(ref, 1), ErrStale, "accepted twice")
	p.Free(ref)
	assert.ErrorIs(t, p.Accept(ref, 1), ErrStale)
	assert.ErrorIs(t, p.Accept(newRef(1, 7, 0), 1), ErrStale, "no such class")
	assert.ErrorIs(t, p.Accept(newRef(1, 0, 9), 1), ErrStale, "no such slot")
}

func TestFreeOfAnOldGenerationTouchesNothing(t *testing.T) {
	p := newPool(t, []Class{{64, 1, 0}}, 1)
	old, _ := p.Alloc(0, 64)
	p.Free(old)
	_, ok := p.Alloc(0, 64)
	require.True(t, ok)
	p.Free(old)
	assert.Equal(t, 1, inUse(p))
}

func TestReclaimFreesTheDeadAndMendsTheHints(t *testing.T) {
	p := newPool(t, []Class{{64, 70, 0}}, 2)
	dead, _ := p.Alloc(1, 64)
	held, _ := p.Alloc(1, 64)
	require.NoError(t, p.Send(held))
	require.NoError(t, p.Accept(held, 1))
	alive, _ := p.Alloc(0, 64)
	// A peer killed between the two steps of Free leaves no hint.
	p.classes[0].free[1].Store(0)

	assert.Equal(t, 1, p.Reclaim(1, Filling, Sent))
	assert.Equal(t, 2, inUse(p), "what the receiver holds stays, and what others own")
	p.Free(held)
	p.Free(alive)
	p.Free(dead)
	for range 70 {
		_, ok := p.Alloc(0, 64)
		require.True(t, ok)
	}
}

// Goroutines of four parties allocate, pass on and free at random; each holder
// writes its mark and finds it unchanged: no slot has two holders.
func TestNoSlotHasTwoHolders(t *testing.T) {
	p := newPool(t, []Class{{64, 8, 1}, {128, 4, 0}}, 4)
	passed := make(chan Ref, 64)
	var senders, receivers sync.WaitGroup
	for party := range 4 {
		senders.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(party)))
			for range 5000 {
				ref, ok := p.Alloc(party, 1+random.IntN(128))
				if !ok {
					continue
				}
				mark := byte(random.Uint32())
				bytes := p.Bytes(ref)
				bytes[0], bytes[1], bytes[2] = mark, ^mark, byte(party)
				if assert.NoError(t, p.Send(ref)) {
					passed <- ref
				}
			}
		})
	}
	for range 2 {
		receivers.Go(func() {
			for ref := range passed {
				bytes := p.Bytes(ref)
				assert.NoError(t, p.Accept(ref, int(bytes[2])))
				assert.Equal(t, bytes[0], ^bytes[1])
				bytes[0] = ^bytes[1] + 1
				p.Free(ref)
			}
		})
	}
	senders.Wait()
	close(passed)
	receivers.Wait()
	assert.Zero(t, inUse(p))
}

func BenchmarkAllocSendAcceptFree(b *testing.B) {
	p := newPool(b, DefaultClasses(34), 34)
	b.ReportAllocs()
	for b.Loop() {
		ref, _ := p.Alloc(0, 1000)
		_ = p.Send(ref)
		_ = p.Accept(ref, 0)
		p.Free(ref)
	}
}

// A plugin in another language takes and frees slots by the page.
func TestProtocolPageHasTheWordsOfTheCode(t *testing.T) {
	content, err := os.ReadFile("../docs/PROTOCOL.md")
	require.NoError(t, err)
	page := strings.Join(strings.Fields(string(content)), " ")
	assert.Contains(t, page, fmt.Sprintf("`generation<<32 | owner<<8 | state`: states %d free, %d filling, %d sent, %d held;", Free, Filling, Sent, Held))
	assert.EqualValues(t, 5<<32|6<<8|2, word(5, 6, Sent))
	assert.Contains(t, page, "A reference is `generation<<32 | class<<24 | index`.")
	assert.EqualValues(t, 5<<32|6<<24|7, newRef(5, 6, 7))
}

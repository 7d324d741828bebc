package site

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/plugins/markdown/markdownpb"
)

func TestSourceThatDoesNotFitBesideTheOthersIsTold(t *testing.T) {
	b := admitting(400e6, 1)
	require.NoError(t, b.hold("content/a.md", 60e6))
	err := b.hold("content/b.md", 60e6)
	assert.Equal(t, Errors{{File: "content/b.md", Files: []string{"content/b.md"}, Message: "does not fit into memory beside the other sources, which may take 100 MB together",
		Hint: "make the sources smaller, or allow more with --memory-limit"}}, err)
	assert.NoError(t, b.hold("content/c.md", 40e6), "what was refused takes nothing")
	assert.NoError(t, b.hold("content/a.md", 50e6), "it is read again")
	b.letGo("content/a.md")
	b.letGo("content/never.md")
	assert.NoError(t, b.hold("content/b.md", 60e6), "what has gone takes nothing")
}

func TestSourcesThatDoNotFitAreOneFault(t *testing.T) {
	b := admitting(400e6, 1)
	var all faults
	for i := range 373 {
		require.NoError(t, all.collect(b.hold(fmt.Sprintf("content/%03d.md", i), 101e6)))
	}
	require.NoError(t, all.collect(Errors{{File: "content/005.md", Line: 1, Message: "is another fault"}}))
	assert.EqualError(t, all.err(), "content/000.md: does not fit into memory beside the other sources, which may take 100 MB together "+
		"(make the sources smaller, or allow more with --memory-limit) (also 372 other files: content/001.md, content/002.md, content/003.md, ..)\n"+
		"content/005.md:1: is another fault")
}

func TestTextThatNoMessageCarriesIsAFaultOfItsFile(t *testing.T) {
	b := admitting(1e6, 1)
	_, err := b.admit(t.Context(), "markdown", "content/a.md", &markdownpb.RenderRequest{Body: strings.Repeat("x", 2e6)})
	require.Error(t, err)
	assert.Equal(t, "content/a.md: is too large: 2 MB are to be sent, at most 1 MB (split it up, or allow more with --memory-limit)", err.Error())
	_, err = b.admit(t.Context(), "pagefind", "", &markdownpb.RenderRequest{Body: strings.Repeat("x", 2e6)})
	assert.ErrorContains(t, err, "the site is too large for the pagefind plugin: 2 MB are to be sent")
}

func TestLargeTextsUnderWayKeepWithinTheirBytes(t *testing.T) {
	const memory = 64 << 20
	b := admitting(memory, 8)
	request := &markdownpb.RenderRequest{Body: strings.Repeat("x", smallText)} // with its tag it is a little more
	var under, most atomic.Int64
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			done, err := b.admit(t.Context(), "markdown", "content/a.md", request)
			if !assert.NoError(t, err) {
				return
			}
			now := under.Add(1)
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			under.Add(-1)
			done()
		})
	}
	calls.Wait()
	assert.LessOrEqual(t, most.Load(), int64(memory/textsShare/(textPerByte*smallText)))
	assert.Empty(t, b.hands)
}

func TestTextThatWaitsForMemoryIsNotLetInAfterTheEnd(t *testing.T) {
	b := admitting(16<<20, 1)
	require.NoError(t, b.textRoom.Acquire(t.Context(), 8<<20))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.admit(ctx, "markdown", "content/a.md", &markdownpb.RenderRequest{Body: strings.Repeat("x", 2*smallText)})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, b.hands)
}

func TestGuardEndsABuildWithTheLargestFileInHand(t *testing.T) {
	b := admitting(1<<30, 1)
	drop := b.inHand("content/small.md", 10)
	defer drop()
	defer b.inHand("content/large.md", 1000)()
	b.inHand("content/done.md", 5000)()
	ended := make(chan error, 2)
	b.options.Heap.Live, b.options.Heap.Abort = 1, func(err error) { ended <- err }
	g := b.guard()
	defer g.Stop()
	select {
	case err := <-ended:
		assert.Regexp(t, `^content/large\.md: the build takes \d+ MB in the host while it works on this, at most 0 MB`, err.Error())
	case <-time.After(time.Minute):
		assert.Fail(t, "the guard says nothing")
	}
}

func TestWhereNothingIsInHandTheLongestSourceIsNamed(t *testing.T) {
	b := admitting(1<<30, 1)
	assert.Empty(t, b.largest())
	require.NoError(t, b.hold("data/a.yaml", 10))
	require.NoError(t, b.hold("data/b.yaml", 20))
	require.NoError(t, b.hold("data/c.yaml", 5))
	assert.Equal(t, "data/b.yaml", b.largest())
}

// With a slot free and the context done, either may be taken.
func TestNothingIsBegunAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		_, err := take(ctx, admitting(1, 1).slots)
		require.ErrorIs(t, err, context.Canceled)
	}
}

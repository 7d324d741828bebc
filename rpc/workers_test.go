package rpc_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/internal/await"
	"ddc/transport/inproc"
)

// workers counts the goroutines that run handlers, or wait for one to run.
func workers() int { return await.Goroutines("", "ddc/rpc.(*workers).worker(") }

// 128 goroutines are kept for the calls to come, and no more. They end with the
// session (TestMain looks for goroutines that are left).
func TestWorkersOfManyCallsAreKeptUpToABound(t *testing.T) {
	tr := inproc.New()
	t.Cleanup(func() { assert.NoError(t, tr.Close()) })
	block := make(chan chan struct{}, 1)
	var begun sync.WaitGroup
	p := connect(t, tr, setup{service: &service{echo: func(_ context.Context, m *packet) (*packet, error) {
		release := <-block
		block <- release
		begun.Done()
		<-release
		return m, nil
	}}})
	atOnce := func(n int) {
		release := make(chan struct{})
		block <- release
		begun.Add(n)
		var calls sync.WaitGroup
		for range n {
			calls.Go(func() {
				_, err := p.client.Echo(t.Context(), &packet{})
				assert.NoError(t, err)
			})
		}
		await.All(t, "every handler to begin", &begun)
		assert.GreaterOrEqual(t, workers(), n)
		close(release)
		await.All(t, "every call to be answered", &calls)
		<-block
	}
	atOnce(200)
	await.Until(t, "all but 128 workers to end", func() bool { return workers() == 128 })
	atOnce(100)
	await.Until(t, "no more than those that were kept", func() bool { return workers() == 128 })
}

package await_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/internal/await"
)

func waitFor(c <-chan struct{}) { <-c }

func TestGoroutinesAreFoundByStateAndFunction(t *testing.T) {
	const function = "await_test.waitFor("
	assert.Zero(t, await.Goroutines("", function))
	release := make(chan struct{})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { waitFor(release) })
	}
	await.Until(t, "three goroutines to receive", func() bool { return await.Goroutines("chan receive", function) == 3 })
	assert.Equal(t, 3, await.Goroutines("", function))
	assert.Zero(t, await.Goroutines("select", function))
	close(release)
	all.Wait()
}

package activity_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"ddc/internal/activity"
	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestWhoeverLooksRestsWhileNobodyWorks(t *testing.T) {
	a := activity.New()
	stop, looked := make(chan struct{}), make(chan bool)
	look := func() { looked <- a.Await(stop) }
	assert.True(t, a.Resting())
	go look()
	a.Begin()
	assert.True(t, await.Value(t, "the look", looked))
	a.Begin()
	a.End()
	assert.False(t, a.Resting(), "one is still at work")
	go look()
	assert.True(t, await.Value(t, "the look", looked))
	a.End()
	assert.True(t, a.Resting())
	go look()
	go look()
	await.Until(t, "both to wait", func() bool { return a.Waiting() == 2 })
	a.Begin()
	assert.True(t, await.Value(t, "one of two", looked))
	assert.True(t, await.Value(t, "the other", looked))
	a.End()
	go look()
	close(stop)
	assert.False(t, await.Value(t, "the end", looked))
	assert.False(t, a.Await(stop))
}

func TestBeginningThatComesBetweenLookAndWaitIsSeen(t *testing.T) {
	a, stop := activity.New(), make(chan struct{})
	began := make(chan struct{})
	go func() {
		defer close(began)
		for range 20_000 {
			a.Begin()
			a.End()
		}
		a.Begin()
	}()
	for range 1000 {
		assert.True(t, a.Await(stop))
	}
	await.Closed(t, "all to begin", began)
}

func TestOnNoActivitySomebodyAlwaysWorks(t *testing.T) {
	var a *activity.Activity
	a.Begin()
	a.End()
	assert.False(t, a.Resting())
	assert.True(t, a.Await(nil))
	stop := make(chan struct{})
	close(stop)
	assert.False(t, a.Await(stop))
}

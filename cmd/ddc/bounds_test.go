package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBoundsOfAnswersAreBelowTheLimitsShare(t *testing.T) {
	for _, flag := range []string{"256MiB", "512MiB", "4GiB", "64GiB"} {
		shares, err := shareMemory(flag)
		require.NoError(t, err)
		for name := range answersOf() {
			b := shares.replies()(name)
			assert.Positive(t, b.Bytes, name)
			assert.Positive(t, b.Fields, name)
			assert.LessOrEqual(t, int64(b.Bytes), shares.limit/4, name)
			assert.LessOrEqual(t, b.Bytes, largestMessage, name)
			assert.LessOrEqual(t, b.Decoded, shares.limit/4, name)
		}
		assert.LessOrEqual(t, int64(shares.requests().Bytes), shares.limit/4)
	}
}

func TestWhatLooksAtNoContextIsAbandonedOnceItEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	begun, release := make(chan struct{}), make(chan struct{})
	go func() {
		<-begun
		cancel(errors.New("as told"))
	}()
	left := make(chan struct{})
	_, ended, err := orAbandon(ctx, time.Millisecond, func() (int, error) {
		defer close(left)
		close(begun)
		<-release // whatever ctx says
		return 1, nil
	})
	assert.False(t, ended)
	assert.EqualError(t, err, "as told")
	close(release)
	<-left
}

func TestWhatEndsInTimeIsNotAbandoned(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	result, ended, err := orAbandon(ctx, time.Minute, func() (int, error) {
		cancel()
		<-ctx.Done()
		return 7, errors.New("its own")
	})
	assert.True(t, ended)
	assert.Equal(t, 7, result)
	assert.EqualError(t, err, "its own")
}

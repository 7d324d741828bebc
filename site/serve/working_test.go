package serve

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The time is that of processors: a busy machine keeps as much as an idle one.
func TestLastKeepIsGivenUpOnceItHasWorkedLong(t *testing.T) {
	ctx, end := whileWorking(t.Context(), 50*time.Millisecond)
	begun := processorTime()
	for ctx.Err() == nil {
		require.Less(t, processorTime()-begun, time.Minute, "of work")
	}
	assert.ErrorIs(t, context.Cause(ctx), errLong)
	assert.Greater(t, processorTime()-begun, 40*time.Millisecond)
	end()

	ctx, end = whileWorking(t.Context(), time.Hour)
	end()
	assert.ErrorIs(t, context.Cause(ctx), context.Canceled)
}

//go:build explore

package inproc

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/step"
	"ddc/transport"
)

// Senders count beside each other, and none loses what another has counted.
func TestSendBetweenTheStepsOfAnotherIsCounted(t *testing.T) {
	for at := 1; ; at++ {
		transports := New()
		t.Cleanup(func() { assert.NoError(t, transports.Close()) })
		host, _, err := transports.Pair("peer")
		require.NoError(t, err)
		send := func() { assert.NoError(t, host.Send(t.Context(), transport.Header{}, []byte("three"))) }
		if !step.Between(at, send, send) {
			require.Greater(t, at, 2, "it has steps")
			return
		}
		assert.Equal(t, transport.Stats{FramesOut: 2, BytesOut: 10}, host.Stats(), "before step %d", at)
	}
}

package host

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSlotsKeepWithinTheirShare(t *testing.T) {
	for limit, want := range map[int64]int{1 << 30: 5, 64 << 20: 4, 16 << 20: 3, 1: 1} {
		assert.Len(t, SlotsWithin(limit), want, "%d", limit)
	}
}

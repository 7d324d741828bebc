package watch

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/inspect"
)

// On a busy machine a stuck handler's process seems to work now and then.
func TestAHangThatSeemsToGoAndComesBackIsReportedOnce(t *testing.T) {
	w := &Watchdog{seen: map[suspect]int{}, told: map[suspect]int64{}}
	reports := func(looks int, found ...sighting) (sum int) {
		for range looks {
			sum += len(w.lasted(0, found))
		}
		return sum
	}
	stuck := sighting{suspect{kind: inspect.HandlerStuck, place: 1}, 1000}
	assert.Zero(t, reports(looksPerBound-1, stuck), "before it has lasted for the bound")
	assert.Equal(t, 1, reports(2*looksPerBound, stuck))
	assert.Zero(t, reports(1))
	assert.Zero(t, reports(2*looksPerBound, stuck), "it is the same")
	next := stuck
	next.began = 2000
	assert.Zero(t, reports(1))
	assert.Equal(t, 1, reports(2*looksPerBound, next), "it is another")

	unknown := sighting{suspect: suspect{kind: inspect.LostWakeup, place: 1}}
	for range 2 {
		assert.Equal(t, 1, reports(looksPerBound, unknown), "it may be another")
		assert.Zero(t, reports(1))
	}
}

package watch

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/inspect"
	"ddc/plugin"
	"ddc/plugin/host"
)

func TestWatchdogDoesNotTakeAStopOfTheHostForAStuckHandler(t *testing.T) {
	h, err := host.New(host.Options{Local: func(string) (plugin.Service, error) { return nil, errors.New("none") }, CallTimeout: 2 * time.Minute})
	require.NoError(t, err)
	defer h.Close() //nolint:errcheck // it has no plugins
	w := &Watchdog{host: h}
	w.absences.Every = time.Second
	start := time.Now()
	w.absences.Begin(start)
	stuck := inspect.Diagnosis{Kind: inspect.HandlerStuck, Name: "slow", Since: 100 * time.Second}
	w.note(start.Add(91 * time.Second))
	assert.False(t, w.watched(stuck, start.Add(92*time.Second)), "ten seconds of it ran")
	for s := range 60 {
		w.note(start.Add(time.Duration(92+s) * time.Second))
	}
	stuck.Since = 155 * time.Second
	assert.True(t, w.watched(stuck, start.Add(152*time.Second)))
}

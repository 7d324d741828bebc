package host

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/rpc/rpctestpb"
)

func TestWhatFollowsAPluginIsStartedAhead(t *testing.T) {
	hubAndGRPC(t, func(t *testing.T, o Options) {
		o.Calls.Then = func(name string) []string { return map[string][]string{"one": {"two", "three"}, "two": {"four"}}[name] }
		h := newHost(t, o)
		pidOf(t, h, "one")
		runs := func(name string) bool { return h.Plugin(name).Stats().PID != 0 }
		await.Until(t, "the plugins that follow", func() bool { return runs("two") && runs("three") })
		before := h.Plugin("two").Stats().PID
		assert.EqualValues(t, before, pidOf(t, h, "two"), "the one that was started")
		await.Until(t, "the plugin that follows that one", func() bool { return runs("four") })
		h.Ahead("one")
		h.ahead.Wait()
		assert.Zero(t, h.Plugin("one").Stats().Restarts)
	})
}

func TestPluginThatCannotBeStartedAheadSaysSoWhenItIsCalled(t *testing.T) {
	o := Options{Command: func(string) (string, []string) { return "/nowhere", nil }}
	h := newHost(t, o)
	h.Ahead("gone")
	h.ahead.Wait()
	_, err := echo(t, h, "gone", &rpctestpb.Packet{Text: "x"})
	assert.ErrorContains(t, err, "/nowhere")
	require.NoError(t, h.Close())
	h.Ahead("late")
	assert.Equal(t, []string{"gone"}, names(h), "a host that is closed starts nothing")
}

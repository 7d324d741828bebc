package matrix

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

// A host process that a busy machine does not let run is no frozen one: a cell
// in one process, where nobody can miss a wake-up, was said to hang.
func TestProcessThatIsNotLetRunStarvesAndOneThatSleepsOrRunsDoesNot(t *testing.T) {
	start := func(script string) int {
		c := exec.Command("sh", "-c", script)
		require.NoError(t, c.Start())
		t.Cleanup(func() {
			_ = c.Process.Kill()
			_ = c.Wait()
		})
		return c.Process.Pid
	}
	busy, asleep := start("while :; do :; done"), start("read line <&0; kill -STOP $$")
	await.Until(t, "the loop to run", func() bool { return hasRun(busy) > time.Millisecond })
	assert.True(t, starves(busy, hasRun(busy), time.Hour), "it has had little of an hour")
	assert.False(t, starves(busy, 0, time.Millisecond), "it has run for as long as is enough")
	await.Until(t, "the other to rest", func() bool { return !starves(asleep, 0, time.Hour) })
	assert.False(t, starves(1<<30, 0, time.Hour), "there is no such process")
}

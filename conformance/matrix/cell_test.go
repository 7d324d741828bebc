package matrix

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/proc"
	"ddc/site/starter"
)

// program builds the program with faults, and a site.
func program(t *testing.T) Options {
	t.Helper()
	folder := t.TempDir()
	o := Options{Program: filepath.Join(folder, "ddc-fault"), Args: []string{"wake", "cell"}, Site: filepath.Join(folder, "starter"), Seed: 1, Calls: 400}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "nodynamic,ddcfault", "-o", o.Program, "ddc/cmd/ddc").CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, starter.Write(o.Site, starter.Minimal))
	return o
}

// leftovers are processes of cells, and what they have put into the temporary
// folder.
func leftovers(t *testing.T, o Options) []string {
	t.Helper()
	var left []string
	pids, err := proc.PIDs()
	require.NoError(t, err)
	for _, pid := range pids {
		if exe, err := os.Readlink(proc.Folder(pid) + "/exe"); err == nil && exe == o.Program {
			left = append(left, exe)
		}
	}
	entries, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	for _, e := range entries {
		left = append(left, e.Name())
	}
	return left
}

func TestCells(t *testing.T) {
	o := program(t)
	t.Setenv("TMPDIR", t.TempDir())
	run := func(t *testing.T, fault, strategy string) Cell {
		t.Helper()
		c, err := runCell(t.Context(), o, task{Fault: fault, Strategy: strategy, Calls: o.Calls, Seed: o.Seed, Site: o.Site}, func(news) {})
		require.NoError(t, err)
		assert.Empty(t, leftovers(t, o))
		return c
	}

	t.Run("WithoutAFaultAllIsWell", func(t *testing.T) {
		// The hash to expect of the site is none, so it ends there, with
		// everything before in order.
		c := run(t, NoFault, "futex")
		assert.Equal(t, Corrupt, c.Verdict)
		assert.Equal(t, "build", c.Stage, c.Why)
		assert.Contains(t, c.Why, "the site differs")
		assert.Greater(t, c.Answered, o.Calls)
	})

	t.Run("HangIsFoundByItsState", func(t *testing.T) {
		c := run(t, "check-before-announce", "pipe")
		require.Equal(t, Hung, c.Verdict, c.Why)
		require.NotNil(t, c.Evidence)
		assert.True(t, c.Evidence.Link.Due, "somebody sleeps over work")
		assert.Contains(t, c.Why, "no token")
		assert.NotEmpty(t, c.Plugin)
		assert.NotEmpty(t, c.Evidence.PluginWaits, "the plugin answers SIGUSR1")
		assert.Positive(t, c.Evidence.PluginThreads[inPoll], "its doorbell is a pipe")
		assert.Contains(t, strings.Join(c.Evidence.Inspect, "\n"), "lost wake-up")
	})

	t.Run("EventLoopSleepsInEpoll", func(t *testing.T) {
		c := run(t, "late-registration", Reported)
		require.Equal(t, Hung, c.Verdict, c.Why)
		assert.Zero(t, c.Evidence.PluginThreads[inPoll])
		assert.Positive(t, c.Evidence.PluginThreads[inEpoll])
	})

	t.Run("InterruptedRunLeavesNothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := runCell(ctx, o, task{Fault: NoFault, Strategy: "pipe", Calls: 1 << 20, Seed: 1, Site: o.Site}, func(n news) {
			if n.Answered > 0 { // in the middle of it
				cancel()
			}
		})
		assert.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, leftovers(t, o))
	})
}

func TestProcessThatIsNoCellSaysSo(t *testing.T) {
	t.Setenv(variable, "")
	assert.ErrorIs(t, Host(t.Context(), Hosting{}, nil), ErrNotACell)
	t.Setenv(variable, `{"fault":"plain-store","strategy":"futex"}`)
	assert.ErrorIs(t, Host(t.Context(), Hosting{}, nil), ErrNotACell, "it has no faults in it")
}

// Minutes of cells were lost with the last one.
func TestRunThatIsInterruptedKeepsTheCellsThatAreDone(t *testing.T) {
	o := program(t)
	t.Setenv("TMPDIR", t.TempDir())
	o.Strategies, o.Faults, o.Calls, o.Together = []string{"futex", "pipe"}, []string{NoFault}, 50, 1
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Done = func(Cell, int, int) { cancel() }
	tasks := plan(o)
	for i := range tasks {
		tasks[i].Calls, tasks[i].Seed, tasks[i].Site = o.Calls, o.Seed, o.Site
	}
	require.Len(t, tasks, 3)
	cells, err := runAll(ctx, o, tasks)
	assert.ErrorIs(t, err, context.Canceled)
	require.Len(t, cells, 1)
	assert.Equal(t, Inproc, cells[0].Strategy)
	assert.Empty(t, leftovers(t, o))
}

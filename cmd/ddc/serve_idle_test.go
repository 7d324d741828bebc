package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/proc"
)

// wakeUps are how often the threads of a process have slept and gone on.
func wakeUps(t *testing.T, pid int) (n int) {
	t.Helper()
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/status")
	require.NoError(t, err)
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // it has just ended
		}
		for line := range strings.Lines(string(text)) {
			if count, is := strings.CutPrefix(line, "voluntary_ctxt_switches:"); is {
				one, err := strconv.Atoi(strings.TrimSpace(count))
				require.NoError(t, err)
				n += one
			}
		}
	}
	return n
}

// A server that nobody asks anything, and whose files nobody touches, rests,
// and so do its sixteen plugins. Go's own monitor looks once a minute, and has
// each process collect its garbage every two minutes; all else would be ours.
// DDC_IDLE is how long it is looked at.
func TestServerThatNobodyUsesRests(t *testing.T) {
	inOtherProcesses(t)
	while := 3 * time.Second
	if text := os.Getenv("DDC_IDLE"); text != "" {
		var err error
		while, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	s := startServing(t, smallSite(t), "--all-plugins")
	s.shows("/", "/__ddc/client.js")
	all := append([]int{s.cmd.Process.Pid}, childrenSoFar(t, s.cmd.Process.Pid, "\x00plugin\x00")...)
	require.Greater(t, len(all), 16)
	sum := func() (wakes int, busy time.Duration) {
		for _, pid := range all {
			stat, err := proc.Of(pid)
			require.NoError(t, err)
			wakes, busy = wakes+wakeUps(t, pid), busy+stat.Used
		}
		return wakes, busy
	}
	// What was begun at the start comes to its end, whatever else the machine
	// does.
	last, _ := sum()
	await.Until(t, "a quarter of a second without a wake-up", func() bool {
		time.Sleep(250 * time.Millisecond) // this is what is measured
		now, _ := sum()
		quiet := now == last
		last = now
		return quiet
	}, func() string { return fmt.Sprint(last, " wake-ups so far") })
	wakes, busy := sum()
	time.Sleep(while)
	wakesThen, busyThen := sum()
	wakes, busy = wakesThen-wakes, busyThen-busy
	t.Logf("in %s host and %d plugins woke up %d times, and took %s of processor time", while, len(all)-1, wakes, busy)
	perMinute := float64(wakes) / max(while.Minutes(), 1) / float64(len(all))
	assert.Less(t, perMinute, 150.0, "wake-ups of a process in a minute; a ticker of 50 ms has 1200")
	assert.Less(t, busy, max(while/200, 100*time.Millisecond))
	assert.Zero(t, s.stop(), s.stderr.String())
}

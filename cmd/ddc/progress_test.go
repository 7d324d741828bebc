package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site"
)

func TestLiveLineIsOnlyForTerminalsThatCanGoBack(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer file.Close()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal can be made here:", err)
	}
	defer terminal.Close()

	t.Setenv("TERM", "xterm")
	assert.NotNil(t, newLiveLine(screenOf(terminal)))
	assert.Nil(t, newLiveLine(screenOf(file)))
	t.Setenv("TERM", "dumb")
	assert.Nil(t, newLiveLine(screenOf(terminal)))
}

func TestLiveLineSaysHowFarABuildIsAndWhatIsSlow(t *testing.T) {
	var out bytes.Buffer
	at := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	l := &liveLine{out: screenOf(&out), now: func() time.Time { return at }}
	defer l.end()
	line := func() string {
		all := strings.Split(out.String(), "\r\x1b[K")
		return all[len(all)-1]
	}
	after := func(d time.Duration, what func()) {
		at = at.Add(d)
		what()
	}
	after(0, func() { l.step(site.Step{Name: "templates", Done: 0, Of: 300}) })
	assert.Equal(t, "0 s  templates 0/300", line())
	after(time.Second, func() { l.step(site.Step{Name: "pictures", Done: 11, Of: 40}) })
	after(time.Second, func() { l.event(site.Event{Plugin: "jxl", Subject: "photos/hill.jpg"}) })
	assert.Equal(t, "2 s  templates 0/300 · pictures 11/40 · jxl photos/hill.jpg", line())
	after(time.Second, func() { l.event(site.Event{Plugin: "webp", Subject: "photos/hill.jpg"}) })
	after(7*time.Second, func() { l.step(site.Step{Name: "templates", Done: 299, Of: 300}) })
	assert.Equal(t, "10 s  templates 299/300 · pictures 11/40 · jxl photos/hill.jpg 8 s", line())
	after(time.Millisecond, func() { l.step(site.Step{Name: "templates", Done: 300, Of: 300}) })
	assert.Contains(t, line(), "299/300", "it was drawn just now")
	after(time.Second, l.tick)
	assert.Equal(t, "11 s  pictures 11/40 · jxl photos/hill.jpg 9 s", line())
	after(time.Second, func() { l.event(site.Event{Plugin: "jxl", Subject: "photos/hill.jpg", Done: true}) })
	assert.Equal(t, "12 s  pictures 11/40 · webp photos/hill.jpg 9 s", line(), "the next oldest")
	l.clear()
	assert.Empty(t, line())
	l.end()
	after(time.Minute, func() { l.step(site.Step{Name: "texts", Done: 1, Of: 2}) })
	assert.Equal(t, "0 s  texts 1/2", line(), "another build begins anew")
}

// The line is for terminals: a pipe gets what it got before.
func TestStepsOfABuildAreToldOnATerminalAlone(t *testing.T) {
	t.Setenv("TERM", "xterm")
	folder := smallSite(t)
	theirs, sent := terminal(t, 200)
	require.Zero(t, run(t.Context(), []string{"build", folder, "--transport", "inproc", "--no-code-exec"}, theirs, theirs))
	assert.Regexp(t, `\r\x1b\[K0 s  \w`, sent())
	o := ddc(t, "build", folder, "--transport", "inproc", "--no-code-exec")
	require.Zero(t, o.code)
	assert.NotContains(t, o.stderr+o.stdout, "\x1b")
	assert.NotRegexp(t, `\d+ s  \w`, o.stderr+o.stdout)
}

func TestNothingOfASubjectReachesTheLiveLineAsItIs(t *testing.T) {
	var out bytes.Buffer
	l := &liveLine{out: screenOf(&out), now: time.Now}
	defer l.end()
	l.event(site.Event{Plugin: "markdown", Subject: hostile})
	assert.Contains(t, out.String(), "gnp")
	harmless(t, "live line", out.String())
}

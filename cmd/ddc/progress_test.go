package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

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

func TestNothingOfASubjectReachesTheLiveLineAsItIs(t *testing.T) {
	var out bytes.Buffer
	l := &liveLine{out: screenOf(&out), busy: map[string][]string{}}
	l.event(site.Event{Plugin: "markdown", Subject: hostile})
	assert.Contains(t, out.String(), "gnp")
	harmless(t, "live line", out.String())
}

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

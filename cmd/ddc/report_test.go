package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
)

// closed is an output that nobody reads any more, or a full disk.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestBuildThatCannotSayWhatItMadeHasNotSucceeded(t *testing.T) {
	for _, flags := range [][]string{nil, {"--verbose"}, {"--json"}} {
		var stderr bytes.Buffer
		args := append([]string{"build", smallSite(t), "--transport", "inproc"}, flags...)
		assert.Equal(t, exitMachinery, run(t.Context(), args, closed{}, &stderr), flags)
		assert.Contains(t, stderr.String(), io.ErrClosedPipe.Error(), flags)
	}
}

// Package pipe wakes through a pipe. A token is a byte; 65,536 fit. Both
// processes hold both ends, so that the sleeper's own process can wake it too.
package pipe

import (
	"fmt"
	"os"

	"ddc/internal/sys"
	"ddc/wake"
)

// Strategy makes pipe wakers.
type Strategy struct{}

var _ wake.Strategy = Strategy{}

// Name is "pipe".
func (Strategy) Name() string { return "pipe" }

// Needs says that any kernel will do.
func (Strategy) Needs() string {
	return "pipe2(2), Linux 2.6.27 (from 6.5 a peer that flips O_NONBLOCK costs nothing)"
}

// Make makes a pipe: the read end, then the write end.
func (Strategy) Make() ([]*os.File, error) {
	r, w, err := sys.Pipe()
	if err != nil {
		return nil, err
	}
	return []*os.File{r, w}, nil
}

// Open opens both ends.
func (Strategy) Open(_ *wake.Tokens, files []*os.File) (wake.Waker, error) {
	w, err := wake.OpenBytes(files, wake.ByteFile.WriteNow, tokensAtOnce)
	if err != nil {
		return nil, fmt.Errorf("open pipe waker: %w", err)
	}
	return w, nil
}

// tokensAtOnce is how many bytes a sleeper that wakes takes in one call.
const tokensAtOnce = 4096

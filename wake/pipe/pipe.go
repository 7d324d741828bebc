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
	if len(files) != 2 {
		return nil, fmt.Errorf("open pipe waker: got %d files, want 2", len(files))
	}
	fds, err := sys.DupFDs(files[0], files[1])
	if err != nil {
		return nil, fmt.Errorf("open pipe waker: %w", err)
	}
	return &waker{take: fds[0], leave: fds[1], token: [1]byte{1}}, nil
}

type waker struct {
	take, leave *sys.FD
	// What is written and read is here so that neither costs an allocation.
	token  [1]byte    // immutable
	tokens [4096]byte // the awaiting goroutine's
}

// Ring writes a byte. A full pipe is left as it is: tokens are waiting.
func (w *waker) Ring() error {
	_, err := w.leave.WriteNow(w.token[:])
	return err
}

// Wait sleeps until there is a byte, then reads until there is none. Linux 5.5
// to 5.13 told edge-triggered readers of a pipe only when it had been empty; to
// drain it whole is right on every kernel.
func (w *waker) Wait() error {
	if err := w.take.WaitReadable(); err != nil {
		return err
	}
	for {
		n, err := w.take.ReadNow(w.tokens[:])
		if err != nil || n < len(w.tokens) {
			return err
		}
	}
}

func (w *waker) Pending() (bool, error) { return w.take.Readable() }

// Close rings, since closing a file does not wake who polls it.
func (w *waker) Close() error {
	w.take.Close(func() { _ = w.Ring() })
	w.leave.Close(nil)
	return nil
}

// Package socketpair wakes through two connected stream sockets. A token is a
// byte. The kernel charges some 760 bytes for it, so with the default send
// buffer the 279th finds no room, which is as good as any: one is enough. Both
// processes hold both ends, so that the sleeper's own process can wake it too.
package socketpair

import (
	"fmt"
	"os"

	"ddc/internal/sys"
	"ddc/wake"
)

// Strategy makes socketpair wakers.
type Strategy struct{}

var _ wake.Strategy = Strategy{}

// Name is "socketpair".
func (Strategy) Name() string { return "socketpair" }

// Needs says that any kernel will do.
func (Strategy) Needs() string { return "socketpair(2) with AF_UNIX, Linux 2.6.27" }

// Make makes the sockets: the sleeper's, then the ringers'.
func (Strategy) Make() ([]*os.File, error) {
	a, b, err := sys.Socketpair()
	if err != nil {
		return nil, err
	}
	return []*os.File{a, b}, nil
}

// Open opens both sockets.
func (Strategy) Open(_ *wake.Tokens, files []*os.File) (wake.Waker, error) {
	if len(files) != 2 {
		return nil, fmt.Errorf("open socketpair waker: got %d files, want 2", len(files))
	}
	fds, err := sys.DupFDs(files[0], files[1])
	if err != nil {
		return nil, fmt.Errorf("open socketpair waker: %w", err)
	}
	return &waker{take: fds[0], leave: fds[1], token: [1]byte{1}}, nil
}

type waker struct {
	take, leave *sys.FD
	// What is sent and received is here so that neither costs an allocation.
	token  [1]byte   // immutable
	tokens [512]byte // the awaiting goroutine's
}

// Ring sends a byte. A full send buffer is left as it is: tokens are waiting.
func (w *waker) Ring() error {
	_, err := w.leave.SendNow(w.token[:])
	return err
}

// Wait sleeps until there is a byte, then receives until there is none.
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

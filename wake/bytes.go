package wake

import (
	"fmt"
	"os"

	"ddc/internal/sys"
)

// ByteFile is a file that a byte can be left in without ever blocking, whatever
// its O_NONBLOCK says. Where no byte fits, both methods return (0, nil).
type ByteFile interface {
	// WriteNow writes to a pipe.
	WriteNow(token []byte) (int, error)
	// SendNow writes to a socket.
	SendNow(token []byte) (int, error)
}

// OpenBytes opens a waker whose token is a byte. It waits in a pipe or a
// socket, read from the first of two files, until a Wait takes it with all
// others. leave writes it to the second: ByteFile.WriteNow for a pipe,
// ByteFile.SendNow for a socket. drain is how many tokens one read takes, at
// least 1. The files stay the caller's.
func OpenBytes(files []*os.File, leave func(to ByteFile, token []byte) (int, error), drain int) (Waker, error) {
	if len(files) != 2 {
		return nil, fmt.Errorf("got %d files, want 2", len(files))
	}
	fds, err := sys.DupFDs(files[0], files[1])
	if err != nil {
		return nil, err
	}
	return &byteWaker{from: fds[0], to: fds[1], leave: leave, token: [1]byte{1}, tokens: make([]byte, drain)}, nil
}

type byteWaker struct {
	from, to *sys.FD
	leave    func(ByteFile, []byte) (int, error)
	// What is written and read is here so that neither costs an allocation.
	token  [1]byte // immutable
	tokens []byte  // the awaiting goroutine's
}

// Ring leaves a byte. Where none fits, nothing is done: tokens are waiting.
func (w *byteWaker) Ring() error {
	_, err := w.leave(w.to, w.token[:])
	return err
}

// Wait sleeps until there is a byte, then reads until there is none. Linux 5.5
// to 5.13 told edge-triggered readers of a pipe only when it had been empty; to
// drain it whole is right on every kernel.
func (w *byteWaker) Wait() error {
	if err := w.from.WaitReadable(); err != nil {
		return err
	}
	for {
		n, err := w.from.ReadNow(w.tokens)
		if err != nil || n < len(w.tokens) {
			return err
		}
	}
}

func (w *byteWaker) Pending() (bool, error) { return w.from.Readable() }

// Close rings, since closing a file does not wake who polls it.
func (w *byteWaker) Close() error {
	w.from.Close(func() { _ = w.Ring() })
	w.to.Close(nil)
	return nil
}

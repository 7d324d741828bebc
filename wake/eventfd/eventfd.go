// Package eventfd wakes through an event counter of the kernel. A token adds to
// the counter and one read takes them all, so tokens merge by themselves. Both
// processes hold the same open file; nothing hangs up when one of them dies.
package eventfd

import (
	"encoding/binary"
	"fmt"
	"os"

	"ddc/internal/sys"
	"ddc/wake"
)

// Strategy makes eventfd wakers.
type Strategy struct{}

var _ wake.Strategy = Strategy{}

// Name is "eventfd".
func (Strategy) Name() string { return "eventfd" }

// Needs names the system call and the kernel.
func (Strategy) Needs() string { return "eventfd2(2), Linux 2.6.27" }

// Make makes one counter: the only file.
func (Strategy) Make() ([]*os.File, error) {
	f, err := sys.Eventfd()
	if err != nil {
		return nil, err
	}
	return []*os.File{f}, nil
}

// Open opens the counter twice, so that closing can ring a sleeper for whom the
// first is closed already.
func (Strategy) Open(_ *wake.Tokens, files []*os.File) (wake.Waker, error) {
	if len(files) != 1 {
		return nil, fmt.Errorf("open eventfd waker: got %d files, want 1", len(files))
	}
	fds, err := sys.DupFDs(files[0], files[0])
	if err != nil {
		return nil, fmt.Errorf("open eventfd waker: %w", err)
	}
	w := &waker{take: fds[0], leave: fds[1]}
	binary.NativeEndian.PutUint64(w.one[:], 1)
	return w, nil
}

type waker struct {
	take, leave *sys.FD
	// What is written and read is here so that neither costs an allocation.
	one   [8]byte // immutable
	count [8]byte // the awaiting goroutine's
}

// Ring adds one. A counter without room (it is then at 2^64-2) is left as it
// is: tokens are waiting.
func (w *waker) Ring() error {
	_, err := w.leave.WriteIfRoom(w.one[:])
	return err
}

// Wait sleeps until the counter is not zero, then reads it to zero.
func (w *waker) Wait() error {
	if err := w.take.WaitReadable(); err != nil {
		return err
	}
	_, err := w.take.ReadNow(w.count[:])
	return err
}

func (w *waker) Pending() (bool, error) { return w.take.Readable() }

// Close rings, since closing a file does not wake who polls it.
func (w *waker) Close() error {
	w.take.Close(func() { _ = w.Ring() })
	w.leave.Close(nil)
	return nil
}

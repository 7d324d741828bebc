package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"ddc/internal/fault"
	"ddc/internal/inuse"
)

// FD is a file descriptor that may be closed while other goroutines use it:
// the number goes back to the kernel when the last of them is done, so that
// nobody writes into a file that has taken the same number since.
type FD struct {
	number int // immutable
	uses   *inuse.Count
}

// NewFD takes over a descriptor.
func NewFD(number int) *FD {
	return &FD{number: number, uses: inuse.New(func() { _ = closeNumber(number) })}
}

// DupFD makes a descriptor of its own for what f refers to. f stays the
// caller's.
func DupFD(f *os.File) (*FD, error) {
	number, err := dup(f, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate descriptor of %s: %w", f.Name(), err)
	}
	return NewFD(number), nil
}

// DupFDs is DupFD for several files, all or none.
func DupFDs(files ...*os.File) ([]*FD, error) {
	fds := make([]*FD, 0, len(files))
	for _, f := range files {
		fd, err := DupFD(f)
		if err != nil {
			for _, fd := range fds {
				fd.Close(nil)
			}
			return nil, err
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

// use calls f with the descriptor's number; os.ErrClosed after Close.
func (fd *FD) use(f func(number int) error) error {
	if !fd.uses.Enter() {
		return os.ErrClosed
	}
	defer fd.uses.Leave()
	return f(fd.number)
}

// Close closes the descriptor once its uses have ended. It does not wait for
// them, but for whoever sleeps in WaitReadable it calls wake, if not nil, after
// new uses have become impossible and before the old ones end. Closing twice
// does nothing.
func (fd *FD) Close(wake func()) {
	if !fd.uses.Shut() {
		return
	}
	defer fd.uses.Leave()
	if wake != nil {
		wake()
	}
}

// Readable says whether fd can be read now.
func (fd *FD) Readable() (bool, error) {
	ready := false
	err := fd.use(func(number int) error {
		var err error
		ready, err = poll(number, 0)
		return err
	})
	return ready, err
}

// WaitReadable blocks until fd can be read or its other end has hung up. A
// signal makes it return early: the caller looks again.
//
// It asks poll(2), never a blocking read, because O_NONBLOCK belongs to the
// open file: a peer that inherited it can flip the flag at any time, and poll
// behaves the same either way.
func (fd *FD) WaitReadable() error {
	return fd.use(func(number int) error {
		_, err := poll(number, -1)
		return err
	})
}

func poll(number, timeout int) (bool, error) {
	fds := [1]unix.PollFd{{Fd: int32(number), Events: unix.POLLIN}}
	n, err := pollFDs(fds[:], timeout)
	switch {
	case errors.Is(err, unix.EINTR) && !fault.On(fault.EINTRIsFatal):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("poll: %w", err)
	case fds[0].Revents&unix.POLLNVAL != 0:
		return false, fmt.Errorf("poll: %w", unix.EBADF)
	}
	return n > 0, nil
}

// ReadNow reads what is there without ever blocking, whatever O_NONBLOCK says.
// Nothing there is (0, nil).
func (fd *FD) ReadNow(buf []byte) (int, error) {
	return fd.now("read", func(number int) (int, error) {
		n, err := readNow(number, buf)
		if !errors.Is(err, unix.EOPNOTSUPP) {
			return n, err
		}
		// Kernels before 6.5 know RWF_NOWAIT for fewer kinds of files. One
		// reader at a time, so what poll finds is still there for read.
		if ready, err := poll(number, 0); !ready {
			return 0, err
		}
		return read(number, buf)
	})
}

// ReadNow reads what is in a pipe without ever blocking, also where its
// deadline is over. Nothing there, or the end, is (0, nil). One reader at a
// time.
func ReadNow(f *os.File, buf []byte) (n int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	closed := raw.Control(func(number uintptr) {
		var ready bool
		if ready, err = poll(int(number), 0); ready {
			n, err = read(int(number), buf)
		}
	})
	if err = errors.Join(err, closed); err != nil {
		return 0, fmt.Errorf("read: %w", err)
	}
	return n, nil
}

// WriteNow writes buf to a pipe without ever blocking. No room is (0, nil).
func (fd *FD) WriteNow(buf []byte) (int, error) {
	return fd.now("write", func(number int) (int, error) {
		n, err := writeNow(number, buf)
		if !errors.Is(err, unix.EOPNOTSUPP) {
			return n, err
		}
		return writeIfRoom(number, buf)
	})
}

// WriteIfRoom is WriteNow for files that know no RWF_NOWAIT when written, as
// eventfds do not on any kernel.
func (fd *FD) WriteIfRoom(buf []byte) (int, error) {
	return fd.now("write", func(number int) (int, error) { return writeIfRoom(number, buf) })
}

// writeIfRoom looks first. Somebody else may take the room in between, and then
// the write blocks if O_NONBLOCK was flipped; a doorbell leaves one token for
// each announcement of its sleeper, so that room never gets that short.
func writeIfRoom(number int, buf []byte) (int, error) {
	fds := [1]unix.PollFd{{Fd: int32(number), Events: unix.POLLOUT}}
	if ready, err := pollFDs(fds[:], 0); err != nil || ready == 0 {
		if fault.Enabled && fault.On(fault.EAGAINIsFatal) && err == nil {
			return 0, unix.EAGAIN
		}
		return 0, err
	}
	return write(number, buf)
}

// SendNow is WriteNow for sockets.
func (fd *FD) SendNow(buf []byte) (int, error) {
	return fd.now("send", func(number int) (int, error) {
		return send(number, buf)
	})
}

// now retries f on EINTR, and turns EAGAIN into "nothing done".
func (fd *FD) now(what string, f func(number int) (int, error)) (int, error) {
	n := 0
	err := fd.use(func(number int) error {
		for {
			var err error
			n, err = f(number)
			switch {
			case errors.Is(err, unix.EINTR) && !fault.On(fault.EINTRIsFatal):
				continue
			case errors.Is(err, unix.EAGAIN) && !fault.On(fault.EAGAINIsFatal):
				n = 0
				return nil
			case err != nil:
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		}
	})
	return n, err
}

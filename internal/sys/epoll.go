//go:build ddcfault

package sys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"ddc/internal/fault"
)

// Epoll is an epoll instance whose descriptors are all registered
// edge-triggered for reading, as event loops do.
type Epoll struct{ fd *FD }

// NewEpoll makes one.
func NewEpoll() (*Epoll, error) {
	number, err := epollCreate()
	if err != nil {
		return nil, fmt.Errorf("make epoll: %w", err)
	}
	return &Epoll{NewFD(number)}, nil
}

// Add registers fd under a key. If fd can be read already, that is an event.
func (e *Epoll) Add(fd *FD, key uint64) error { return e.control(unix.EPOLL_CTL_ADD, fd, key) }

// Remove takes fd out.
func (e *Epoll) Remove(fd *FD) error { return e.control(unix.EPOLL_CTL_DEL, fd, 0) }

func (e *Epoll) control(op int, fd *FD, key uint64) error {
	err := e.fd.use(func(epoll int) error {
		return fd.use(func(number int) error { return epollControl(epoll, op, number, key) })
	})
	if err != nil {
		return fmt.Errorf("change what epoll watches: %w", err)
	}
	return nil
}

// Wait blocks until there are events, and puts their keys into keys. A signal
// makes it return none.
func (e *Epoll) Wait(keys []uint64) (int, error) {
	n := 0
	err := e.fd.use(func(epoll int) error {
		var err error
		n, err = epollWait(epoll, keys)
		return err
	})
	if err != nil && (!errors.Is(err, unix.EINTR) || fault.On(fault.EINTRIsFatal)) {
		return 0, fmt.Errorf("epoll wait: %w", err)
	}
	return max(n, 0), nil
}

// Close frees the instance, once nobody is inside Wait.
func (e *Epoll) Close() { e.fd.Close(nil) }

//go:build ddcfault && explore

package sys

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// There is no model of epoll yet, so a program that needs one ends here.

var errNoEpoll = fmt.Errorf("epoll has no model: %w", unix.ENOSYS)

func epollCreate() (int, error)                { return 0, errNoEpoll }
func epollControl(_, _, _ int, _ uint64) error { return errNoEpoll }
func epollWait(_ int, _ []uint64) (int, error) { return 0, errNoEpoll }

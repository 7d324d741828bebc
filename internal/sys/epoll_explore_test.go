//go:build ddcfault && explore

package sys

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// epollCalls are the system calls of one program, of Linux or of the model.
type epollCalls struct {
	eventfd func() (int, error)
	create  func() (int, error)
	control func(epoll, op, number int) error
	wait    func(epoll int, most int) (int, error)
	dup     func(number int) (int, error)
	write   func(number int, buf []byte) (int, error)
	close   func(number int) error
}

// what the program saw, call by call.
func (c epollCalls) run(t *testing.T) (seen []any) {
	t.Helper()
	file, err := c.eventfd()
	require.NoError(t, err)
	copied, err := c.dup(file)
	require.NoError(t, err)
	epoll, err := c.create()
	require.NoError(t, err)
	note := func(v ...any) { seen = append(seen, v...) }
	one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	write := func(number int) {
		_, err := c.write(number, one)
		require.NoError(t, err)
	}
	wait := func(most int) {
		n, err := c.wait(epoll, most)
		require.NoError(t, err)
		note(n)
	}
	note(c.control(epoll, unix.EPOLL_CTL_DEL, file))
	note(c.control(epoll, unix.EPOLL_CTL_ADD, file), c.control(epoll, unix.EPOLL_CTL_ADD, file))
	note(c.control(epoll, unix.EPOLL_CTL_ADD, copied)) // the same open file by another number
	write(file)
	wait(8) // both
	write(copied)
	wait(8)
	note(c.control(epoll, unix.EPOLL_CTL_DEL, file), c.control(epoll, unix.EPOLL_CTL_DEL, file))
	write(file)
	wait(8) // the copy
	note(c.control(epoll, unix.EPOLL_CTL_ADD, file))
	wait(8) // what was there before
	for _, number := range []int{copied, file, epoll} {
		require.NoError(t, c.close(number))
	}
	return seen
}

// The model of epoll answers as Linux does: a second registration is refused,
// and what is registered is an open file by a number.
func TestModelOfEpollAnswersAsLinuxDoes(t *testing.T) {
	real := epollCalls{
		eventfd: func() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) },
		create:  func() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) },
		control: func(epoll, op, number int) error {
			return unix.EpollCtl(epoll, op, number, &unix.EpollEvent{Events: unix.EPOLLIN | 1<<31, Fd: int32(number)})
		},
		wait: func(epoll, most int) (int, error) {
			return unix.EpollWait(epoll, make([]unix.EpollEvent, most), 0)
		},
		dup:   func(number int) (int, error) { return unix.FcntlInt(uintptr(number), unix.F_DUPFD_CLOEXEC, 0) },
		write: unix.Write, close: unix.Close,
	}
	NewKernel(&RealLimits)
	defer NewKernel(nil)
	model := epollCalls{
		eventfd: makeEventfd, create: epollCreate,
		control: func(epoll, op, number int) error {
			if err := epollControl(epoll, op, number, uint64(number)); err != nil {
				return err
			}
			return nil
		},
		wait:  func(epoll, most int) (int, error) { return epollWait(epoll, make([]uint64, most)) },
		dup:   func(number int) (int, error) { return kernelOf(number).dup(number) },
		write: write, close: closeNumber,
	}
	want := real.run(t)
	assert.Contains(t, want, error(unix.EEXIST))
	assert.Equal(t, want, model.run(t))
}

//go:build !explore

package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// The system calls of wakers, as they are. calls_explore.go has models of them.

func makeEventfd() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) }

func makePipe() (fds [2]int, err error) {
	err = unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
	return fds, err
}

func makeSocketpair() ([2]int, error) {
	return unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
}

func dup(f *os.File, from int) (int, error) { return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, from) }

func closeNumber(number int) error { return unix.Close(number) }

func pollFDs(fds []unix.PollFd, timeout int) (int, error) { return unix.Poll(fds, timeout) }

func read(number int, buf []byte) (int, error)  { return unix.Read(number, buf) }
func write(number int, buf []byte) (int, error) { return unix.Write(number, buf) }

func readNow(number int, buf []byte) (int, error) {
	return unix.Preadv2(number, [][]byte{buf}, -1, unix.RWF_NOWAIT)
}

func writeNow(number int, buf []byte) (int, error) {
	return unix.Pwritev2(number, [][]byte{buf}, -1, unix.RWF_NOWAIT)
}

func send(number int, buf []byte) (int, error) {
	return unix.SendmsgN(number, buf, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// modelMemfd and modelMemory are nil: there are no models here.
func modelMemfd(string, int64) *os.File { return nil }
func modelMemory(*os.File) []byte       { return nil }

func mmap(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func unmap(memory []byte) error { return unix.Munmap(memory) }

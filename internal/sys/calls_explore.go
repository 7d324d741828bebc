//go:build explore

package sys

import (
	"os"

	"golang.org/x/sys/unix"

	"ddc/internal/step"
)

// The system calls of wakers, of descriptors that a model made. All others are
// as they are.

func dup(f *os.File, from int) (int, error) {
	if k := kernelOf(int(f.Fd())); k != nil {
		return k.dup(int(f.Fd()))
	}
	return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, from)
}

func makeEventfd() (int, error) {
	if k := kernel; k != nil {
		e := &eventfd{most: k.limits.Eventfd}
		return k.open(e, e), nil
	}
	return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
}

func makePipe() (fds [2]int, err error) {
	if k := kernel; k != nil {
		q := &queue{most: k.limits.Pipe}
		return [2]int{k.open(q, nil), k.open(nil, q)}, nil
	}
	err = unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK)
	return fds, err
}

func makeSocketpair() ([2]int, error) {
	if k := kernel; k != nil {
		a, b := &queue{most: k.limits.Socket}, &queue{most: k.limits.Socket}
		return [2]int{k.open(a, b), k.open(b, a)}, nil
	}
	return unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
}

func closeNumber(number int) error {
	if k := kernelOf(number); k != nil {
		return k.close(number)
	}
	return unix.Close(number)
}

func pollFDs(fds []unix.PollFd, timeout int) (int, error) {
	if k := kernelOf(int(fds[0].Fd)); k != nil {
		return k.poll(&fds[0], timeout)
	}
	return unix.Poll(fds, timeout)
}

func read(number int, buf []byte) (int, error) {
	if k := kernelOf(number); k != nil {
		return k.read(number, buf)
	}
	return unix.Read(number, buf)
}

func write(number int, buf []byte) (int, error) {
	if k := kernelOf(number); k != nil {
		return k.write(number, buf)
	}
	return unix.Write(number, buf)
}

func readNow(number int, buf []byte) (int, error) {
	if k := kernelOf(number); k != nil {
		return k.read(number, buf)
	}
	return unix.Preadv2(number, [][]byte{buf}, -1, unix.RWF_NOWAIT)
}

func writeNow(number int, buf []byte) (int, error) {
	if k := kernelOf(number); k != nil {
		return k.write(number, buf)
	}
	return unix.Pwritev2(number, [][]byte{buf}, -1, unix.RWF_NOWAIT)
}

func send(number int, buf []byte) (int, error) {
	if k := kernelOf(number); k != nil {
		return k.write(number, buf)
	}
	return unix.SendmsgN(number, buf, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// modelMemfd makes a file whose memory is at the same place for all who map it,
// so that a word is one object whoever names it.
func modelMemfd(name string, size int64) *os.File {
	k := kernel
	if k == nil {
		return nil
	}
	number := k.open(nil, nil)
	k.files[number].memory = make([]byte, size)
	k.mapped = append(k.mapped, newMapping(k.files[number].memory))
	return os.NewFile(uintptr(number), name)
}

func modelMemory(f *os.File) []byte {
	k := kernelOf(int(f.Fd()))
	if k == nil || k.files[int(f.Fd())] == nil {
		return nil
	}
	return k.files[int(f.Fd())].memory
}

func mmap(f *os.File, size int) ([]byte, error) {
	memory := modelMemory(f)
	if memory == nil {
		return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if e := step.Running(); e != nil {
		kernel.mappingOf(addressOf(memory)).view(e.Process()).times++
	}
	return memory[:size], nil
}

func unmap(memory []byte) error {
	if k := kernel; k != nil {
		if m := k.mappingOf(addressOf(memory)); m != nil {
			k.unmap(m)
			return nil
		}
	}
	return unix.Munmap(memory)
}

// outcome is how a system call ended.
type outcome int

const (
	went outcome = iota
	interrupted
	failed
)

// call makes a system call a step, and says how it ended. ready says when a
// call that sleeps would return, nil for one that does not sleep.
func call(verb string, object any, write bool, ready func() bool, also ...step.Use) outcome {
	e := step.Running()
	if e == nil {
		return went
	}
	rare := uint8(0)
	if e.Interrupts() {
		rare |= 1 << interrupted
	}
	fails := ready != nil && verb != "futex woken"
	return kernel.settle(outcome(e.Do(step.Op{Verb: verb, Object: object, Write: write, Also: also, Rare: ^uint8(1), Ready: func() uint8 {
		now := rare
		if fails {
			now |= kernel.mayFail()
		}
		if ready == nil || ready() {
			now |= 1 << went
		}
		return now
	}})))
}

func did(before, after uint64) {
	if e := step.Running(); e != nil {
		e.Did(before, after)
	}
}

//go:build explore

package sys

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"

	"ddc/internal/step"
)

// Limits are how much fits into the kernel's models.
type Limits struct {
	// Eventfd is the largest count, Pipe the bytes in a pipe, Socket the
	// one-byte sends that a socket takes unread.
	Eventfd      uint64
	Pipe, Socket int
}

// RealLimits are those of Linux with its defaults.
var RealLimits = Limits{Eventfd: 1<<64 - 2, Pipe: 65536, Socket: 278}

// Kernel is a model of the kernel's objects that wakers use. Each system call
// on one is a step.
type Kernel struct {
	limits  Limits
	next    int
	files   map[int]*file
	sleeper map[futexKey]*futexQueue
	mapped  []*mapping
	// arrived are told of every stream that something came into.
	arrived []func(stream)
	// failures is how many sleeps may yet fail.
	failures int
}

// FailSleeps lets n system calls that sleep fail from here on, whichever they
// are.
func FailSleeps(n int) { kernel.failures = n }

// mayFail is the alternative of failing, where there is one.
func (k *Kernel) mayFail() uint8 {
	if k.failures == 0 {
		return 0
	}
	return 1 << failed
}

// settle counts what has failed.
func (k *Kernel) settle(o outcome) outcome {
	if o == failed {
		k.failures--
	}
	return o
}

// kernel is nil unless an exploration runs. It changes only while none of its
// tasks does.
var kernel *Kernel

// NewKernel makes a kernel without objects, whose calls take the place of the
// real one's for what is made from here on. A nil limits takes the model out.
func NewKernel(limits *Limits) {
	kernel = nil
	if limits != nil {
		kernel = &Kernel{limits: *limits, next: modelled, files: map[int]*file{}, sleeper: map[futexKey]*futexQueue{}}
	}
}

// modelled is the first number of a descriptor that is a model's. No real one
// gets so high.
const modelled = 1 << 26

// kernelOf is the model that a descriptor belongs to, or nil.
func kernelOf(number int) *Kernel {
	if number < modelled {
		return nil
	}
	if kernel == nil {
		return gone
	}
	return kernel
}

// gone answers for descriptors of an exploration that is over.
var gone = &Kernel{}

// file is what a descriptor refers to: something to read, something to write,
// or both.
type file struct {
	source, sink stream
	uses         int
	memory       []byte // of a memfd
}

// stream is what can be read from one end and written to at another.
type stream interface {
	// take reads all that fits into buf, 0 for nothing there.
	take(buf []byte) (n int)
	// put writes all of buf, or nothing, 0, where there is no room.
	put(buf []byte) (n int)
	// level is what is in it; room is whether a byte more fits.
	level() uint64
	room() bool
	// ends counts what may still read and write.
	ends() *[2]int
}

func (k *Kernel) open(source, sink stream) int {
	number := k.next
	k.next++
	k.files[number] = &file{source: source, sink: sink, uses: 1}
	for i, s := range []stream{source, sink} {
		if s != nil {
			s.ends()[i]++
		}
	}
	return number
}

func (k *Kernel) dup(number int) (int, error) {
	f := k.files[number]
	if f == nil {
		return 0, unix.EBADF
	}
	f.uses++
	k.files[k.next] = f
	k.next++
	return k.next - 1, nil
}

func (k *Kernel) close(number int) error {
	f := k.files[number]
	if f == nil {
		return unix.EBADF
	}
	delete(k.files, number)
	if f.memory != nil {
		return nil
	}
	call("close", f.any(), true, nil)
	if f.uses--; f.uses == 0 {
		for i, s := range []stream{f.source, f.sink} {
			if s != nil {
				s.ends()[i]--
			}
		}
	}
	return nil
}

// any is the stream that stands for the file where either could.
func (f *file) any() stream {
	if f.source != nil {
		return f.source
	}
	return f.sink
}

func (k *Kernel) poll(fd *unix.PollFd, timeout int) (int, error) {
	f := k.files[int(fd.Fd)]
	if f == nil {
		fd.Revents = unix.POLLNVAL
		return 1, nil
	}
	s, look := f.source, func() int16 {
		switch {
		case f.source.level() > 0:
			return unix.POLLIN
		case f.source.ends()[1] == 0:
			return unix.POLLHUP
		}
		return 0
	}
	if fd.Events&unix.POLLOUT != 0 {
		s, look = f.sink, func() int16 {
			if f.sink.room() {
				return unix.POLLOUT
			}
			return 0
		}
	}
	verb, ready := "poll", func() bool { return look() != 0 }
	if timeout == 0 {
		verb, ready = "poll now", nil
	}
	switch call(verb, s, false, ready) {
	case interrupted:
		return 0, unix.EINTR
	case failed:
		return 0, unix.ENOMEM
	}
	did(s.level(), s.level())
	fd.Revents = look()
	if fd.Revents == 0 {
		return 0, nil
	}
	return 1, nil
}

func (k *Kernel) read(number int, buf []byte) (int, error) {
	f := k.files[number]
	if f == nil || f.source == nil {
		return 0, unix.EBADF
	}
	if call("read", f.source, true, nil) == interrupted {
		return 0, unix.EINTR
	}
	before := f.source.level()
	n := f.source.take(buf)
	did(before, f.source.level())
	if n == 0 && f.source.ends()[1] > 0 {
		return 0, unix.EAGAIN
	}
	return n, nil
}

func (k *Kernel) write(number int, buf []byte) (int, error) {
	f := k.files[number]
	if f == nil || f.sink == nil {
		return 0, unix.EBADF
	}
	// What a stream's arrival does to an epoll instance depends on who watches
	// by then: all such steps count as dependent.
	var also []step.Use
	if len(k.arrived) > 0 {
		also = []step.Use{{Object: k, Write: true}}
	}
	if call("write", f.sink, true, nil, also...) == interrupted {
		return 0, unix.EINTR
	}
	if f.sink.ends()[0] == 0 {
		return 0, unix.EPIPE
	}
	before := f.sink.level()
	n := f.sink.put(buf)
	did(before, f.sink.level())
	if n > 0 {
		for _, tell := range k.arrived {
			tell(f.sink)
		}
	}
	if n == 0 {
		return 0, unix.EAGAIN
	}
	return n, nil
}

// eventfd is a counter.
type eventfd struct {
	count, most uint64
	users       [2]int
}

func (e *eventfd) level() uint64 { return e.count }
func (e *eventfd) room() bool    { return e.count < e.most }
func (e *eventfd) ends() *[2]int { return &e.users }

func (e *eventfd) take(buf []byte) int {
	if e.count == 0 || len(buf) < 8 {
		return 0
	}
	binary.NativeEndian.PutUint64(buf, e.count)
	e.count = 0
	return 8
}

func (e *eventfd) put(buf []byte) int {
	add := binary.NativeEndian.Uint64(buf)
	if e.count > e.most-add {
		return 0
	}
	e.count += add
	return 8
}

// queue is a pipe, or one direction of a socket pair. It counts bytes
// and does not keep them.
type queue struct {
	bytes, most int
	users       [2]int
}

func (q *queue) level() uint64 { return uint64(q.bytes) }
func (q *queue) room() bool    { return q.bytes < q.most }
func (q *queue) ends() *[2]int { return &q.users }

func (q *queue) take(buf []byte) int {
	n := min(q.bytes, len(buf))
	q.bytes -= n
	return n
}

func (q *queue) put(buf []byte) int {
	n := min(q.most-q.bytes, len(buf))
	q.bytes += n
	return n
}

// futexKey is what the kernel tells futexes apart by: the private operations by
// process too.
type futexKey struct {
	word    *step.Uint32
	process int
}

// futexQueue is who sleeps on a futex, the first one first.
type futexQueue struct{ asleep []*futexSleeper }

type futexSleeper struct {
	woken bool
	lives func() bool
}

// processPrivate is FUTEX_PRIVATE_FLAG.
const processPrivate = 128

func (k *Kernel) futex(word *step.Uint32, op uintptr) *futexQueue {
	key := futexKey{word: word, process: -1}
	if e := step.Running(); e != nil && op&processPrivate != 0 {
		key.process = e.Process()
	}
	q := k.sleeper[key]
	if q == nil {
		q = new(futexQueue)
		k.sleeper[key] = q
	}
	return q
}

func futexSleep(word *step.Uint32, op uintptr, expected uint32) unix.Errno {
	e := step.Running()
	if e == nil || kernel == nil {
		return unix.EAGAIN
	}
	q := kernel.futex(word, op)
	// The kernel compares and queues the sleeper in one step.
	fails := kernel.mayFail()
	o := e.Do(step.Op{Verb: "futex wait", Object: q, Write: true, Also: []step.Use{{Object: word}}, Rare: fails,
		Ready: func() uint8 { return 1<<went | kernel.mayFail()&fails }})
	if kernel.settle(outcome(o)) == failed {
		return unix.ENOMEM
	}
	now := word.Peek()
	e.Did(uint64(now), uint64(now))
	if now != expected {
		return unix.EAGAIN
	}
	me := &futexSleeper{lives: e.Lives()}
	q.asleep = append(q.asleep, me)
	// A wait without a time limit goes on after a signal whose handler has
	// SA_RESTART, as all of Go's have. It may return for no reason, though.
	if call("futex woken", q, true, func() bool { return me.woken }) == interrupted {
		q.asleep = slices.DeleteFunc(q.asleep, func(s *futexSleeper) bool { return s == me })
		return 0
	}
	did(uint64(len(q.asleep)), uint64(len(q.asleep)))
	return 0
}

func futexRouse(word *step.Uint32, op uintptr, n int) (int, unix.Errno) {
	e := step.Running()
	if e == nil || kernel == nil {
		return 0, 0
	}
	q := kernel.futex(word, op)
	e.Do(step.Op{Verb: "futex wake", Object: q, Write: true})
	woken, before := 0, len(q.asleep)
	for len(q.asleep) > 0 && woken < n {
		if q.asleep[0].lives() {
			q.asleep[0].woken = true
			woken++
		}
		q.asleep = q.asleep[1:]
	}
	e.Did(uint64(before), uint64(len(q.asleep)))
	return woken, 0
}

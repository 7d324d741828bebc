//go:build ddcfault && explore

package sys

import (
	"slices"

	"golang.org/x/sys/unix"
)

// epollModel is an edge-triggered epoll instance. Every byte that comes into a
// stream queues what watches it, also where the stream held some before; a wait
// takes from the queue what can still be read. So it is in fs/eventpoll.c:
// whoever takes an event and does not read to the end is not told again of what
// was there.
type epollModel struct {
	watched []*watch
	queued  []*watch
}

// watch is what epoll knows of a descriptor. It tells two apart by the open
// file and the number: a copy with another number is watched by itself.
type watch struct {
	file   *file
	number int
	key    uint64
}

var _ stream = (*epollModel)(nil)

func (m *epollModel) take([]byte) int { return 0 }
func (m *epollModel) put([]byte) int  { return 0 }
func (m *epollModel) level() uint64   { return uint64(len(m.queued)) }
func (m *epollModel) room() bool      { return false }
func (m *epollModel) ends() *[2]int   { return new([2]int) }

func (m *epollModel) queue(w *watch) {
	if !slices.Contains(m.queued, w) {
		m.queued = append(m.queued, w)
	}
}

func (m *epollModel) ready() bool {
	return slices.ContainsFunc(m.queued, func(w *watch) bool { return w.file.source.level() > 0 })
}

func epollCreate() (int, error) {
	if kernel == nil {
		return 0, unix.ENOSYS
	}
	m := new(epollModel)
	kernel.arrived = append(kernel.arrived, func(s stream) {
		for _, w := range m.watched {
			if w.file.source == s {
				m.queue(w)
			}
		}
	})
	return kernel.open(m, nil), nil
}

// The model lives as long as the kernel: an instance that is closed is watched
// by nobody. So is a file that is closed, and then nothing comes into it any
// more; a number is never used twice.

func epollControl(epoll, op, number int, key uint64) error {
	k := kernelOf(epoll)
	if k == nil || k.files[epoll] == nil || k.files[number] == nil {
		return unix.EBADF
	}
	m, f := k.files[epoll].source.(*epollModel), k.files[number]
	call("epoll ctl", k, true, nil)
	same := func(w *watch) bool { return w.file == f && w.number == number }
	known := slices.ContainsFunc(m.watched, same)
	switch {
	case op == unix.EPOLL_CTL_DEL && !known:
		return unix.ENOENT
	case op == unix.EPOLL_CTL_DEL:
		m.watched, m.queued = slices.DeleteFunc(m.watched, same), slices.DeleteFunc(m.queued, same)
		return nil
	case known:
		return unix.EEXIST
	}
	w := &watch{file: f, number: number, key: key}
	m.watched = append(m.watched, w)
	if f.source.level() > 0 {
		m.queue(w)
	}
	return nil
}

func epollWait(epoll int, keys []uint64) (int, error) {
	k := kernelOf(epoll)
	if k == nil || k.files[epoll] == nil {
		return 0, unix.EBADF
	}
	m := k.files[epoll].source.(*epollModel)
	switch call("epoll wait", k, true, m.ready) {
	case interrupted:
		return 0, unix.EINTR
	case failed:
		return 0, unix.ENOMEM
	}
	n := 0
	for len(m.queued) > 0 && n < len(keys) {
		if w := m.queued[0]; w.file.source.level() > 0 {
			keys[n] = w.key
			n++
		}
		m.queued = m.queued[1:]
	}
	did(uint64(n), uint64(len(m.queued)))
	return n, nil
}

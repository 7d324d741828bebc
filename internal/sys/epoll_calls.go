//go:build ddcfault && !explore

package sys

import "golang.org/x/sys/unix"

// The system calls of an event loop, as they are.

func epollCreate() (int, error) { return unix.EpollCreate1(unix.EPOLL_CLOEXEC) }

// The key travels in the two halves of the event's data.
func epollControl(epoll, op, number int, key uint64) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(uint32(key)), Pad: int32(uint32(key >> 32))}
	return unix.EpollCtl(epoll, op, number, &event)
}

func epollWait(epoll int, keys []uint64) (int, error) {
	events := make([]unix.EpollEvent, len(keys))
	n, err := unix.EpollWait(epoll, events, -1)
	for i := range max(n, 0) {
		keys[i] = uint64(uint32(events[i].Fd)) | uint64(uint32(events[i].Pad))<<32
	}
	return n, err
}

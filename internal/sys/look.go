package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"ddc/internal/proc"
)

// What those need who look at processes from outside, and change nothing.

// Monotonic is the machine's monotonic clock (CLOCK_MONOTONIC), in nanoseconds.
func Monotonic() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // this clock is always there
	return t.Nano()
}

// ObjectID is a number that names the kernel object behind a descriptor, the
// same in every process that has it: of a pipe or a socket the inode, of an
// eventfd the counter's own number. 0 says that it has none, or that nobody can
// tell.
func ObjectID(f *os.File) uint64 {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	var id uint64
	_ = conn.Control(func(fd uintptr) {
		if n, _, ok := proc.Eventfd(proc.Self, fd); ok {
			id = n
			return
		}
		var stat unix.Stat_t
		if unix.Fstat(int(fd), &stat) == nil && (stat.Mode&unix.S_IFMT == unix.S_IFIFO || stat.Mode&unix.S_IFMT == unix.S_IFSOCK) {
			id = stat.Ino
		}
	})
	return id
}

// ShareMemory says whether two processes have one address space, as a process
// that was just started has its parent's, and that runs no program of its own
// yet (vfork). False also where the kernel does not tell: kcmp(2) may be left
// out of it, or refused.
func ShareMemory(one, other int) bool {
	const addressSpaces = 1 // KCMP_VM
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(one), uintptr(other), addressSpaces, 0, 0, 0)
	return errno == 0 && order == 0
}

// Unread is the number of bytes that wait in the pipe or socket that is a
// descriptor of another process. It needs the right to trace that process.
func Unread(pid, fd int) (int, error) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, fmt.Errorf("open process %d: %w", pid, err)
	}
	defer unix.Close(process) //nolint:errcheck // it was only looked through
	copied, err := unix.PidfdGetfd(process, fd, 0)
	if err != nil {
		return 0, fmt.Errorf("borrow descriptor %d of process %d: %w", fd, pid, err)
	}
	defer unix.Close(copied) //nolint:errcheck // the same
	n, err := unix.IoctlGetInt(copied, unix.TIOCINQ)
	if err != nil {
		return 0, fmt.Errorf("unread bytes of descriptor %d of process %d: %w", fd, pid, err)
	}
	return n, nil
}

// MapToRead maps size bytes of f for reading, shared with those who write them.
// A file that could shrink would take the memory away under the reader: it is
// copied instead, as it is now.
func MapToRead(f *os.File, size int) ([]byte, error) {
	if seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0); err == nil && seals&unix.F_SEAL_SHRINK != 0 {
		memory, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return nil, fmt.Errorf("map %d bytes of %s: %w", size, f.Name(), err)
		}
		return memory, nil
	}
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("take %d bytes for a copy of %s: %w", size, f.Name(), err)
	}
	if err := copyData(f, memory); err != nil {
		return nil, errors.Join(fmt.Errorf("copy %s: %w", f.Name(), err), Unmap(memory))
	}
	return memory, nil
}

// copyData copies a file but for its holes, which stay zero.
func copyData(f *os.File, into []byte) error {
	for at := int64(0); at < int64(len(into)); {
		from, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // nothing but a hole
		}
		if err != nil {
			return err
		}
		to, err := f.Seek(from, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		to = min(to, int64(len(into)))
		if from >= to {
			return nil
		}
		if _, err := f.ReadAt(into[from:to], from); err != nil {
			return err
		}
		at = to
	}
	return nil
}

package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Eventfd makes an event counter. Reading returns the whole count and zeroes
// it.
func Eventfd() (*os.File, error) {
	fd, err := makeEventfd()
	if err != nil {
		return nil, fmt.Errorf("make eventfd: %w", err)
	}
	return os.NewFile(uintptr(fd), "eventfd"), nil
}

// Pipe makes a pipe: what is written to w is read from r.
func Pipe() (r, w *os.File, err error) {
	fds, err := makePipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make pipe: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "pipe read end"), os.NewFile(uintptr(fds[1]), "pipe write end"), nil
}

// Socketpair makes two connected stream sockets.
func Socketpair() (a, b *os.File, err error) {
	fds, err := makeSocketpair()
	if err != nil {
		return nil, nil, fmt.Errorf("make socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "socketpair end"), os.NewFile(uintptr(fds[1]), "socketpair other end"), nil
}

// Memfd makes a file of size bytes that lives in memory and has no name. It can
// neither shrink nor grow afterwards, so a peer that holds it cannot cut the
// memory away under a reader.
func Memfd(name string, size int64) (*os.File, error) {
	if f := modelMemfd(name, size); f != nil {
		return f, nil
	}
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make memfd: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := unix.Ftruncate(fd, size); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("size memfd to %d bytes: %w", size, err)
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("seal memfd: %w", err)
	}
	return f, nil
}

// Dup makes a second file for what f refers to. f stays the caller's.
func Dup(f *os.File) (*os.File, error) {
	number, err := dup(f, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicate %s: %w", f.Name(), err)
	}
	return os.NewFile(uintptr(number), f.Name()), nil
}

// Inherited takes over a descriptor that this process was started with. It will
// not be inherited further, and where it can block it goes through the poller.
func Inherited(number int, name string) (*os.File, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(number, &stat); err != nil {
		return nil, fmt.Errorf("inherit %s as descriptor %d: %w", name, number, err)
	}
	unix.CloseOnExec(number)
	// Blocking files are no files for the poller. The flag belongs to the open
	// file, which the other process shares; all that share it expect it set.
	if err := unix.SetNonblock(number, true); err != nil {
		return nil, fmt.Errorf("inherit %s as descriptor %d: %w", name, number, err)
	}
	return os.NewFile(uintptr(number), name), nil
}

// CheckSealed returns the size of a memfd that cannot shrink, and an error for
// any other file.
func CheckSealed(f *os.File) (int64, error) {
	if memory := modelMemory(f); memory != nil {
		return int64(len(memory)), nil
	}
	seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	if err != nil {
		return 0, fmt.Errorf("read seals of %s: %w (it is no memfd)", f.Name(), err)
	}
	if seals&unix.F_SEAL_SHRINK == 0 {
		return 0, fmt.Errorf("%s is not sealed against shrinking", f.Name())
	}
	stat, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("size of %s: %w", f.Name(), err)
	}
	return stat.Size(), nil
}

// Map maps size bytes of f, shared with everyone who maps it.
func Map(f *os.File, size int) ([]byte, error) {
	memory, err := mmap(f, size)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of %s: %w", size, f.Name(), err)
	}
	return memory, nil
}

// Unmap undoes Map. Nobody may hold a pointer into memory any more.
func Unmap(memory []byte) error {
	if err := unmap(memory); err != nil {
		return fmt.Errorf("unmap: %w", err)
	}
	return nil
}

// TerminalWidth is the number of columns of the terminal that f is, or 0 if it
// is none.
func TerminalWidth(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return max(int(size.Col), 1)
}

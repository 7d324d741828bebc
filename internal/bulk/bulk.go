// Package bulk moves contents of any size from and to files.
//
//	n, err := bulk.Copy(ctx, hash, file)
//	n, err := bulk.CopyFile(ctx, to, from)
//	sum, err := bulk.Digest(ctx, file, sha256.New())
//
// All is done in pieces of a MiB at most, and the context is looked at between
// two. That is also what lets the process end: the kernel takes no thread out
// of a system call that copies gigabytes.
package bulk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// bufferSize is what is read at once.
	bufferSize = 256 << 10
	// piece is what one system call copies or writes.
	piece = 1 << 20
)

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Copy copies until there is no more, and gives the number of bytes. The error
// is that of ctx once that is done.
func Copy(ctx context.Context, to io.Writer, from io.Reader) (n int64, err error) {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	for {
		if err := context.Cause(ctx); err != nil {
			return n, err
		}
		read, err := from.Read(buffer[:])
		if read > 0 {
			written, failed := to.Write(buffer[:read])
			n += int64(written)
			if failed != nil {
				return n, failed
			}
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Write writes data as Copy does.
func Write(ctx context.Context, to io.Writer, data []byte) (n int64, err error) {
	for len(data) > 0 {
		if err := context.Cause(ctx); err != nil {
			return n, err
		}
		written, err := to.Write(data[:min(piece, len(data))])
		n += int64(written)
		if err != nil {
			return n, err
		}
		data = data[written:]
	}
	return n, nil
}

// NoRoom is the error of a file that would fill its file system. It is ENOSPC
// too.
type NoRoom struct {
	// Needed is how many bytes the file takes, and Free how many there are.
	Needed, Free int64
}

func (e *NoRoom) Error() string {
	return fmt.Sprintf("it takes %d MB, and there is room for %d MB: %v", e.Needed/1e6, e.Free/1e6, syscall.ENOSPC)
}

func (e *NoRoom) Unwrap() error { return syscall.ENOSPC }

// CopyFile copies a regular file into one that is empty. Where the file system
// can share the bytes, it does; else holes stay holes, and a file with more
// data than there is room for is a *NoRoom, of which nothing is written. What
// is appended meanwhile is left out.
func CopyFile(ctx context.Context, to, from *os.File) (n int64, err error) {
	info, err := from.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	if size > 0 && unix.IoctlFileClone(int(to.Fd()), int(from.Fd())) == nil {
		return size, nil
	}
	needed := int64(0)
	count := func(part extent) error { needed += part.to - part.from; return nil }
	if err := eachExtent(ctx, from, size, count); err != nil {
		return 0, err
	}
	if err := roomFor(to, needed); err != nil {
		return 0, err
	}
	err = eachExtent(ctx, from, size, func(part extent) error { return copyPart(ctx, to, from, part) })
	if errors.Is(err, errShorter) {
		return to.Seek(0, io.SeekCurrent)
	}
	if err != nil {
		return 0, err
	}
	return size, to.Truncate(size)
}

// extent is a part of a file that has data.
type extent struct{ from, to int64 }

// eachExtent visits the parts of a file that are no holes, in order. None are
// kept, since a file may have millions. A file system that does not tell has
// one.
func eachExtent(ctx context.Context, f *os.File, size int64, visit func(extent) error) error {
	for at := int64(0); at < size; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // a hole to the end
		}
		if err != nil {
			return visit(extent{at, size})
		}
		hole, err := unix.Seek(int(f.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			hole = size
		}
		if err := visit(extent{min(data, size), min(hole, size)}); err != nil {
			return err
		}
		at = hole
	}
	return nil
}

// roomFor says whether so many bytes fit. What belongs to root alone counts as
// free: who cannot use it is told by the write.
func roomFor(to *os.File, needed int64) error {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(to.Fd()), &s); err != nil || s.Blocks == 0 {
		return nil // it does not say
	}
	if free := int64(s.Bfree) * s.Bsize; needed > free {
		return &NoRoom{needed, free}
	}
	return nil
}

// errShorter says that a file has become shorter since it was looked at.
var errShorter = errors.New("the file has become shorter")

// copyPart copies a part of a file to the same place of another.
func copyPart(ctx context.Context, to, from *os.File, part extent) error {
	for _, f := range []*os.File{to, from} {
		if _, err := f.Seek(part.from, io.SeekStart); err != nil {
			return err
		}
	}
	for left := part.to - part.from; left > 0; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := io.Copy(to, io.LimitReader(from, min(piece, left)))
		if err != nil {
			return err
		}
		if n == 0 {
			return errShorter
		}
		left -= n
	}
	return nil
}

// Capacity is how many bytes the file system of a path has in all, free or not.
// A path that is not there yet is taken for its folder. It says false where
// nobody knows.
func Capacity(path string) (bytes int64, ok bool) {
	for {
		var s unix.Statfs_t
		err := unix.Statfs(path, &s)
		switch parent := filepath.Dir(path); {
		case err == nil:
			return int64(s.Blocks) * s.Bsize, s.Blocks > 0
		case !errors.Is(err, fs.ErrNotExist) || parent == path:
			return 0, false
		default:
			path = parent
		}
	}
}

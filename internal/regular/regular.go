// Package regular opens files that somebody else may have put there.
package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrOther is wrapped by the error of Open for what is no regular file.
var ErrOther = errors.New("not a regular file")

// Open opens a regular file below root, and follows no link out of it. For
// anything else the error is ErrOther: a pipe would hold whoever opens it for
// ever, and a device may have no end. Flags and mode are those of
// [os.Root.OpenFile].
func Open(root *os.Root, name string, flags int, mode fs.FileMode) (*os.File, fs.FileInfo, error) {
	f, err := root.OpenFile(name, flags|syscall.O_NONBLOCK, mode)
	return regular(f, err, name)
}

// OpenPath opens a regular file for reading, wherever its path leads: for a
// path that was checked before. Else it is as Open.
func OpenPath(name string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	return regular(f, err, name)
}

// regular closes what is no regular file.
func regular(f *os.File, err error, name string) (*os.File, fs.FileInfo, error) {
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is %w", name, ErrOther)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

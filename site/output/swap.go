package output

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// swap makes fresh the folder at final and gives the path at which what was
// there is now, or nothing.
func swap(fresh, final string) (left string, err error) {
	err = unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, final, unix.RENAME_EXCHANGE)
	switch {
	case err == nil:
		return fresh, nil
	case errors.Is(err, unix.ENOENT): // nothing there yet
		return "", os.Rename(fresh, final)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP): // the file system can't exchange
		return swapInTwo(fresh, final)
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EXDEV):
		return "", fmt.Errorf("%s is a mount point (%w); build into a folder below it", final, err)
	default:
		return "", &os.LinkError{Op: "exchange", Old: fresh, New: final, Err: err}
	}
}

// replacedSuffix is what swapInTwo adds to the name of the new folder for that of the old one.
const replacedSuffix = ".old"

// swapInTwo leaves a moment in which there is no output. Whoever is killed in it leaves the rest to sweep.
func swapInTwo(fresh, final string) (left string, err error) {
	left = fresh + replacedSuffix
	if err := os.Rename(final, left); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, final); err != nil {
		return "", errors.Join(err, os.Rename(left, final))
	}
	return left, nil
}

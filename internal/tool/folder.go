package tool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"ddc/internal/heir"
)

const folderPattern = "ddc-tool-*"

// sweepOnce removes, once in a process, what killed ones left.
var sweepOnce = sync.OnceFunc(sweep)

// InFolder calls use with a new folder, as of NewFolder, and removes it
// afterwards.
func InFolder(use func(folder string) error) (err error) {
	folder, remove, err := NewFolder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	return use(folder)
}

// NewFolder makes a folder below the system's temporary one, and returns what
// removes it. The folder is locked for as long as it is in use: those of
// processes that were killed are unlocked, so the next process that needs one
// removes them.
func NewFolder() (folder string, remove func() error, err error) {
	sweepOnce()
	folder, lock, err := lockedFolder()
	if err != nil {
		return "", nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	// Removed first: unlocked and still there, it would be anybody's to sweep.
	return folder, func() error { return errors.Join(heir.Remove(folder), lock.Close()) }, nil
}

// lockedFolder tries again if a sweeping process came between making the folder
// and locking it.
func lockedFolder() (string, *os.File, error) {
	for {
		folder, err := os.MkdirTemp("", folderPattern)
		if err != nil {
			return "", nil, err
		}
		lock, err := tryLock(folder)
		if err != nil {
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.EWOULDBLOCK) {
				continue
			}
			os.Remove(folder)
			return "", nil, err
		}
		if _, err := os.Stat(folder); err != nil {
			lock.Close()
			continue
		}
		return folder, lock, nil
	}
}

func tryLock(folder string) (*os.File, error) {
	file, err := os.OpenFile(folder, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", folder, err)
	}
	return file, nil
}

func sweep() {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), folderPattern))
	if err != nil {
		return
	}
	for _, folder := range folders {
		if lock, err := tryLock(folder); err == nil {
			_ = heir.Remove(folder) // what cannot be removed is left to the next
			lock.Close()
		}
	}
}

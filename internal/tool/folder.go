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

// InFolder calls use with a new folder below the system's temporary one and removes it afterwards. The folder is locked for as long
// as it is in use: those of processes that were killed are unlocked, so the next process that needs one removes them.
func InFolder(use func(folder string) error) (err error) {
	sweepOnce()
	folder, lock, err := lockedFolder()
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() {
		// Removed first: unlocked and still there, it would be anybody's to sweep.
		err = errors.Join(err, heir.Remove(folder), lock.Close())
	}()
	return use(folder)
}

// lockedFolder tries again if a sweeping process came between making the folder and locking it.
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
			os.RemoveAll(folder)
			lock.Close()
		}
	}
}

package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// lockTime is how long the lock is waited for. It is held while a graph is
	// written, which takes a second for ten thousand pages.
	lockTime = 10 * time.Second
	// lockPause is the time between two tries: flock has no wait with an end.
	lockPause = 5 * time.Millisecond
	// partPrefix begins the names of files that are being written.
	partPrefix = "part-"
)

// lock takes the folder's lock. It is let go by what lock returns, and by the
// kernel when the process ends.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	f, err := s.fileAs("lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	wait, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	tick := time.NewTicker(lockPause)
	defer tick.Stop()
	for {
		err := try(f)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock the cache: %w", err)
		}
		select {
		case <-wait.Done():
			f.Close()
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("lock the cache: another process has held %s for %s", filepath.Join(s.root.Name(), "lock"), lockTime)
		case <-tick.C:
		}
	}
}

func try(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// markName is a process's ID, and what tells its marks apart.
var markName = regexp.MustCompile(`^[0-9]+-[0-9A-Z]+$`)

// mark says that this process has the folder open, until Close.
func (s *Store) mark() error {
	name := path.Join(openFolder, strconv.Itoa(os.Getpid())+"-"+rand.Text())
	f, err := s.create(name)
	if err != nil {
		return fmt.Errorf("mark the cache as open: %w", err)
	}
	if err := try(f); err != nil {
		return errors.Join(fmt.Errorf("mark the cache as open: %w", err), s.root.Remove(name), f.Close())
	}
	s.marker, s.marked = f, name
	return nil
}

// Sound says that this process has done its work with what it has read, so that
// this cannot have been what killed it, should it be killed now. A process that
// lives long says so, whose end need not cost the next one what is kept.
func (s *Store) Sound() error {
	if _, err := s.marker.WriteAt(sound, 0); err != nil {
		return fmt.Errorf("mark the cache as sound: %w", err)
	}
	return nil
}

// sound is what the mark of such a process says. Others say nothing.
var sound = []byte("sound\n")

// sweep removes what processes left behind that ended without Close: their
// marks and the files that they were writing. It says whether one may have died
// of what it read.
func (s *Store) sweep() (crashed bool, err error) {
	alive, dead, err := s.marks()
	if err != nil || len(dead) == 0 {
		return false, err
	}
	for _, path := range dead {
		text, _ := s.read(path, int64(len(sound)))
		crashed = crashed || !bytes.Equal(text, sound)
		if err := s.root.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, fmt.Errorf("clean the cache: %w", err)
		}
	}
	entries, err := s.entries(".")
	if err != nil {
		return false, fmt.Errorf("clean the cache: %w", err)
	}
	for _, part := range entries {
		rest, is := strings.CutPrefix(part.Name(), partPrefix)
		owner, _, _ := strings.Cut(rest, "-")
		if is && !lives(alive, owner) {
			_ = s.root.Remove(part.Name()) // it is in nobody's way
		}
	}
	return crashed, nil
}

// lives says whether one of the marks is a process's.
func lives(marks []string, pid string) bool {
	return slices.ContainsFunc(marks, func(m string) bool { return strings.HasPrefix(m, pid+"-") })
}

// others says whether somebody else has the folder open.
func (s *Store) others() (bool, error) {
	alive, _, err := s.marks()
	return slices.ContainsFunc(alive, func(m string) bool { return m != path.Base(s.marked) }), err
}

// marks looks whose marks are locked, and which ones nobody holds any more. The
// caller has the lock, so nobody is just making one.
func (s *Store) marks() (alive, dead []string, err error) {
	entries, err := s.entries(openFolder)
	if err != nil {
		return nil, nil, fmt.Errorf("read the cache: %w", err)
	}
	for _, mark := range entries {
		if !markName.MatchString(mark.Name()) || !mark.Type().IsRegular() {
			continue
		}
		path := path.Join(openFolder, mark.Name())
		f, err := s.file(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the cache: %w", err)
		}
		held := try(f) != nil
		f.Close()
		if held {
			alive = append(alive, mark.Name())
		} else {
			dead = append(dead, path)
		}
	}
	return alive, dead, nil
}

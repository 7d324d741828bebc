package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// pollEvery is how often sources are looked at where the kernel does not tell
// of changes.
const pollEvery = 500 * time.Millisecond

// watch notices that something among the sources may have changed, and where.
// A look at the files there finds out what has. So one event too many does no
// harm, and where events were lost, all files are looked at.
//
// Folders are watched, never files: an editor that saves a file under another
// name and renames it would take the watched one away.
type watch struct {
	events *fsnotify.Watcher // nil while polling
	said   func(string)
	silent func(folder string) string // immutable; see the function
	// alarm has room for one: an alarm that nobody has taken yet stands for all
	// that come meanwhile.
	alarm chan struct{}

	mu sync.Mutex
	// folders are those that have a watch, with the names in them that matter.
	folders map[string]map[string]bool
	// touched are the paths that events have named since anybody asked;
	// anywhere says that these are not all.
	touched  map[string]bool
	anywhere bool
}

// mostTouched bounds how many paths are remembered. To look at so many takes as
// long as to look at all.
const mostTouched = 1000

// newWatch begins to watch nothing. said gets a sentence if the kernel can't
// tell of changes.
func newWatch(poll bool, said func(string)) *watch {
	w := &watch{said: said, silent: silent, alarm: make(chan struct{}, 1), folders: map[string]map[string]bool{}}
	if poll {
		return w
	}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		said(exhausted(err))
		return w
	}
	w.events = events
	return w
}

// exhausted says why there is polling where the kernel has refused a watch.
func exhausted(err error) string {
	advice := ""
	switch {
	case errors.Is(err, syscall.ENOSPC):
		advice = "; sysctl fs.inotify.max_user_watches allows more"
	case errors.Is(err, syscall.EMFILE):
		advice = "; sysctl fs.inotify.max_user_instances, or ulimit -n, allows more"
	}
	return fmt.Sprintf("the kernel can't watch the site's folders (%v): looking for changes twice a second%s", err, advice)
}

// run rings the alarm until ctx ends.
func (w *watch) run(ctx context.Context) {
	for ctx.Err() == nil {
		if events := w.watcher(); events != nil {
			w.listen(ctx, events)
			continue
		}
		w.poll(ctx)
	}
}

// polls says whether alarms ring though nothing has happened.
func (w *watch) polls() bool { return w.watcher() == nil }

func (w *watch) watcher() *fsnotify.Watcher {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events
}

// listen takes events as fast as they come, so that the kernel's queue does not
// overflow while a build is under way. It ends when the watcher is closed.
func (w *watch) listen(ctx context.Context, events *fsnotify.Watcher) {
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-events.Events:
			if !open {
				return
			}
			if w.matters(e.Name) {
				w.ringAt(e.Name)
			}
		case _, open := <-events.Errors:
			if !open {
				return
			}
			w.ring() // events are lost: a look at all finds what they told of
		}
	}
}

func (w *watch) poll(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.ring()
		}
	}
}

// ring says that anything may have changed.
func (w *watch) ring() { w.ringAt("") }

// ringAt says that what stands at a path may have; "" is any.
func (w *watch) ringAt(path string) {
	w.mu.Lock()
	if path == "" || len(w.touched) >= mostTouched {
		w.anywhere, w.touched = true, nil
	} else if !w.anywhere {
		if w.touched == nil {
			w.touched = map[string]bool{}
		}
		w.touched[path] = true
	}
	w.mu.Unlock()
	select {
	case w.alarm <- struct{}{}:
	default:
	}
}

// drain adds what may have changed since the last time to places.
func (w *watch) drain(to *places) {
	w.mu.Lock()
	defer w.mu.Unlock()
	to.anywhere = to.anywhere || w.anywhere || w.events == nil
	maps.Copy(to.paths, w.touched)
	w.touched, w.anywhere = nil, false
}

// places are where something may have changed.
type places struct {
	paths    map[string]bool
	anywhere bool
}

// matters says whether an event of a path may be one of the sources. Output and
// caches that lie beside them are no matter.
func (w *watch) matters(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if names, known := w.folders[filepath.Dir(path)]; known && (names == nil || names[filepath.Base(path)]) {
		return true
	}
	_, itself := w.folders[path]
	return itself
}

// follow brings the watches in line with an inventory. More says that folders
// are watched that were not before: what was written in them until now has
// rung no alarm, so the caller takes another inventory.
//
// A folder that was renamed keeps its watch, under its old name. So those that
// are no more go first; and all others are added again, which costs one system
// call each and finds folders that were deleted and made anew.
func (w *watch) follow(ctx context.Context, folders map[string]map[string]bool) (more bool) {
	events := w.watcher()
	if events == nil {
		return false
	}
	w.mu.Lock()
	old := w.folders
	w.folders = folders
	w.mu.Unlock()
	for folder := range old {
		if _, still := folders[folder]; !still {
			_ = events.Remove(folder) // it may have gone, and its watch with it
		}
	}
	for folder := range folders {
		if ctx.Err() != nil {
			return false // the server ends
		}
		_, known := old[folder]
		if !known {
			if kind := w.silent(folder); kind != "" {
				w.fallBack(events, fmt.Sprintf("%s lies on a file system (%s) that does not tell of changes: looking for them twice a second", folder, kind))
				return false
			}
		}
		err := events.Add(folder)
		switch {
		case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, os.ErrPermission):
			continue // the folder above tells when it comes
		case err != nil:
			w.fallBack(events, exhausted(err))
			return false
		}
		more = more || !known
	}
	return more
}

// fallBack goes over to polling, and says why.
func (w *watch) fallBack(events *fsnotify.Watcher, why string) {
	w.said(why)
	w.mu.Lock()
	w.events = nil
	w.mu.Unlock()
	_ = events.Close() // it is of no more use
	w.ring()
}

func (w *watch) close() error {
	if events := w.watcher(); events != nil {
		return events.Close()
	}
	return nil
}

// silent names a file system whose changes may be made elsewhere, so that this
// kernel hears nothing of them; "" for any other.
func silent(folder string) string {
	var of syscall.Statfs_t
	if err := syscall.Statfs(folder, &of); err != nil {
		return ""
	}
	return map[int64]string{0x01021997: "9p", 0x6969: "nfs", 0xff534d42: "cifs", 0xfe534d42: "smb2", 0x65735546: "fuse", 0x786f4256: "vboxsf", 0x7c7c6673: "prl_fs"}[int64(of.Type)] //nolint:unconvert // of 32 bits on some machines
}

package serve

import (
	"testing"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/assert"

	"ddc/internal/await"
)

// The kernel's queue has an end. What was lost with it is found by a look at
// all, and so is what too many events have named.
func TestWhereEventsWereLostAllIsLookedAt(t *testing.T) {
	events := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
	w := &watch{events: events, alarm: make(chan struct{}, 1), folders: map[string]map[string]bool{"/site": nil}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.listen(t.Context(), events)
	}()
	heard := func() places {
		t.Helper()
		await.Value(t, "the alarm", w.alarm)
		p := places{paths: map[string]bool{}}
		w.drain(&p)
		return p
	}
	events.Events <- fsnotify.Event{Name: "/site/a.md", Op: fsnotify.Write}
	assert.Equal(t, places{paths: map[string]bool{"/site/a.md": true}}, heard())
	events.Errors <- fsnotify.ErrEventOverflow
	assert.True(t, heard().anywhere)
	for i := range mostTouched + 1 {
		w.ringAt(string(rune('a' + i)))
	}
	p := heard()
	assert.True(t, p.anywhere)
	assert.Empty(t, p.paths)
	w.ringAt("/site/b.md")
	assert.False(t, heard().anywhere, "it holds for what was lost, and no longer")
	close(events.Events)
	await.Value(t, "the end", ended)
}

// A site may lie on several file systems.
func TestFolderOfWhichTheKernelHearsNothingIsPolled(t *testing.T) {
	said := ""
	w := newWatch(false, func(what string) { said = what })
	w.silent = func(folder string) string { return map[string]string{"/dev": "nfs"}[folder] }
	w.follow(t.Context(), map[string]map[string]bool{"/proc": nil})
	assert.False(t, w.polls())
	w.follow(t.Context(), map[string]map[string]bool{"/proc": nil, "/dev": nil})
	assert.True(t, w.polls())
	assert.Contains(t, said, "/dev lies on a file system (nfs) that does not tell of changes")
}

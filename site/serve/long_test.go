package serve_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/site/serve"
)

// changesOf is how many changes a long test makes: DDC_CHANGES, or few.
func changesOf(t *testing.T) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("DDC_CHANGES")); err == nil {
		return n
	}
	if testing.Short() {
		return 30
	}
	return 100
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// alive is how many bytes of the heap are, after a collection.
func alive() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestNothingGrowsWithChangesAndPagesThatComeAndGo(t *testing.T) {
	s := start(t, serve.Options{}, "content/index.html", html("<p>0</p>"))
	stays := s.open("/")
	round := func(i int) {
		s.save("content/index.html", html(fmt.Sprintf("<p>%d</p>", i)))
		s.save(fmt.Sprintf("content/d%d/index.html", i%7), html("x"))
		stays.hears("the change", func(u update) bool { return len(u.Patches) > 0 && u.Patches[0].Value == strconv.Itoa(i) })
		visits := s.open("/")
		visits.hears("its first word", func(update) bool { return true })
		visits.close()
		for len(s.changes) > 0 {
			<-s.changes // else the server waits for room
		}
		remove(t, s.path(fmt.Sprintf("content/d%d", (i+3)%7)))
	}
	for i := range 10 {
		round(i + 1)
	}
	http.DefaultClient.CloseIdleConnections() // of which there may be some now or then
	goroutines, open, heap := runtime.NumGoroutine(), descriptors(t), alive()
	for i := range changesOf(t) {
		round(i + 11)
	}
	await.Until(t, "as few goroutines and descriptors as before", func() bool {
		http.DefaultClient.CloseIdleConnections()
		return runtime.NumGoroutine() <= goroutines+2 && descriptors(t) <= open+2 // a connection of the test's may come and go
	}, func() string { return fmt.Sprint(runtime.NumGoroutine(), goroutines, descriptors(t), open) })
	// Old versions of pages are remembered, within bounds: a hundred bytes of
	// each here.
	assert.Less(t, alive(), heap+4<<20+int64(changesOf(t))*500)
}

func TestServerEndsWithPagesOpenAndChangesUnderWay(t *testing.T) {
	for i := range 10 {
		s := start(t, serve.Options{}, "content/index.html", html("<p>0</p>"), "content/a/index.html", html("<p>0</p>"))
		var tabs []*tab
		for range 10 {
			tabs = append(tabs, s.open("/"), s.open("/a/"))
		}
		s.save("content/index.html", html("<script>x</script>")) // pages load themselves again, and close
		s.save("content/a/index.html", html("<p>1</p>"))
		if i%2 == 0 {
			tabs[0].hears("to load", reloaded)
		}
		s.stop()
		for _, tab := range tabs {
			var err error
			for err == nil {
				_, _, err = tab.c.Read(t.Context())
			}
			tab.close()
		}
	}
}

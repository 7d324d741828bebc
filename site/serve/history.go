package serve

import (
	"sync"

	"ddc/site"
)

const (
	// mostPages and mostFiles bound what is remembered, in bytes.
	mostPages = 64 << 20
	mostFiles = 128 << 20
)

// history remembers what browsers may still show: versions of pages, to find
// the patches from them; for each page its last good version; and the assets
// that open pages name. What was not asked for longest goes first.
type history struct {
	mu      sync.Mutex
	byHash  *recent[*page]
	lastOf  *recent[*page]
	assets  *recent[*site.File]
	viewers int
	gone    sync.WaitGroup // of viewers
}

func newHistory() *history {
	return &history{
		byHash: newRecent(mostPages, func(p *page) int { return len(p.html) }),
		lastOf: newRecent(mostPages, func(p *page) int { return len(p.html) }),
		assets: newRecent(mostFiles, func(f *site.File) int { return len(f.Data) }),
	}
}

// keep remembers a good version of a page.
func (h *history) keep(name, text string) *page {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, ok := h.lastOf.get(name); ok && last.html == text {
		h.byHash.put(last.hash, last)
		return last
	}
	p := newPage(text)
	h.byHash.put(p.hash, p)
	h.lastOf.put(name, p)
	return p
}

// draft remembers what a page is shown before its version is known.
func (h *history) draft(text string) *page {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := newPage(text)
	h.byHash.put(p.hash, p)
	return p
}

// good is the last good version of a page, or nil.
func (h *history) good(name string) *page {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, _ := h.lastOf.get(name)
	return p
}

// version is a page by its hash, or nil.
func (h *history) version(hash string) *page {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, _ := h.byHash.get(hash)
	return p
}

func (h *history) keepFile(name string, f *site.File) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.assets.put(name, f)
}

func (h *history) file(name string) (*site.File, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.assets.get(name)
}

// open counts an open page, unless there are too many.
func (h *history) open() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.viewers >= mostOpen {
		return false
	}
	h.viewers++
	h.gone.Add(1)
	return true
}

func (h *history) closed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers--
	h.gone.Done()
}

// wait waits for all open pages to be left.
func (h *history) wait() { h.gone.Wait() }

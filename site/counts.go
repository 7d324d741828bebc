package site

import (
	"maps"
	"sync"

	"ddc/internal/query"
)

// Counts say what a site has done since it was opened.
type Counts struct {
	// Computed are the values that were made, by query.
	Computed map[string]int
	// Calls are those that plugins were sent.
	Calls map[string]int
}

// counter counts what the engine tells.
type counter struct {
	mu       sync.Mutex
	computed map[string]int
}

func (c *counter) told(e query.Event) {
	switch e.Outcome {
	case query.Computed, query.Unchanged, query.Checked:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.computed[e.ID.Query]++
	}
}

// Counts says what the site has done so far.
func (s *Site) Counts() Counts {
	s.counted.mu.Lock()
	computed := maps.Clone(s.counted.computed)
	s.counted.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return Counts{computed, maps.Clone(s.build.calls)}
}

package syntax_highlight

import "sync"

// maxSeen is how many bytes of code and HTML are remembered in one generation.
const maxSeen = 2 << 20

// piece is a piece of code, and the info string that says how to colour it.
type piece struct{ language, code string }

// outcome is what came of a piece.
type outcome struct {
	html string
	done bool
}

// seen remembers pieces in two generations. A piece that is asked for again is
// in the younger one; when that is full, the older one is forgotten, and it
// takes its place. The zero value is empty.
type seen struct {
	mu         sync.Mutex
	young, old map[piece]outcome
	size       int // of the younger
}

func (s *seen) get(p piece) (html string, done, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.young[p]
	if !known {
		if c, known = s.old[p]; known {
			s.add(p, c)
		}
	}
	return c.html, c.done, known
}

func (s *seen) put(p piece, html string, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(p, outcome{html, done})
}

func (s *seen) add(p piece, c outcome) {
	size := len(p.language) + len(p.code) + len(c.html)
	if size > maxSeen/16 { // which would push too many others out
		return
	}
	if s.size += size; s.size > maxSeen || s.young == nil {
		s.old, s.young, s.size = s.young, map[piece]outcome{}, size
	}
	s.young[p] = c
}

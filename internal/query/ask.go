package query

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Read is an ID that was read for an answer, and the fingerprint it had.
type Read struct {
	ID
	Fingerprint Fingerprint
}

// Ask records what is read for an answer. Its query may hand it to goroutines,
// which must be done when the query returns.
type Ask struct {
	engine *Engine
	run    *run // nil at the top, where nothing is recorded

	mu     sync.Mutex
	groups [][]read // in the order in which they were begun; a group's own reads stand side by side
	seen   nodes
	spoilt error // why the answer must not be remembered
	brief  bool
	here   bool
	closed bool

	// parent and group are set on an Ask of together: its one read belongs
	// there.
	parent *Ask
	group  int
	index  int
	// aside is set on an Ask of Aside: its reads are not recorded.
	aside *Ask
}

// Aside is for reads that need no record, since what the answer takes from them
// is read again through the Ask itself: a page's template is handed the whole
// site, and asks for each value that it shows.
func (a *Ask) Aside() *Ask { return &Ask{engine: a.engine, run: a.run, aside: a} }

// nodes are what was read. Most answers read a few.
type nodes struct {
	few  [8]*node
	n    int // of few
	more map[*node]struct{}
}

// add says false of a node that was added before.
func (s *nodes) add(n *node) bool {
	if slices.Contains(s.few[:s.n], n) {
		return false
	}
	if s.n < len(s.few) {
		s.few[s.n] = n
		s.n++
		return true
	}
	if _, known := s.more[n]; known {
		return false
	}
	if s.more == nil {
		s.more = map[*node]struct{}{}
	}
	s.more[n] = struct{}{}
	return true
}

// place is where a read is recorded.
type place struct {
	ask   *Ask
	group int
	index int
}

var errClosed = errors.New("a query asked after it had answered")

// begin reserves the place of a read. The place is taken before the answer is
// known: reads are kept in the order in which they were begun, since a read
// that rests on what another said begins after that one's end.
func (a *Ask) begin(n *node) (place, error) {
	if a.parent != nil {
		return place{a.parent, a.group, a.index}, nil
	}
	if a.aside != nil {
		return place{}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return place{}, errClosed
	}
	if a.run == nil || !a.seen.add(n) {
		return place{}, nil
	}
	a.groups = append(a.groups, make([]read, 1))
	return place{a, len(a.groups) - 1, 0}, nil
}

// Brief says that the answer depends on more than was read, and so is good for
// this revision only: a tool is missing, say, or an error's text guesses at
// what was meant.
func (a *Ask) Brief() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.brief = true
}

// Here says that the answer depends on this machine as it is now, such as on
// the programs that are installed. It is good for this process; the next one
// works it out again.
func (a *Ask) Here() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.here = true
}

func (a *Ask) end(p place, n *node, found *answer) {
	if p.ask == nil {
		return
	}
	p.ask.mu.Lock()
	defer p.ask.mu.Unlock()
	p.ask.groups[p.group][p.index] = read{node: n, seen: found.fingerprint}
}

// spoil keeps what a read without an answer leaves behind from being
// remembered, also if the query goes on without it.
func (a *Ask) spoil(err error) error {
	for a.parent != nil || a.aside != nil {
		a = cmp.Or(a.parent, a.aside)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.spoilt == nil {
		a.spoilt = err
	}
	return err
}

// together makes one group of reads, several at once.
func (a *Ask) together(keys []string, each func(i int, in *Ask) error) error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return errClosed
	}
	recorded := a.run != nil && a.parent == nil && a.aside == nil
	group := len(a.groups)
	if recorded {
		a.groups = append(a.groups, make([]read, len(keys)))
	}
	a.mu.Unlock()
	one := func(i int) error {
		in := &Ask{engine: a.engine, run: a.run, parent: a, group: group, index: i}
		if !recorded {
			in = a.Aside()
		}
		return each(i, in)
	}
	var work errgroup.Group
	var next atomic.Int64
	for range min(a.engine.options.Workers, len(keys)) {
		work.Go(func() (failed error) { // a goroutine for each key would grow a stack for each
			for i := next.Add(1) - 1; i < int64(len(keys)); i = next.Add(1) - 1 {
				if err := one(int(i)); failed == nil {
					failed = err
				}
			}
			return failed
		})
	}
	return work.Wait()
}

// close ends recording, and returns what was read.
func (a *Ask) close() ([]read, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	var reads []read
	for _, group := range a.groups {
		first := true
		for _, r := range group {
			if r.node != nil { // else it was spoilt
				r.first, first = first, false
				reads = append(reads, r)
			}
		}
	}
	return reads, a.spoilt
}

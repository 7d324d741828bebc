package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"sync"
	"time"

	"ddc/internal/query"
)

// Session is what an engine knew when the last process ended, and the place for
// what this one knows. Sessions of different worlds lie side by side: what an
// answer rests on besides its inputs, such as flags and versions, is in the
// world.
type Session struct {
	store *Store
	world string    // 32 hex digits
	read  *contents // nil if there is none

	// mu guards packs and places, which Keep alone changes.
	mu    sync.RWMutex
	packs []*pack
	// places has the values of the snapshot, and what was kept since.
	places map[query.Fingerprint]place
}

// pack is a file of values, one behind the other, that is never written again.
type pack struct {
	name string
	file *os.File
	own  bool // this process has written it
}

// place is where a value is in a pack.
type place struct {
	pack         int
	offset, size int64
}

// contents are what a session's file says.
type contents struct {
	snapshot *query.Snapshot
	ground   []byte
	packs    []string
	places   []place // of the nodes that have a value
}

var sessionName = regexp.MustCompile(`^session-([0-9a-f]{32})-([0-9a-f]{32})$`)

// packName is the world that a pack is of, and a number.
var packName = regexp.MustCompile(`^pack-([0-9a-f]{32})-([0-9]{1,18})$`)

const (
	// worlds is how many sessions are kept.
	worlds = 4
	// packsBound is how many packs a session has before they become one.
	packsBound = 8
)

// Session opens what is kept of a world; a digest names it. What is not whole
// is reported (Options.Said), and left out. The caller closes the session
// before the store.
func (s *Store) Session(ctx context.Context, world [32]byte) (*Session, error) {
	n := &Session{store: s, world: hex.EncodeToString(world[:16]), places: map[query.Fingerprint]place{}}
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := s.entries(".")
	if err != nil {
		return nil, fmt.Errorf("read the cache: %w", err)
	}
	others := false
	var name, sum string
	var at time.Time
	for _, e := range entries {
		m := sessionName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if m[1] != n.world {
			others = true
			continue
		}
		// A process that was killed may have left the one before too.
		info, err := e.Info()
		if err == nil && (name == "" || info.ModTime().After(at)) {
			name, sum, at = e.Name(), m[2], info.ModTime()
		}
	}
	if name != "" {
		if err := n.open(ctx, name, sum); err != nil {
			s.say("what is remembered of pages is made anew: " + err.Error())
			n.forget()
		}
	}
	switch {
	case n.read != nil && s.crashed:
		s.say(died)
		n.forget()
	case n.read == nil && others:
		s.say("nothing is remembered of pages for this version of ddc, these settings and these tools")
	}
	return n, nil
}

func (n *Session) forget() {
	n.Close()
	n.read, n.packs = nil, nil
	clear(n.places)
}

func (n *Session) open(ctx context.Context, name, sum string) error {
	// First it is not held in memory: it may be anybody's, and of any size.
	if err := n.store.verify(ctx, name, sum); err != nil {
		return err
	}
	text, err := n.store.readText(name, graphBound)
	if err != nil {
		return err
	}
	if n.read, err = decodeSession(text); err != nil {
		return err
	}
	for _, name := range n.read.packs {
		f, err := n.store.file(name)
		if err != nil {
			n.store.say("values that were remembered are gone, and are made anew: " + err.Error())
			f = nil
		}
		n.packs = append(n.packs, &pack{name: name, file: f})
	}
	n.places = make(map[query.Fingerprint]place, len(n.read.places))
	i := 0
	for _, k := range n.read.snapshot.Nodes {
		if k.Valued {
			n.places[k.Fingerprint] = n.read.places[i]
			i++
		}
	}
	_ = n.store.root.Chtimes(name, time.Time{}, time.Now()) // it is used
	return nil
}

// Snapshot is what was kept, and what the owner of the inputs wrote beside it;
// nil if there is nothing.
func (n *Session) Snapshot() (*query.Snapshot, []byte) {
	if n.read == nil {
		return nil, nil
	}
	n.read.snapshot.Value = n.value
	return n.read.snapshot, n.read.ground
}

// value reads a value. The engine compares it with its fingerprint.
func (n *Session) value(f query.Fingerprint) ([]byte, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	at, ok := n.places[f]
	if !ok || at.pack >= len(n.packs) || n.packs[at.pack].file == nil {
		return nil, false
	}
	encoded := make([]byte, at.size)
	if _, err := n.packs[at.pack].file.ReadAt(encoded, at.offset); err != nil {
		n.store.say("a value that was remembered cannot be read, and is made anew: " + err.Error())
		return nil, false
	}
	return encoded, true
}

// Close lets the files go.
func (n *Session) Close() {
	for _, p := range n.packs {
		if p.file != nil {
			p.file.Close()
		}
	}
}

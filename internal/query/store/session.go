package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"ddc/internal/query"
)

// Session is what an engine knew when the last process ended, and the place for what
// this one knows. Sessions of different worlds lie side by side: what an answer rests
// on besides its inputs, such as flags and versions, is in the world.
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

// Session opens what is kept of a world; a digest names it. What is not whole is said,
// and left out. The caller closes the session before the store.
func (s *Store) Session(ctx context.Context, world [32]byte) (*Session, error) {
	n := &Session{store: s, world: hex.EncodeToString(world[:16]), places: map[query.Fingerprint]place{}}
	unlock, err := lock(ctx, filepath.Join(s.folder, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, fmt.Errorf("read the cache: %w", err)
	}
	others := false
	for _, e := range entries {
		m := sessionName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if m[1] != n.world {
			others = true
			continue
		}
		if err := n.open(e.Name(), m[2]); err != nil {
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

func (n *Session) open(name, sum string) error {
	path := filepath.Join(n.store.folder, name)
	if info, err := os.Stat(path); err != nil || info.Size() > graphBound {
		return errors.Join(err, errors.New("it is too large"))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	own, err := n.store.sum(strings.NewReader(string(text)))
	switch {
	case err != nil:
		return err
	case own != sum:
		return errors.New("the cache's bytes have changed, or another user wrote them")
	}
	if n.read, err = decodeSession(string(text)); err != nil {
		return err
	}
	for _, name := range n.read.packs {
		f, err := os.Open(filepath.Join(n.store.folder, name))
		if err != nil {
			n.store.say("values that were remembered are gone, and are made anew: " + err.Error())
			f = nil
		}
		n.packs = append(n.packs, &pack{name: name, file: f})
	}
	i := 0
	for _, k := range n.read.snapshot.Nodes {
		if k.Valued {
			n.places[k.Fingerprint] = n.read.places[i]
			i++
		}
	}
	_ = os.Chtimes(path, time.Time{}, time.Now()) // it is used
	return nil
}

// Snapshot is what was kept, and what the owner of the inputs wrote beside it; nil if
// there is nothing.
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

package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"

	"ddc/internal/query"
)

// Keep writes a snapshot in the place of the one that is kept, with the values
// that are not in the session's packs yet. The files are as before if it fails.
// A process that lives long keeps again and again, one at a time.
func (n *Session) Keep(ctx context.Context, taken *query.Snapshot, ground []byte) error {
	unlock, err := n.store.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	k := &keeping{Session: n, at: make(map[query.Fingerprint]place, len(taken.Nodes))}
	defer k.abort()
	if err := k.values(ctx, taken); err != nil {
		return fmt.Errorf("keep what was made: %w", err)
	}
	text, err := encodeSession(ctx, taken, ground, k.names, k.at)
	if err != nil {
		return err
	}
	sum, err := n.store.sum(ctx, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if err := k.nameNew(); err != nil {
		return fmt.Errorf("keep what was made: %w", err)
	}
	name := fmt.Sprintf("session-%s-%s", n.world, sum)
	if err := n.store.replace(name, text); err != nil {
		return fmt.Errorf("keep what was made: %w", err)
	}
	return errors.Join(k.adopt(), n.store.cleanSessions(ctx, n.world, name, k.names))
}

// keeping is a snapshot while it is written.
type keeping struct {
	*Session
	at    map[query.Fingerprint]place
	stays []int    // of each pack of the session, its number among the names, or -1
	names []string // of the packs
	fresh int      // the number of the new pack among them
	file  *os.File // of the new pack; nil until it has a value
	out   *bufio.Writer
	size  int64  // of the new pack
	sum   int64  // of all values
	room  []byte // for the next value that is written down
}

// roomBound is how much room is kept for the next value, in bytes.
const roomBound = 1 << 20

// values writes the new values, and says where all are.
func (k *keeping) values(ctx context.Context, taken *query.Snapshot) error {
	stay := k.stay(taken)
	k.stays = make([]int, len(k.packs))
	for i, p := range k.packs {
		k.stays[i] = -1
		if stay[i] {
			k.stays[i] = len(k.names)
			k.names = append(k.names, p.name)
		}
	}
	k.fresh = len(k.names)
	for i := range taken.Nodes {
		if err := over(ctx, i); err != nil {
			return err
		}
		node := &taken.Nodes[i]
		if _, done := k.at[node.Fingerprint]; done || !node.Valued {
			continue
		}
		encoded, at, known, err := k.know(node)
		switch {
		case errors.Is(err, query.ErrGone):
			continue
		case err != nil:
			return err
		case known && k.sum+at.size <= k.store.options.Bound && stay[at.pack]:
			k.at[node.Fingerprint] = place{k.stays[at.pack], at.offset, at.size}
			k.sum += at.size
			continue
		case encoded == nil && known:
			if encoded, known = k.value(node.Fingerprint); !known {
				continue // it is gone; whoever wants it makes it again
			}
		case encoded == nil:
			continue
		}
		if err := k.add(node.Fingerprint, encoded); err != nil {
			return err
		}
	}
	if k.out == nil {
		return nil
	}
	return errors.Join(k.out.Flush(), k.file.Close())
}

// know gives a value that was made anew, which is whole until the next is asked
// for, or says where it is. One that was made anew although another process had
// kept it was perhaps not whole.
func (k *keeping) know(node *query.Kept) (encoded []byte, at place, known bool, err error) {
	at, known = k.places[node.Fingerprint]
	if node.Append == nil || known && k.packs[at.pack].own {
		return nil, at, known, nil
	}
	if encoded, err = node.Append(k.room[:0]); cap(encoded) <= roomBound {
		k.room = encoded
	}
	if encoded == nil {
		encoded = []byte{}
	}
	if known {
		there, ok := k.value(node.Fingerprint)
		known = ok && bytes.Equal(there, encoded)
	}
	return encoded, at, known, err
}

// stay says which packs stay: those that are in the folder, unless they are too
// many, or most of their bytes are not used any more.
func (k *keeping) stay(taken *query.Snapshot) []bool {
	stay, all, live := make([]bool, len(k.packs)), int64(0), int64(0)
	there := 0
	for i, p := range k.packs {
		if p.file == nil {
			continue
		}
		own, err := p.file.Stat()
		other, err2 := k.store.root.Lstat(p.name)
		if err == nil && err2 == nil && os.SameFile(own, other) {
			stay[i] = true
			all += own.Size()
			there++
		}
	}
	seen := map[query.Fingerprint]bool{}
	for i := range taken.Nodes {
		f := taken.Nodes[i].Fingerprint
		if at, ok := k.places[f]; ok && !seen[f] && taken.Nodes[i].Valued && stay[at.pack] {
			seen[f] = true
			live += at.size
		}
	}
	if there >= packsBound || live < all/2 {
		clear(stay)
	}
	return stay
}

// add puts a value into the new pack, unless it is beyond the bound.
func (k *keeping) add(f query.Fingerprint, encoded []byte) (err error) {
	size := int64(len(encoded))
	if size > valueBound || k.sum+size > k.store.options.Bound {
		k.store.say("the cache is full: some of what was made is not kept")
		return nil
	}
	if k.file == nil {
		if k.file, err = k.store.create(partName("pack")); err != nil {
			return err
		}
		k.out = bufio.NewWriterSize(k.file, 1<<20)
		k.names = append(k.names, k.nextName())
	}
	if _, err := k.out.Write(encoded); err != nil {
		return err
	}
	k.at[f] = place{k.fresh, k.size, size}
	k.size += size
	k.sum += size
	return nil
}

// nextName is a name that no pack has.
func (k *keeping) nextName() string {
	last := uint64(0)
	entries, _ := k.store.entries(".") // else the rename says what is wrong
	for _, e := range entries {
		if m := packName.FindStringSubmatch(e.Name()); m != nil && m[1] == k.world {
			if number, err := strconv.ParseUint(m[2], 10, 64); err == nil {
				last = max(last, number)
			}
		}
	}
	return fmt.Sprintf("pack-%s-%d", k.world, last+1)
}

// nameNew gives the new pack its name.
func (k *keeping) nameNew() error {
	if k.file == nil {
		return nil
	}
	return k.store.root.Rename(partName("pack"), k.names[k.fresh])
}

// adopt has the session read from what it has written. Packs that are in it no
// more are let go, and what was in them is made again if somebody asks for it.
func (k *keeping) adopt() error {
	var made *pack
	if k.file != nil {
		name := k.names[k.fresh]
		f, err := k.store.file(name)
		if err != nil {
			return fmt.Errorf("read what was kept: %w", err)
		}
		made = &pack{name, f, true}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	places := make(map[query.Fingerprint]place, len(k.at))
	for f, at := range k.places {
		if number := k.stays[at.pack]; number >= 0 {
			places[f] = place{number, at.offset, at.size}
		}
	}
	maps.Copy(places, k.at)
	var packs []*pack
	for i, p := range k.packs {
		if k.stays[i] >= 0 {
			packs = append(packs, p)
		} else if p.file != nil {
			p.file.Close()
		}
	}
	if made != nil {
		packs = append(packs, made)
	}
	k.packs, k.places = packs, places
	return nil
}

func (k *keeping) abort() {
	if k.file != nil {
		k.file.Close()
		_ = k.store.root.Remove(partName("pack")) // it may have its name already
	}
}

// cleanSessions removes what a new session has replaced, and the worlds that
// were not used for the longest time: beyond a number of them, and beyond the
// bound. Those worlds that ctx leaves no time for, the next one removes.
func (s *Store) cleanSessions(ctx context.Context, world, name string, packs []string) error {
	entries, err := s.entries(".")
	if err != nil {
		return fmt.Errorf("clean the cache: %w", err)
	}
	sizes, used := map[string]int64{}, map[string]int64{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue
		}
		if m := packName.FindStringSubmatch(e.Name()); m != nil {
			sizes[m[1]] += info.Size()
		}
		if m := sessionName.FindStringSubmatch(e.Name()); m != nil {
			used[m[1]] = max(used[m[1]], info.ModTime().UnixNano())
		}
	}
	delete(used, world)
	order := make([]string, 0, len(used))
	for w := range used {
		order = append(order, w)
	}
	slices.SortFunc(order, func(a, b string) int { return int(min(1, max(-1, used[b]-used[a]))) })
	stays := map[string]bool{}
	sum := sizes[world]
	for _, w := range order {
		if sum += sizes[w]; sum > s.options.Bound || len(stays) >= worlds-1 {
			break
		}
		stays[w] = true
	}
	for _, e := range entries {
		of := sessionName.FindStringSubmatch(e.Name())
		if of == nil {
			of = packName.FindStringSubmatch(e.Name())
		}
		if of == nil || stays[of[1]] || of[1] == world && (e.Name() == name || slices.Contains(packs, e.Name())) {
			continue
		}
		if of[1] != world && ctx.Err() != nil {
			continue
		}
		if failure := s.root.Remove(e.Name()); failure != nil && !errors.Is(failure, os.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("clean the cache: %w", failure))
		}
	}
	return err
}

package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// node is what the engine knows of an ID. The engine's mutex guards it.
type node struct {
	id   ID
	kind *kind
	// verified is the revision in which answer was last found to hold.
	verified uint64
	// stale says that an input may have changed since.
	stale bool
	// doubts counts those of its reads that may have changed since, or have. Each such
	// read is alarmed until it is known whether it has.
	doubts  int
	alarmed bool
	readers map[*node]struct{} // those whose answers were made from this one
	answer  *answer
	running *run // who finds the answer out; nil if nobody does
}

// sound says whether the node's answer holds, whatever the revision.
func (n *node) sound() bool {
	switch {
	case n.answer == nil || n.answer.brief:
		return false
	case n.kind.call:
		return true
	case n.kind.input:
		return !n.stale
	default:
		return n.doubts == 0
	}
}

// alarm tells the readers of a node that it may have changed, and theirs, unless they
// were told already.
func (n *node) alarm() {
	queue := []*node{n}
	for len(queue) > 0 {
		n, queue = queue[len(queue)-1], queue[:len(queue)-1]
		if n.alarmed {
			continue
		}
		n.alarmed = true
		for reader := range n.readers {
			if reader.doubts++; reader.doubts == 1 {
				queue = append(queue, reader)
			}
		}
	}
}

// calm tells the readers of an alarmed node that it has not changed. One that has no
// other doubt has not changed either. If a node has changed, nobody is calmed: its
// readers keep a doubt until they are worked out or looked through themselves.
func (n *node) calm() {
	queue := []*node{n}
	for len(queue) > 0 {
		n, queue = queue[len(queue)-1], queue[:len(queue)-1]
		if !n.alarmed {
			continue
		}
		n.alarmed = false
		for reader := range n.readers {
			if reader.doubts == 0 {
				continue
			}
			if reader.doubts--; reader.doubts == 0 && reader.sound() {
				queue = append(queue, reader)
			}
		}
	}
}

// answer is never written after it was made.
type answer struct {
	Record
	value any
	err   error
	bare  bool // value and err are in the store alone
	brief bool // good for the revision in which it was found; see Ask.Brief
}

// run is one goroutine's finding out. It waits for the runs in waits, each as
// often as it says; the engine's mutex guards the map.
type run struct {
	node  *node
	waits map[*run]int
	done  chan struct{} // closed when err and abandoned are written
	err   error
	// abandoned says that it was its own context that ended: whoever waits may do better.
	abandoned bool
}

// answer finds the answer for a key. Whoever asks first works; the others wait.
func (e *Engine) answer(ctx context.Context, asker *run, k *kind, key string, arg any) (*answer, error) {
	for {
		a, err := e.settle(ctx, asker, k, key, arg)
		if err != nil || !a.bare {
			return a, err
		}
		id := ID{k.name, key}
		if full, ok := e.read(k, a); ok {
			if !k.large {
				e.replace(id, a, full)
			}
			return full, nil
		}
		// The store has lost the value. Without its record this round's next turn
		// works it out, and has it whether or not the store can keep it.
		e.options.Store.Drop(id)
		e.replace(id, a, nil)
	}
}

func (e *Engine) settle(ctx context.Context, asker *run, k *kind, key string, arg any) (*answer, error) {
	id := ID{k.name, key}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e.mu.Lock()
		n := e.nodes[id]
		if n == nil {
			n = &node{id: id, kind: k, stale: true}
			e.nodes[id] = n
		}
		if n.answer != nil && n.verified == e.revision || n.sound() {
			n.verified = e.revision
			a := n.answer
			e.mu.Unlock()
			return a, nil
		}
		other := n.running
		if other == nil {
			r := &run{node: n, waits: map[*run]int{}, done: make(chan struct{})}
			n.running = r
			asker.await(r)
			e.mu.Unlock()
			return e.work(ctx, asker, r, arg)
		}
		if circle := other.path(asker); circle != nil {
			e.mu.Unlock()
			return nil, fmt.Errorf("%w: %s", ErrCycle, names(circle))
		}
		asker.await(other)
		e.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
		}
		e.mu.Lock()
		asker.leave(other)
		e.mu.Unlock()
		select {
		case <-other.done:
			if other.err != nil && !other.abandoned && !(errors.Is(other.err, errNoArgument) && arg != nil) {
				return nil, other.err
			}
		default:
		}
	}
}

// work finds an answer out for r, and lets go of those who wait for it, also if a
// query panics.
func (e *Engine) work(ctx context.Context, asker, r *run, arg any) (a *answer, err error) {
	err = errors.New("a query did not return")
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		n := r.node
		n.running = nil
		if err == nil {
			same := n.answer != nil && n.answer.Fingerprint == a.Fingerprint
			e.relink(n, a)
			n.answer, n.verified, n.stale = e.kept(n.kind, a), e.revision, false
			if same {
				n.calm()
			}
			n.alarmed = false
		}
		r.err, r.abandoned = err, err != nil && ctx.Err() != nil
		asker.leave(r)
		close(r.done)
	}()
	return e.find(ctx, r, arg)
}

// relink makes a node one of the readers of what its new answer was made from, and no
// more of what the old one was.
func (e *Engine) relink(n *node, a *answer) {
	n.doubts = 0
	if n.answer != nil {
		e.unlink(n)
	}
	for _, group := range a.Reads {
		for _, read := range group {
			from := e.nodes[read.ID]
			if from == nil {
				n.doubts++ // nobody would tell it
				continue
			}
			if from.readers == nil {
				from.readers = map[*node]struct{}{}
			}
			from.readers[n] = struct{}{}
		}
	}
	if a.brief {
		e.brief[n] = struct{}{}
	} else {
		delete(e.brief, n)
	}
}

func (e *Engine) unlink(n *node) {
	for _, group := range n.answer.Reads {
		for _, read := range group {
			if from := e.nodes[read.ID]; from != nil {
				delete(from.readers, n)
			}
		}
	}
}

func (e *Engine) find(ctx context.Context, r *run, arg any) (*answer, error) {
	n := r.node
	e.mu.Lock()
	old := n.answer
	e.mu.Unlock()
	stored := old == nil && e.stores(n.kind)
	if stored {
		old = e.load(n)
	}
	if old == nil || n.kind.input || old.brief {
		return e.renew(ctx, r, arg, old, ID{})
	}
	ok, because, err := e.holds(ctx, r, old.Reads)
	if err != nil {
		return nil, err
	}
	if !ok {
		return e.renew(ctx, r, arg, old, because)
	}
	if !stored {
		e.told(n, Held, ID{})
		return old, nil
	}
	if e.chosen(n.id) && (!n.kind.call || arg != nil) {
		return e.check(ctx, r, arg, old)
	}
	e.told(n, Stored, ID{})
	return old, nil
}

// same says whether a read still says what it said.
func (e *Engine) same(ctx context.Context, r *run, read Read) (bool, error) {
	k := e.kinds[read.Query]
	if k == nil {
		return false, nil // a query of another version of the program
	}
	a, err := e.settle(ctx, r, k, read.Key, nil)
	if errors.Is(err, errNoArgument) {
		return false, nil
	}
	return err == nil && a.Fingerprint == read.Fingerprint, err
}

// renew works an answer out. Old, if not nil, is the one before.
func (e *Engine) renew(ctx context.Context, r *run, arg any, old *answer, because ID) (*answer, error) {
	a, err := e.compute(ctx, r, arg)
	if err != nil {
		return nil, err
	}
	outcome := Computed
	if old != nil && old.Fingerprint == a.Fingerprint {
		outcome = Unchanged
	}
	e.told(r.node, outcome, because)
	return a, nil
}

// check works out again what the store had, and compares.
func (e *Engine) check(ctx context.Context, r *run, arg any, old *answer) (*answer, error) {
	a, err := e.compute(ctx, r, arg)
	if err != nil {
		return nil, err
	}
	e.told(r.node, Checked, ID{})
	if a.Fingerprint != old.Fingerprint && e.options.Differs != nil {
		e.options.Differs(Difference{r.node.id, old.Reads})
	}
	return a, nil
}

func (e *Engine) compute(ctx context.Context, r *run, arg any) (*answer, error) {
	n := r.node
	ask := &Ask{engine: e, run: r, seen: map[ID]bool{}}
	value, failure := n.kind.compute(ctx, ask, n.id.Key, arg)
	reads, spoilt := ask.close()
	if spoilt != nil {
		return nil, spoilt
	}
	if err := ctx.Err(); err != nil {
		return nil, err // what a query made of a context that ended is no answer
	}
	a := &answer{value: value, err: failure}
	encoded, err := e.encode(n.kind, a)
	if err != nil {
		return nil, err
	}
	a.Record = Record{Fingerprint: digest(failure != nil, encoded), Failed: failure != nil, Reads: reads}
	a.brief = ask.brief || failure != nil && n.kind.call
	if e.stores(n.kind) && !a.brief {
		e.options.Store.Save(n.id, a.Record, encoded)
	}
	return a, nil
}

// stores says whether the answers of a query are kept from one process to the
// next. What is there in the world is looked at, never remembered.
func (e *Engine) stores(k *kind) bool { return e.options.Store != nil && !k.input }

// kept is what of an answer stays in memory.
func (e *Engine) kept(k *kind, a *answer) *answer {
	if !k.large || !e.stores(k) || a.brief {
		return a
	}
	return &answer{Record: a.Record, bare: true}
}

func (e *Engine) encode(k *kind, a *answer) ([]byte, error) {
	if a.err == nil {
		encoded, err := k.encode(a.value)
		if err != nil {
			return nil, fmt.Errorf("encode an answer of %s: %w", k.name, err)
		}
		return encoded, nil
	}
	if e.options.Errors != nil {
		if encoded, ok := e.options.Errors.Encode(a.err); ok {
			return encoded, nil
		}
	}
	return nil, a.err
}

// load takes a record from the store; its value waits there until it is asked for.
func (e *Engine) load(n *node) *answer {
	record, ok := e.options.Store.Record(n.id)
	if !ok {
		return nil
	}
	return &answer{Record: record, bare: true}
}

// read makes an answer whole whose value is in the store alone.
func (e *Engine) read(k *kind, a *answer) (*answer, bool) {
	encoded, ok := e.options.Store.Value(a.Fingerprint)
	if !ok || digest(a.Failed, encoded) != a.Fingerprint {
		return nil, false
	}
	full := &answer{Record: a.Record}
	if a.Failed {
		if e.options.Errors == nil {
			return nil, false
		}
		full.err = e.options.Errors.Decode(encoded)
		return full, full.err != nil
	}
	value, err := k.decode(encoded)
	full.value = value
	return full, err == nil
}

// replace puts one answer in the place of another, if that is still there.
func (e *Engine) replace(id ID, old, a *answer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := e.nodes[id]; n != nil && n.answer == old {
		if a == nil && old != nil {
			e.unlink(n)
		}
		n.answer = a
	}
}

// await and leave keep the graph of who waits for whom; a nil run is the top,
// which nobody waits for.
func (r *run) await(other *run) {
	if r != nil {
		r.waits[other]++
	}
}

func (r *run) leave(other *run) {
	if r == nil {
		return
	}
	if r.waits[other]--; r.waits[other] == 0 {
		delete(r.waits, other)
	}
}

// path is how r comes to wait for goal, both included; nil if it does not.
func (r *run) path(goal *run) []*run {
	if goal == nil {
		return nil
	}
	visited := map[*run]bool{}
	var walk func(at *run, way []*run) []*run
	walk = func(at *run, way []*run) []*run {
		way = append(way, at)
		if at == goal {
			return way
		}
		visited[at] = true
		for next := range at.waits {
			if !visited[next] {
				if found := walk(next, way); found != nil {
					return found
				}
			}
		}
		return nil
	}
	return walk(r, nil)
}

// names writes a circle, from its smallest name on, so that it reads the same
// wherever it was met.
func names(circle []*run) string {
	ids := make([]string, len(circle))
	for i, r := range circle {
		ids[i] = r.node.id.String()
	}
	least := slices.Index(ids, slices.Min(ids))
	ids = append(ids[least:], ids[:least]...)
	return strings.Join(append(ids, ids[0]), " -> ")
}

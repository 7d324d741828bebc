package query

import (
	"cmp"
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
	// doubts counts those of its reads that may have changed since, or have.
	// Each such read is alarmed until it is known whether it has.
	doubts  int
	alarmed bool
	readers []reader // those whose answers were made from this one
	places  []int32  // where among the readers of each of its reads the node stands
	answer  *answer
	value   *answer // the last that was no error, while answer is one
	running *run    // who finds the answer out; nil if nobody does
}

// reader is a node that has read another, and by which of its reads.
type reader struct {
	node *node
	read int32
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

// alarm tells the readers of a node that it may have changed, and theirs,
// unless they were told already.
func (n *node) alarm() {
	queue := []*node{n}
	for len(queue) > 0 {
		n, queue = queue[len(queue)-1], queue[:len(queue)-1]
		if n.alarmed {
			continue
		}
		n.alarmed = true
		for _, r := range n.readers {
			if r.node.doubts++; r.node.doubts == 1 {
				queue = append(queue, r.node)
			}
		}
	}
}

// calm tells the readers of an alarmed node that it has not changed. One that
// has no other doubt has not changed either. If a node has changed, nobody is
// calmed: its readers keep a doubt until they are worked out or looked through
// themselves.
func (n *node) calm() {
	queue := []*node{n}
	for len(queue) > 0 {
		n, queue = queue[len(queue)-1], queue[:len(queue)-1]
		if !n.alarmed {
			continue
		}
		n.alarmed = false
		for _, r := range n.readers {
			if r.node.doubts == 0 {
				continue
			}
			if r.node.doubts--; r.node.doubts == 0 && r.node.sound() {
				queue = append(queue, r.node)
			}
		}
	}
}

// link makes a node one of the readers of what its new answer was made from.
// What has changed since it was read is a doubt.
func (n *node) link(reads []read) {
	n.places = make([]int32, len(reads))
	for i, r := range reads {
		n.places[i] = int32(len(r.node.readers))
		r.node.readers = append(r.node.readers, reader{n, int32(i)})
		if a := r.node.answer; a == nil || *a.fingerprint != *r.seen {
			n.doubts++
		}
	}
}

// unlink makes a node no more a reader of what its answer was made from.
func (n *node) unlink() {
	if n.answer == nil {
		return
	}
	for i, r := range n.answer.reads {
		readers, at := r.node.readers, n.places[i]
		last := readers[len(readers)-1]
		readers[at] = last
		last.node.places[last.read] = at
		r.node.readers = readers[:len(readers)-1]
	}
	n.places = nil
}

// read is what was read for an answer, and what its fingerprint was.
type read struct {
	node *node
	seen *Fingerprint
	// first says that it begins a group. Reads of one group were begun
	// together.
	first bool
}

// answer is never written after it was made, but for held.
type answer struct {
	fingerprint *Fingerprint
	failed      bool
	reads       []read
	value       any
	err         error
	// bare says that value and err are not here. They are in a store, or in
	// what the snapshot has; or lost says that they are nowhere.
	bare, lost bool
	restored   bool // from another process, and nobody has looked at the value yet
	stored     bool // value and err were read from where they are kept
	brief      bool // good for the revision in which it was found; see Ask.Brief
	here       bool // good for this process; see Ask.Here
	// spilt says that the value is, or was when it was read, at a place of
	// Options.Spill. Size is that of the value as it is written down.
	spilt bool
	at    int64
	size  int
	held  bool // the size is counted; the engine's mutex guards it
}

// run is one goroutine's finding out. It waits for the runs in waits, each as
// often as it says; the engine's mutex guards the map.
type run struct {
	node  *node
	waits map[*run]int
	done  chan struct{} // closed when err and abandoned are written
	err   error
	// abandoned says that it was its own context that ended: another caller
	// that waits for it may do better.
	abandoned bool
}

// node is the one for a key.
func (e *Engine) node(k *kind, key string) *node {
	id := ID{k.name, key}
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.nodes[id]
	if n == nil {
		n = &node{id: id, kind: k, stale: true}
		e.nodes[id] = n
	}
	return n
}

// settled says whether a node's answer is known to hold in this revision.
func (e *Engine) settled(n *node) bool {
	return n.answer != nil && n.verified == e.revision || n.sound()
}

// answer finds the answer of a node, with its value if it is to be whole. The
// first to ask works; the others wait.
func (e *Engine) answer(ctx context.Context, asker *run, n *node, arg any, whole bool) (*answer, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e.mu.Lock()
		if e.settled(n) && !(whole && n.answer.bare) {
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
			return e.work(ctx, asker, r, arg, whole)
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

// work finds an answer out for r, and lets go of those who wait for it, also if
// a query panics.
func (e *Engine) work(ctx context.Context, asker, r *run, arg any, whole bool) (a *answer, err error) {
	err = errors.New("a query did not return")
	anew := false
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		n := r.node
		n.running = nil
		if err == nil {
			e.settle(n, a, anew)
		}
		r.err, r.abandoned = err, err != nil && ctx.Err() != nil
		asker.leave(r)
		close(r.done)
	}()
	a, anew, err = e.find(ctx, r, arg, whole)
	return a, err
}

// settle gives a node an answer that holds in this revision. Anew says that it
// was worked out, and so has reads of its own.
func (e *Engine) settle(n *node, a *answer, anew bool) {
	before := n.answer
	n.doubts = 0
	if anew {
		n.unlink()
		n.link(a.reads)
	}
	value := n.value
	switch {
	case !a.failed:
		n.value = nil
	case before != nil && !before.failed:
		n.value = before
	}
	n.answer, n.verified, n.stale = e.kept(n.kind, a), e.revision, false
	e.replaced(n, before, value)
	if a.brief {
		e.brief[n] = struct{}{}
	} else {
		delete(e.brief, n)
	}
	same := before != nil && *before.fingerprint == *a.fingerprint
	if anew && !(same && (n.kind.input || before.brief)) {
		e.anew = true
	}
	switch {
	case n.doubts > 0:
		n.alarm()
		return
	case same:
		n.calm()
	case before != nil:
		n.alarm() // readers that were not told that it may change; all others have been
	}
	n.alarmed = false
}

// find looks whether a node's answer holds, and reads its value if it is to be
// whole, or works it out. A value of an input that was put away is read too.
func (e *Engine) find(ctx context.Context, r *run, arg any, whole bool) (a *answer, anew bool, err error) {
	n := r.node
	e.mu.Lock()
	old, settled := n.answer, e.settled(n)
	e.mu.Unlock()
	if old == nil && e.stores(n.kind) {
		old = e.load(n)
		settled = old != nil
	}
	if old == nil || old.brief || n.kind.input && !(settled && old.spilt) {
		return e.renew(ctx, r, arg, old, ID{})
	}
	if !settled {
		ok, because, err := e.holds(ctx, r, old.reads)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			return e.renew(ctx, r, arg, old, because)
		}
	}
	if !whole || !old.bare {
		e.told(n, Held, ID{})
		return old, false, nil
	}
	full, ok := e.read(n.kind, old)
	if !ok && n.kind.input {
		return e.renew(ctx, r, arg, old, ID{})
	}
	if !ok {
		if e.stores(n.kind) {
			e.options.Store.Drop(n.id)
		}
		return e.again(ctx, r, arg, old, Unchanged)
	}
	if old.restored && e.chosen(n.id) && (!n.kind.call || arg != nil) {
		return e.again(ctx, r, arg, old, Checked)
	}
	e.told(n, Stored, ID{})
	return full, false, nil
}

// same says whether a read still says what it said.
func (e *Engine) same(ctx context.Context, r *run, read read) (bool, error) {
	a, err := e.answer(ctx, r, read.node, nil, false)
	if errors.Is(err, errNoArgument) {
		return false, nil
	}
	return err == nil && *a.fingerprint == *read.seen, err
}

// renew works an answer out. Old, if not nil, is the one before.
func (e *Engine) renew(ctx context.Context, r *run, arg any, old *answer, because ID) (*answer, bool, error) {
	a, err := e.compute(ctx, r, arg)
	if err != nil {
		return nil, false, err
	}
	outcome := Computed
	if old != nil && *old.fingerprint == *a.fingerprint {
		outcome = Unchanged
	}
	e.told(r.node, outcome, because)
	return a, true, nil
}

// again works out an answer that holds, to compare, or because its value is
// gone.
func (e *Engine) again(ctx context.Context, r *run, arg any, old *answer, outcome Outcome) (*answer, bool, error) {
	a, err := e.compute(ctx, r, arg)
	if err != nil {
		return nil, false, err
	}
	e.told(r.node, outcome, ID{})
	if *a.fingerprint != *old.fingerprint && !moved(old.reads, a.reads) && e.options.Differs != nil {
		d := Difference{ID: r.node.id}
		for _, read := range old.reads {
			d.Reads = append(d.Reads, read.node.id)
		}
		e.options.Differs(d)
	}
	return a, true, nil
}

// moved says that something read says otherwise than it did. The value of an
// input is not kept: to work an answer out again it is looked at again, and may
// have changed since the owner of the engine last told of changes.
func moved(before, after []read) bool {
	seen := make(map[*node]Fingerprint, len(before))
	for _, r := range before {
		seen[r.node] = *r.seen
	}
	return slices.ContainsFunc(after, func(r read) bool {
		was, known := seen[r.node]
		return known && was != *r.seen
	})
}

func (e *Engine) compute(ctx context.Context, r *run, arg any) (*answer, error) {
	n := r.node
	ask := &Ask{engine: e, run: r}
	value, failure := n.kind.compute(ctx, ask, n.id.Key, arg)
	reads, spoilt := ask.close()
	if spoilt != nil {
		// A query that fails by itself ends what it has under way, and those
		// reads have no answer either: its own failure is what matters.
		return nil, cmp.Or(failure, spoilt)
	}
	if err := ctx.Err(); err != nil {
		return nil, err // what a query made of a context that ended is no answer
	}
	a := &answer{value: value, err: failure, failed: failure != nil, reads: reads, here: ask.here}
	a.brief = ask.brief || failure != nil && n.kind.call
	return a, e.fingerprint(n, a)
}

// stores says whether the answers of a query are in the store.
func (e *Engine) stores(k *kind) bool { return e.options.Store != nil && k.call }

// load takes a record from the store; its value waits there until it is asked
// for.
func (e *Engine) load(n *node) *answer {
	record, ok := e.options.Store.Record(n.id)
	if !ok {
		return nil
	}
	return &answer{fingerprint: &record.Fingerprint, failed: record.Failed, bare: true, restored: true}
}

// read makes an answer whole whose value is elsewhere.
func (e *Engine) read(k *kind, a *answer) (*answer, bool) {
	if a.lost {
		return nil, false
	}
	from := e.value
	switch {
	case a.spilt:
		from = func(Fingerprint) ([]byte, bool) { return e.options.Spill.Get(a.at, a.size) }
	case e.stores(k):
		from = e.options.Store.Value
	}
	if from == nil {
		return nil, false
	}
	encoded, ok := from(*a.fingerprint)
	if !ok || digest(a.failed, encoded) != *a.fingerprint {
		return nil, false
	}
	full := &answer{fingerprint: a.fingerprint, failed: a.failed, reads: a.reads, stored: true, here: a.here, brief: a.brief, spilt: a.spilt, at: a.at, size: len(encoded)}
	if a.failed {
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

package query

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Store keeps the answers of calls from one process to the next, one by one.
// Its methods are called from several goroutines. Trouble is the store's own to
// tell: to the engine an answer is there, or it is not.
type Store interface {
	// Record is what was saved for an ID.
	Record(ID) (Record, bool)
	// Value is the encoded answer with these contents.
	Value(contents Fingerprint) ([]byte, bool)
	// Save keeps an answer. Encoded belongs to the store from now on.
	Save(id ID, r Record, encoded []byte)
	// Drop forgets an answer.
	Drop(ID)
}

// Record is the answer of a call without its value.
type Record struct {
	Fingerprint Fingerprint
	// Failed says that the value is an error.
	Failed bool
}

// Errors says which errors are answers.
type Errors interface {
	// Encode turns an error into bytes; false for one that is not to be
	// remembered.
	Encode(error) ([]byte, bool)
	Decode([]byte) error
}

// Options of an Engine.
type Options struct {
	// Store keeps the answers of calls; nil keeps them in memory alone.
	Store Store
	// Errors says which errors are remembered; nil remembers none.
	Errors Errors
	// Spill, if not nil, has the values of Spilt queries for which there is no
	// room: Room is how many bytes of them, as they are written down, stay in
	// memory.
	Spill Spill
	Room  int64
	// Workers bounds how many reads of one group go on at once; 0 for twice the
	// processors.
	Workers int
	// Build is a number that is another in each build. It says which values
	// from a store or a snapshot are worked out again, and compared: one in
	// Check, another part in each build.
	Build uint64
	// Check is how many builds cover all answers; 0 for 32, 1 for all in each
	// build.
	Check uint64
	// Differs, if not nil, is told of a kept answer that was wrong. The new one
	// is used.
	Differs func(Difference)
	// Told, if not nil, is told how each answer was found, from several
	// goroutines.
	Told func(Event)
}

// Difference is a kept answer that does not come out again: a query that reads
// past its Ask, or a store that was tampered with.
type Difference struct {
	ID ID
	// Reads are what both answers were made from.
	Reads []ID
}

func (d Difference) Error() string {
	from := ""
	for i, id := range d.Reads[:min(len(d.Reads), 3)] {
		from += []string{": ", ", "}[min(i, 1)] + id.String()
	}
	if len(d.Reads) > 3 {
		from += ", .."
	}
	return fmt.Sprintf("the remembered answer of %s differs from the one worked out again from the same %d inputs%s", d.ID, len(d.Reads), from)
}

// Outcome is how an answer was found.
type Outcome int

const (
	// Held: what it was made from has not changed.
	Held Outcome = iota
	// Stored: as Held, and it came from the store.
	Stored
	// Computed: it was worked out.
	Computed
	// Unchanged: it was worked out, and came out as before.
	Unchanged
	// Checked: it held, and was worked out all the same, to compare.
	Checked
)

// Event says how an answer was found. Because names the read that had changed,
// if that was why it was worked out.
type Event struct {
	ID      ID
	Outcome Outcome
	Because ID
}

// Engine remembers answers.
type Engine struct {
	options Options
	kinds   map[string]*kind // written before the first Run

	rooms sync.Pool // of *[]byte, to write answers down in

	// world is held by each Run for reading, and by Changed.
	world sync.RWMutex

	mu       sync.Mutex // guards what follows, and the nodes and runs
	revision uint64
	nodes    map[ID]*node
	brief    map[*node]struct{}               // whose answers are good for one revision
	value    func(Fingerprint) ([]byte, bool) // of the snapshot; nil if there was none
	anew     bool                             // something came out as the snapshot does not have it
	swept    int                              // nodes left by the last sweep
	held     int64                            // bytes of values in memory, of those that may be spilt
}

// NewEngine returns an engine without queries.
func NewEngine(o Options) *Engine {
	if o.Workers <= 0 {
		o.Workers = 2 * runtime.GOMAXPROCS(0)
	}
	if o.Check == 0 {
		o.Check = 32
	}
	return &Engine{options: o, kinds: map[string]*kind{}, revision: 1, nodes: map[ID]*node{}, brief: map[*node]struct{}{}}
}

func (e *Engine) add(k *kind, options []Option) *kind {
	for _, o := range options {
		o(k)
	}
	if e.kinds[k.name] != nil {
		panic("query: two queries are called " + k.name)
	}
	e.kinds[k.name] = k
	return k
}

// Run asks questions, of one revision of the world.
func (e *Engine) Run(ctx context.Context, questions func(ctx context.Context, ask *Ask) error) error {
	e.world.RLock()
	defer e.world.RUnlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return questions(ctx, &Ask{engine: e})
}

// Changed begins a revision in which those inputs may have changed, once the
// runs under way are over. No ID means that each may have.
func (e *Engine) Changed(ids ...ID) {
	e.world.Lock()
	defer e.world.Unlock()
	e.begin(ids)
}

// Revise looks at the world while no run is under way, and begins a revision in
// which the inputs that look names may have changed, if it names any.
func (e *Engine) Revise(look func() []ID) {
	e.world.Lock()
	defer e.world.Unlock()
	if ids := look(); len(ids) > 0 {
		e.begin(ids)
	}
}

// Knows says whether anybody has asked for an ID, and it is not forgotten.
func (e *Engine) Knows(id ID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.nodes[id] != nil
}

// Revision is a number that grows with each revision.
func (e *Engine) Revision() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.revision
}

func (e *Engine) begin(ids []ID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.revision++
	if len(ids) == 0 {
		for _, n := range e.nodes {
			if n.kind.input {
				n.stale = true
				n.alarm()
			}
		}
	}
	for _, id := range ids {
		if n := e.nodes[id]; n != nil {
			n.stale = true
			n.alarm()
		}
	}
	for n := range e.brief {
		n.alarm()
	}
	e.sweep()
}

const (
	// sweepFloor is how many nodes are kept without a look at their age.
	sweepFloor = 1 << 14
	// sweepAge is after how many revisions without a question a node goes.
	sweepAge = 64
)

// sweep forgets what nobody has asked for in a while, so that an engine that
// lives for weeks does not grow with each edit.
func (e *Engine) sweep() {
	if len(e.nodes) < max(sweepFloor, 2*e.swept) {
		return
	}
	for id, n := range e.nodes {
		// A node with readers must be there to tell them of a change.
		if n.verified+sweepAge < e.revision && len(n.readers) == 0 {
			n.unlink()
			e.drop(n.answer)
			e.drop(n.value)
			delete(e.brief, n)
			delete(e.nodes, id)
		}
	}
	e.swept = len(e.nodes)
}

// chosen says whether it is an answer's turn to be checked. Answers to
// different queries about one key have their turns independently of each other.
// By a weaker hash it would be the turn of an answer and of all that it was
// made from in one build, and a check would go down to the calls.
func (e *Engine) chosen(id ID) bool {
	sum := sha256.Sum256([]byte(id.Query + "\x00" + id.Key))
	return (binary.LittleEndian.Uint64(sum[:])+e.options.Build)%e.options.Check == 0
}

func (e *Engine) told(n *node, o Outcome, because ID) {
	if e.options.Told != nil {
		e.options.Told(Event{n.id, o, because})
	}
}

// Digest is the fingerprint of a value that is encoded so.
func Digest(encoded []byte) Fingerprint { return digest(false, encoded) }

// digest is the fingerprint of an answer and the name of its contents.
func digest(failed bool, encoded []byte) Fingerprint {
	h := sha256.New()
	var head [9]byte
	if failed {
		head[0] = 1
	}
	binary.LittleEndian.PutUint64(head[1:], uint64(len(encoded)))
	h.Write(head[:])
	h.Write(encoded)
	return Fingerprint(h.Sum(nil))
}

// holds says whether each read of an answer still says what it said, and if not
// which one is the first that does not.
func (e *Engine) holds(ctx context.Context, r *run, reads []read) (ok bool, because ID, err error) {
	for len(reads) > 0 {
		if reads = reads[e.alike(reads):]; len(reads) == 0 {
			break
		}
		n := 1
		for n < len(reads) && !reads[n].first {
			n++
		}
		group := reads[:n]
		reads = reads[n:]
		if n == 1 {
			if same, err := e.same(ctx, r, group[0]); err != nil || !same {
				return false, group[0].node.id, err
			}
			continue
		}
		same := make([]bool, n)
		var work errgroup.Group
		work.SetLimit(e.options.Workers)
		for i, read := range group {
			work.Go(func() (err error) {
				same[i], err = e.same(ctx, r, read)
				return err
			})
		}
		if err := work.Wait(); err != nil {
			return false, ID{}, err
		}
		for i, s := range same {
			if !s {
				return false, group[i].node.id, nil
			}
		}
	}
	return true, ID{}, nil
}

// alike is how many of the first reads, in whole groups, need no further look:
// their answers hold, and are those that were seen.
func (e *Engine) alike(reads []read) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, r := range reads {
		if r.first {
			n = i
		}
		if a := r.node.answer; !e.settled(r.node) || *a.fingerprint != *r.seen {
			return n
		}
		r.node.verified = e.revision
	}
	return len(reads)
}

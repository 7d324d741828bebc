package query

// Snapshot is what an engine knows, without the values.
type Snapshot struct {
	Nodes []Kept
	// Value is the encoded answer with these contents, of a snapshot that is
	// restored. It is called from several goroutines.
	Value func(contents Fingerprint) ([]byte, bool)
}

// Kept is one answer of a snapshot.
type Kept struct {
	ID
	Fingerprint Fingerprint
	Failed      bool
	// Again says that the answer was good for its process only.
	Again bool
	// Valued says that the value is kept, by its fingerprint.
	Valued bool
	// Reads are what the answer was made from: for each its place in the
	// snapshot, which is before that of this one, times two, and one more if it
	// begins a group.
	Reads []uint32
	// Append adds the value's bytes to those that it is given, in a snapshot
	// that is taken. It is nil if the snapshot that the engine was restored
	// from has them.
	Append func(to []byte) ([]byte, error)
}

// Snapshot takes what holds at the moment, once the runs under way are over.
// Look is called meanwhile, for what is to go with it, and says whether to take
// one though nothing differs from the last one, taken or restored. Nil if
// nothing does.
func (e *Engine) Snapshot(look func() bool) *Snapshot {
	e.world.Lock()
	defer e.world.Unlock()
	return e.snapshot(look)
}

// SnapshotIfIdle is Snapshot, unless a run is under way: then it does nothing,
// and idle is false.
func (e *Engine) SnapshotIfIdle(look func() bool) (taken *Snapshot, idle bool) {
	if !e.world.TryLock() {
		return nil, false
	}
	defer e.world.Unlock()
	return e.snapshot(look), true
}

func (e *Engine) snapshot(look func() bool) *Snapshot {
	wanted := look()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !wanted && !e.anew {
		return nil
	}
	e.anew = false
	t := &taking{engine: e, places: make(map[*node]int, len(e.nodes)), taken: &Snapshot{Nodes: make([]Kept, 0, len(e.nodes))}}
	for _, n := range e.nodes {
		if !n.kind.call { // of calls, those that somebody has read
			t.take(n)
		}
	}
	return t.taken
}

// taking is a snapshot while it is taken. A node has its place, or -1 if it is
// left out.
type taking struct {
	engine *Engine
	places map[*node]int
	taken  *Snapshot
}

// take adds a node, after those that it has read, and says where it is.
func (t *taking) take(n *node) int {
	if at, done := t.places[n]; done {
		return at
	}
	t.places[n] = -1
	a := n.answer
	again := a != nil && (a.brief || a.here)
	if a == nil || !again && !n.sound() {
		return -1
	}
	k := Kept{ID: n.id, Fingerprint: *a.fingerprint, Failed: a.failed, Again: again}
	if !again {
		k.Reads = make([]uint32, len(a.reads))
		for i, r := range a.reads {
			at := t.take(r.node)
			if at < 0 || *r.node.answer.fingerprint != *r.seen {
				return -1
			}
			k.Reads[i] = uint32(at) << 1
			if r.first {
				k.Reads[i]++
			}
		}
		k.Valued = !n.kind.input && !a.lost && (a.failed || !n.kind.unkept)
		switch {
		case k.Valued && a.spilt:
			k.Append = func(to []byte) ([]byte, error) { return t.engine.appendSpilt(to, a) }
		case k.Valued && !a.bare && !a.stored:
			k.Append = func(to []byte) ([]byte, error) { return t.engine.append(to, n.kind, a) }
		}
	}
	t.places[n] = len(t.taken.Nodes)
	t.taken.Nodes = append(t.taken.Nodes, k)
	return t.places[n]
}

// Restore makes an engine that has done nothing yet know what a snapshot says,
// as if it had found that out itself. The caller tells it which inputs may have
// changed since. Answers to queries that the engine does not have are left out.
func (e *Engine) Restore(s *Snapshot) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.value = s.Value
	if len(e.nodes) == 0 {
		e.nodes = make(map[ID]*node, len(s.Nodes)+len(s.Nodes)/8)
	}
	nodes, answers := make([]node, len(s.Nodes)), make([]answer, len(s.Nodes))
	sum := 0
	for i := range s.Nodes {
		sum += len(s.Nodes[i].Reads)
	}
	reads := make([]read, 0, sum)
	counts := make([]int32, len(s.Nodes)) // of readers
	for i := range s.Nodes {
		k, n := &s.Nodes[i], &nodes[i]
		begin := len(reads)
		known := e.kinds[k.Query] != nil
		for _, at := range k.Reads {
			from := at >> 1
			if int(from) >= i || nodes[from].answer == nil {
				known = false
				break
			}
			reads = append(reads, read{&nodes[from], &s.Nodes[from].Fingerprint, at&1 == 1})
		}
		if !known {
			reads = reads[:begin]
			continue
		}
		for _, r := range k.Reads {
			counts[r>>1]++
		}
		kind := e.kinds[k.Query]
		answers[i] = answer{fingerprint: &k.Fingerprint, failed: k.Failed, reads: reads[begin:len(reads):len(reads)], bare: true, lost: !k.Valued, restored: true, brief: k.Again}
		*n = node{id: k.ID, kind: kind, answer: &answers[i], stale: kind.input && k.Failed}
		e.nodes[k.ID] = n
	}
	e.linkAll(nodes, counts, sum)
	for i := range nodes {
		if n := &nodes[i]; n.answer != nil && (n.answer.brief || n.stale) {
			if n.answer.brief {
				e.brief[n] = struct{}{}
			}
			n.alarm()
		}
	}
}

// linkAll makes all nodes readers of what they have read. Counts says how many
// readers each will have, and sum how many all have.
func (e *Engine) linkAll(nodes []node, counts []int32, sum int) {
	readers, places := make([]reader, sum), make([]int32, sum)
	for i := range nodes {
		c := counts[i]
		nodes[i].readers, readers = readers[0:0:c], readers[c:]
	}
	for i := range nodes {
		n := &nodes[i]
		if n.answer == nil {
			continue
		}
		c := len(n.answer.reads)
		n.places, places = places[:c:c], places[c:]
		for j, r := range n.answer.reads {
			n.places[j] = int32(len(r.node.readers))
			r.node.readers = append(r.node.readers, reader{n, int32(j)})
		}
	}
}

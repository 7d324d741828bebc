package query

import "errors"

// Spill has values that are too many for memory, as long as the engine lives.
// Its methods are called from several goroutines. What it has lost, or gives
// wrongly, is worked out again.
type Spill interface {
	// Put keeps bytes, and says where; false if it cannot.
	Put(encoded []byte) (at int64, ok bool)
	Get(at int64, size int) ([]byte, bool)
	// Free lets go of what Put has kept.
	Free(at int64, size int)
}

// leastSpilt is the size of a value below which it costs more to spill than to
// hold.
const leastSpilt = 512

// ErrGone is in the error of Kept.Append for a value that was spilt, and is
// another by now. It is to be left out.
var ErrGone = errors.New("the value is not there any more")

// maySpill says whether an answer's value counts for Options.Room.
func (e *Engine) maySpill(k *kind, a *answer) bool {
	return e.options.Spill != nil && k.spills && !a.failed && !a.brief && a.size >= leastSpilt
}

// isFull says whether there is no room for a value.
func (e *Engine) isFull(size int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.held+int64(size) > e.options.Room
}

// spill puts an answer's value away if there is no room for it. The answer
// still has it, for whoever has asked.
func (e *Engine) spill(k *kind, a *answer, encoded []byte) {
	if a.size = len(encoded); e.maySpill(k, a) && e.isFull(a.size) {
		a.at, a.spilt = e.options.Spill.Put(encoded)
	}
}

// kept is what of an answer stays in memory.
func (e *Engine) kept(k *kind, a *answer) *answer {
	switch {
	case a.spilt && a.bare:
		return a
	case a.spilt, a.stored && e.maySpill(k, a) && e.held+int64(a.size) > e.options.Room:
		return spilt(a)
	}
	if !k.large || !e.stores(k) || a.brief {
		return a
	}
	return &answer{fingerprint: a.fingerprint, failed: a.failed, reads: a.reads, bare: true}
}

// spilt is an answer whose value is put away; the mutex is held.
func spilt(a *answer) *answer {
	return &answer{fingerprint: a.fingerprint, reads: a.reads, bare: true, spilt: a.spilt, at: a.at, size: a.size, brief: a.brief, here: a.here}
}

// replaced counts the value that a node has now, and lets go of those that it
// had.
func (e *Engine) replaced(n *node, before, value *answer) {
	if n.answer != before {
		if n.answer.counts() && e.maySpill(n.kind, n.answer) {
			n.answer.held = true
			e.held += int64(n.answer.size)
		}
		if before != nil && before != n.value && !(before.spilt && n.answer.spilt && before.at == n.answer.at) {
			e.drop(before)
		}
	}
	if value != nil && value != n.value {
		e.drop(value)
	}
}

// counts says that the value is in memory.
func (a *answer) counts() bool { return !a.bare && !a.spilt && !a.held }

// drop lets go of an answer's value.
func (e *Engine) drop(a *answer) {
	switch {
	case a == nil:
	case a.spilt:
		e.options.Spill.Free(a.at, a.size)
	case a.held:
		a.held = false
		e.held -= int64(a.size)
	}
}

// appendSpilt is Kept.Append of a value that is put away.
func (e *Engine) appendSpilt(to []byte, a *answer) ([]byte, error) {
	encoded, ok := e.options.Spill.Get(a.at, a.size)
	if !ok || digest(a.failed, encoded) != *a.fingerprint {
		return nil, ErrGone
	}
	return append(to, encoded...), nil
}

//go:build explore

package explore

import (
	"fmt"
	"reflect"

	"ddc/internal/step"
	"ddc/internal/sys"
)

var _ step.Explorer = (*run)(nil)

// Acquire orders the running task behind what was released to object.
func (r *run) Acquire(object any) {
	if r.wide != nil {
		r.wide.acquire(r, object)
	} else if !r.isQuiet(object) {
		r.current.seen.join(&r.object(object).released)
	}
}

// Release adds what the running task has done to what acquirers of object are
// behind.
func (r *run) Release(object any) {
	if t := r.current; r.wide != nil {
		r.wide.release(r, object, true)
	} else if !r.isQuiet(object) {
		t.seen[t.id]++
		r.object(object).released.join(&t.seen)
	}
}

// Publish puts what the running task has done in the place of what was
// released.
func (r *run) Publish(object any) {
	if t := r.current; r.wide != nil {
		r.wide.release(r, object, false)
	} else if !r.isQuiet(object) {
		t.seen[t.id]++
		r.object(object).released = t.seen
	}
}

// outlives orders the running task behind everything that the task it killed
// has done: a death is learned of only after it.
func (r *run) outlives(dead *task) {
	if t := r.current; r.wide != nil {
		r.wide.outlives(t, dead)
	} else {
		dead.seen[dead.id]++
		t.seen.join(&dead.seen)
	}
}

// granule is how many bytes the shadow tells apart.
const granule = 8

// shadow is who last accessed a granule, plainly.
type shadow struct {
	writer  int // task, or -1
	written uint32
	reads   clock
}

// Access checks a plain access of the running task against all before it.
func (r *run) Access(b []byte, write bool) {
	t := r.current
	if t == nil {
		return
	}
	at := reflect.ValueOf(b).Pointer()
	if v := sys.ViewOf(at, t.process); v != nil && v.Gone() {
		r.unmapped(t, r.memory(b))
	}
	if r.wide != nil {
		r.wide.access(r, b, write)
		return
	}
	for g := at / granule; g <= (at+uintptr(len(b))-1)/granule; g++ {
		s := r.shadows[g]
		if s == nil {
			s = &shadow{writer: -1}
			r.shadows[g] = s
		}
		if s.writer >= 0 && s.writer != t.id && s.written > t.seen[s.writer] {
			r.race(t, s.writer, b, "written", write)
		}
		if !write {
			s.reads[t.id] = t.seen[t.id] + 1
			continue
		}
		for reader, at := range s.reads {
			if reader != t.id && at > t.seen[reader] {
				r.race(t, reader, b, "read", write)
			}
		}
		s.writer, s.written = t.id, t.seen[t.id]+1
		s.reads = clock{}
	}
}

func (r *run) race(t *task, other int, b []byte, did string, write bool) {
	does := "reads"
	if write {
		does = "writes"
	}
	r.find(Race, fmt.Sprintf("%s %s %s, which %s has %s: nothing orders the two", t.name, does, r.memory(b), r.tasks[other].name, did))
}

// memory names a range of shared memory.
func (r *run) memory(b []byte) string {
	at := reflect.ValueOf(b).Pointer()
	for _, m := range r.world.memory {
		if at >= m.at && at < m.at+m.size {
			return fmt.Sprintf("%s[%d:%d]", m.name, at-m.at, at-m.at+uintptr(len(b)))
		}
	}
	return fmt.Sprintf("%d bytes of shared memory", len(b))
}

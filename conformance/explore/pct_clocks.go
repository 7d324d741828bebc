//go:build explore

package explore

import "reflect"

// mostTasks is how many tasks a random schedule may have. A search has room for
// maxTasks of them, since it keeps all that it knows of each at each step.
const mostTasks = 4096

// wideClocks tell accesses apart that nothing orders, as the clocks of a search
// do, among as many tasks as there are. What a search needs besides, which step
// depends on which, a random schedule does not ask.
type wideClocks struct {
	// seen is what each task is behind, released what those who acquire an object are.
	seen     []wideClock
	released map[any]wideClock
	accesses map[uintptr]*accesses
}

// wideClock counts the releases of each task. Tasks beyond its end have made none.
type wideClock []uint32

func (c wideClock) at(task int) uint32 {
	if task < len(c) {
		return c[task]
	}
	return 0
}

func (c *wideClock) join(other wideClock) {
	if missing := len(other) - len(*c); missing > 0 {
		*c = append(*c, make(wideClock, missing)...)
	}
	for i, n := range other {
		(*c)[i] = max((*c)[i], n)
	}
}

// access is one of a task, numbered as the release after it will be.
type access struct {
	task int
	made uint32
}

// accesses are those of a granule since the last write, and that write.
type accesses struct {
	written access
	reads   []access
}

func newWideClocks() *wideClocks {
	return &wideClocks{released: map[any]wideClock{}, accesses: map[uintptr]*accesses{}}
}

// spawn makes the clock of a task that is started by another, or by nobody.
func (c *wideClocks) spawn(parent *task) {
	var seen wideClock
	if parent != nil {
		c.count(parent.id)
		seen.join(c.seen[parent.id])
	}
	c.seen = append(c.seen, seen)
}

func (c *wideClocks) acquire(r *run, object any) {
	if !r.quiet[object] {
		c.seen[r.current.id].join(c.released[object])
	}
}

// release orders those who acquire the object behind the running task, and,
// where it adds, behind all whom they were behind before.
func (c *wideClocks) release(r *run, object any, adds bool) {
	if r.quiet[object] {
		return
	}
	task := r.current.id
	c.count(task)
	released := c.released[object]
	if !adds {
		released = released[:0]
	}
	released.join(c.seen[task])
	c.released[object] = released
}

func (c *wideClocks) outlives(t, dead *task) {
	c.count(dead.id)
	c.seen[t.id].join(c.seen[dead.id])
}

// count adds a release to a task's own.
func (c *wideClocks) count(task int) {
	seen := &c.seen[task]
	if missing := task + 1 - len(*seen); missing > 0 {
		*seen = append(*seen, make(wideClock, missing)...)
	}
	(*seen)[task]++
}

// access checks a plain access of the running task against all before it.
func (c *wideClocks) access(r *run, b []byte, write bool) {
	t := r.current
	seen := c.seen[t.id]
	mine := access{t.id, seen.at(t.id) + 1}
	at := reflect.ValueOf(b).Pointer()
	for g := at / granule; g <= (at+uintptr(len(b))-1)/granule; g++ {
		s := c.accesses[g]
		if s == nil {
			s = &accesses{written: access{task: t.id}}
			c.accesses[g] = s
		}
		if w := s.written; w.task != t.id && w.made > seen.at(w.task) {
			r.race(t, w.task, b, "written", write)
		}
		if !write {
			s.reads = append(s.reads, mine)
			continue
		}
		for _, read := range s.reads {
			if read.task != t.id && read.made > seen.at(read.task) {
				r.race(t, read.task, b, "read", write)
			}
		}
		s.written, s.reads = mine, s.reads[:0]
	}
}

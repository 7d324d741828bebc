//go:build explore

package explore

import "reflect"

// mostTasks is how many tasks a random schedule may have. A search has room for
// maxTasks of them, since it keeps all that it knows of each at each step.
const mostTasks = 4096

// wideClocks find accesses that nothing orders, as the clocks of a search do,
// but for any number of tasks. They do not track which step depends on which: a
// search needs that, a random schedule does not.
type wideClocks struct {
	// seen is what each task is ordered behind. released is what a task that
	// acquires an object is then ordered behind.
	seen     []wideClock
	released map[any]*wideClock
	accesses map[uintptr]*accesses
	// asked and answer are the last look into released.
	asked  any
	answer *wideClock
	// spare is the memory of runs that are over.
	spare         []wideClock
	spareAccesses []*accesses
}

// inherit takes over the memory of a run that is over.
func (c *wideClocks) inherit(old *wideClocks) {
	if c == nil || old == nil {
		return
	}
	c.spare, c.spareAccesses = old.spare, old.spareAccesses
	for _, clock := range old.released {
		c.spare = append(c.spare, *clock)
	}
	for _, a := range old.accesses {
		c.spareAccesses = append(c.spareAccesses, a)
	}
	c.spare = append(c.spare, old.seen...)
	clear(old.released)
	clear(old.accesses)
	c.released, c.accesses = old.released, old.accesses
}

func (c *wideClocks) take() (clock wideClock) {
	if n := len(c.spare); n > 0 {
		clock = c.spare[n-1][:0]
		c.spare = c.spare[:n-1]
	}
	return clock
}

// of is what those who acquire an object are behind.
func (c *wideClocks) of(object any) *wideClock {
	if object == c.asked {
		return c.answer
	}
	released := c.released[object]
	if released == nil {
		clock := c.take()
		released = &clock
		c.released[object] = released
	}
	c.asked, c.answer = object, released
	return released
}

// wideClock counts the releases of each task. Tasks beyond its end have made
// none.
type wideClock []uint32

func (c wideClock) at(task int) uint32 {
	if task < len(c) {
		return c[task]
	}
	return 0
}

func (c *wideClock) grow(n int) {
	for len(*c) < n {
		*c = append(*c, 0)
	}
}

func (c *wideClock) join(other wideClock) {
	c.grow(len(other))
	own := (*c)[:len(other)]
	for i, n := range other {
		own[i] = max(own[i], n)
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
	return &wideClocks{released: map[any]*wideClock{}, accesses: map[uintptr]*accesses{}}
}

// spawn makes the clock of a task that is started by another, or by nobody.
func (c *wideClocks) spawn(parent *task) {
	seen := c.take()
	if parent != nil {
		c.count(parent.id)
		seen.join(c.seen[parent.id])
	}
	c.seen = append(c.seen, seen)
}

func (c *wideClocks) acquire(r *run, object any) {
	if !r.isQuiet(object) {
		c.seen[r.current.id].join(*c.of(object))
	}
}

// release orders tasks that acquire the object behind the running task. If adds
// is set, they also stay behind all tasks that they were behind before.
func (c *wideClocks) release(r *run, object any, adds bool) {
	if r.isQuiet(object) {
		return
	}
	task := r.current.id
	c.count(task)
	released := c.of(object)
	if !adds {
		*released = (*released)[:0]
	}
	released.join(c.seen[task])
}

func (c *wideClocks) outlives(t, dead *task) {
	c.count(dead.id)
	c.seen[t.id].join(c.seen[dead.id])
}

// count adds a release to a task's own.
func (c *wideClocks) count(task int) {
	seen := &c.seen[task]
	seen.grow(task + 1)
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
			if n := len(c.spareAccesses); n > 0 {
				s, c.spareAccesses = c.spareAccesses[n-1], c.spareAccesses[:n-1]
			} else {
				s = new(accesses)
			}
			s.written, s.reads = access{task: t.id}, s.reads[:0]
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

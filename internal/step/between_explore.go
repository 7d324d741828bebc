//go:build explore

package step

// Between calls first, and second, whole, before the at-th step of first. It
// says whether first has so many. It is the least that a test of two operations
// at once can ask for, and needs no scenario: run it for each at until it
// returns false. Neither may wait for the other, or for a lock.
func Between(at int, first, second func()) bool {
	b := &between{at: at, second: second}
	Install(b)
	defer Install(nil)
	first()
	return b.ran
}

type between struct {
	at, steps   int
	second      func()
	ran, inside bool
}

func (b *between) Do(Op) int {
	if !b.inside {
		if b.steps++; b.steps == b.at {
			b.ran, b.inside = true, true
			b.second()
			b.inside = false
		}
	}
	return 0
}

func (*between) Did(uint64, uint64)          {}
func (*between) Acquire(any)                 {}
func (*between) Release(any)                 {}
func (*between) Publish(any)                 {}
func (*between) Access([]byte, bool)         {}
func (*between) Go(string, Op, bool, func()) {}
func (*between) Interrupts() bool            { return false }
func (*between) Task() any                   { return nil }
func (*between) Process() int                { return 0 }
func (*between) Lives() func() bool          { return func() bool { return true } }

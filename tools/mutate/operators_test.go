package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sample = `package clamp

import (
	"errors"
	"sync"
	"sync/atomic"
)

type box struct {
	word atomic.Uint32
	mu   sync.Mutex
	n    int
}

var errFull = errors.New("full")

func (b *box) put(done chan int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-done:
		return errFull
	default:
	}
	b.n += 3
	b.word.Add(1)
	if b.n < 10 && b.word.Load() != 0 {
		return nil
	}
	return errFull
}

func (b *box) take() bool { return b.word.CompareAndSwap(1, 0) }

func (b *box) last() uint32 { return b.word.Swap(2) }

func low(a, b int) int { return min(a, b) }
`

// The test of each operator: what it makes of the line that is there for it.
func TestOperatorsMakeTheDefectsTheyAreNamedFor(t *testing.T) {
	root := write(t, map[string]string{"go.mod": "module tiny\n\ngo 1.26\n", "clamp/box.go": sample})
	made := map[string][]string{}
	for _, m := range listOf(t, root) {
		made[m.operator] = append(made[m.operator], diff(nil, m.after))
	}
	for operator, want := range map[string][]string{
		leftOut:    {"+ if false { b.mu.Lock() }\n", "+ if false { b.n += 3 }\n", "+ if false { b.word.Add(1) }\n"},
		dropDefer:  {"+ if false { defer b.mu.Unlock() }\n"},
		swapped:    {"+ b.word.Add(1)\n+ b.n += 3\n"},
		dropCase:   {""},
		turned:     {"+ if !(b.n < 10 && b.word.Load() != 0) {\n", "+ if b.n < 10 && b.word.Load() == 0 {\n"},
		neverTaken: {"+ if (b.n < 10 && b.word.Load() != 0) && false {\n"},
		bound:      {"+ if b.n <= 10 && b.word.Load() != 0 {\n", "+ func low(a, b int) int { return max(a, b) }\n"},
		logic:      {"+ if b.n < 10 || b.word.Load() != 0 {\n"},
		operand:    {"+ if b.n < 10 {\n", "+ if b.word.Load() != 0 {\n"},
		arithmetic: {"+ b.n -= 3\n"},
		constant:   {"+ if b.n < 5 && b.word.Load() != 0 {\n", "+ b.n += 4\n", "+ b.n += 2\n"},
		split: {
			"+ func() uint32 { sum := b.word.Load() + (1); b.word.Store(sum); return sum }()\n",
			"+ func (b *box) take() bool { return func() bool { if b.word.Load() != 1 { return false }; b.word.Store(0); return true }() }\n",
			"+ func (b *box) last() uint32 { return func() uint32 { old := b.word.Load(); b.word.Store(2); return old }() }\n",
		},
		always:  {"+ func (b *box) take() bool { return func() bool { b.word.Store(0); return true }() }\n"},
		noError: {"+ return nil\n"},
	} {
		for _, w := range want {
			assert.Contains(t, made[operator], w, operator)
		}
	}
	assert.ElementsMatch(t, operators, keysOf(made), "each operator is tested here, and listed on the page")
}

func keysOf(made map[string][]string) (keys []string) {
	for k := range made {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Code that does nothing in production is left alone.
func TestAnnotationsAndFaultsAreNotMutated(t *testing.T) {
	root := write(t, map[string]string{
		"go.mod":         "module tiny\n\ngo 1.26\n",
		"fault/fault.go": "package fault\n\nfunc On(int) bool { return false }\n",
		"step/step.go":   "package step\n\nfunc Read([]byte) {}\n",
		"clamp/clamp.go": `package clamp

import (
	"tiny/fault"
	"tiny/step"
)

func F(b []byte, n int) int {
	step.Read(b)
	if fault.On(1) || n > 0 && fault.On(2) {
		return 7
	}
	return n
}
`,
	})
	for _, m := range listOf(t, root) {
		t.Errorf("%s: %s", m.operator, diff(m.before, m.after))
	}
}

// A change that nobody may see is no defect: of a value beside an error, of the
// order of two assignments that have nothing to do with each other, of what is
// called with a fault switched on alone.
func TestChangesThatNobodyMaySeeAreNotMade(t *testing.T) {
	root := write(t, map[string]string{
		"go.mod":               "module tiny\n\ngo 1.26\n",
		"clamp/clamp_sound.go": "package clamp\n\nfunc broken() int { return 1 }\n",
		"clamp/clamp.go": `package clamp

import (
	"errors"
	"sync"
)

var err = errors.New("none")

func F(a []int) (int, error) {
	a[0]++
	a[1] = 3
	a[2] = a[1]
	return 9, err
}

func H(mu *sync.RWMutex, a []int) {
	mu.RLock()
	defer mu.RUnlock()
	a[1]++
}

func G() (int, bool) { return 7, false }
`,
	})
	for _, m := range listOf(t, root) {
		after := diff(nil, m.after)
		assert.NotContains(t, m.file, "sound")
		if m.operator == swapped {
			assert.Regexp(t, `(?m)^\+ a\[2\] = a\[1\]\n\+ a\[1\] = 3|a\[1\]\+\+\n\+ defer`, after, "the second depends on the first")
		}
		assert.NotRegexp(t, `return [48], err|return [68], false`, after)
	}
}

func TestReasonsThatCannotBeReadAreNamed(t *testing.T) {
	root := write(t, map[string]string{
		"diff":   "- a\n",
		"reason": "ring.F\n- a\n+ b\n",
	})
	_, err := readReasons(root + "/diff")
	require.ErrorContains(t, err, "diff:1")
	_, err = readReasons(root + "/reason")
	require.ErrorContains(t, err, "ring.F needs a diff and a reason")
}

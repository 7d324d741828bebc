package query_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ddc/internal/query"
)

// shelf is a store in memory, which loses and spoils what a test tells it to.
type shelf struct {
	mu      sync.Mutex
	records map[query.ID]query.Record
	values  map[query.Fingerprint][]byte
	saved   int
}

func newShelf() *shelf {
	return &shelf{records: map[query.ID]query.Record{}, values: map[query.Fingerprint][]byte{}}
}

func (s *shelf) Record(id query.ID) (query.Record, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[id]
	return r, ok
}

func (s *shelf) Value(contents query.Fingerprint) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[contents]
	return v, ok
}

func always() bool { return true }

// restart ends an engine, keeps what it knows on the shelf, and begins another
// with it. The shelf loses some of it on the way.
func (s *shelf) restart(t *testing.T, random *rand.Rand, old *subject, begin func() *subject) *subject {
	t.Helper()
	taken := old.engine.Snapshot(always)
	s.mu.Lock()
	for i := range taken.Nodes {
		k := &taken.Nodes[i]
		if k.Append != nil {
			encoded, err := k.Append(nil)
			k.Append = nil
			if errors.Is(err, query.ErrGone) {
				continue
			}
			require.NoError(t, err)
			s.values[k.Fingerprint] = encoded
		}
		if random != nil && random.IntN(50) == 0 {
			k.Query = "of another version"
		}
	}
	s.mu.Unlock()
	taken.Value = s.Value
	next := begin()
	next.engine.Restore(taken)
	return next
}

func (s *shelf) Save(id query.ID, r query.Record, encoded []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[id], s.values[r.Fingerprint] = r, encoded
	s.saved++
}

func (s *shelf) Drop(id query.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, id)
}

// fault is an error that is an answer.
type fault string

func (f fault) Error() string { return string(f) }

type faults struct{}

func (faults) Encode(err error) ([]byte, bool) {
	var f fault
	if !errors.As(err, &f) {
		return nil, false
	}
	return []byte(f), true
}

func (faults) Decode(text []byte) error { return fault(text) }

// The program under test is made of levels. The answer of "L/N" reads input N,
// and what that says decides what else is read on the level below: nothing, one
// answer, one after another, several together, or a call. It may fail.
const (
	levels = 5
	width  = 12
)

// world is what the inputs say; -1 is for one that is absent.
type world struct {
	mu     sync.Mutex
	inputs map[string]int
}

func (w *world) look(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := w.inputs[key]; ok {
		return v
	}
	return -1
}

func (w *world) copy() *world { return &world{inputs: maps.Clone(w.inputs)} }

// reader is how the program reads: through an engine, or always anew.
type reader interface {
	input(key string) (int, error)
	level(key string) (int, error)
	all(keys []string) ([]int, error)
	square(n int) (int, error)
}

func key(level, n int) string { return fmt.Sprintf("%d/%d", level, ((n%width)+width)%width) }

// program works an answer out. It is what both the engine and the model run.
func program(r reader, at string) (int, error) {
	l, rest, _ := strings.Cut(at, "/")
	level, _ := strconv.Atoi(l)
	n, _ := strconv.Atoi(rest)
	v, err := r.input("i" + rest)
	if err != nil {
		return 0, err
	}
	if level == 0 {
		return v / 2, nil // two inputs give one answer: the wave stops here
	}
	switch v % 6 {
	case 0:
		return n, nil
	case 1:
		return r.level(key(level-1, n+v))
	case 2: // the second read rests on the first
		a, err := r.level(key(level-1, n+1))
		if err != nil {
			return -1 - a, nil // a fault is looked at, and gone over
		}
		b, err := r.level(key(level-1, a))
		return a + b, err
	case 3:
		sum := 0
		values, err := r.all([]string{key(level-1, n), key(level-1, n+2), key(level-1, n+5)})
		for _, v := range values {
			sum += v
		}
		return sum, err
	case 4:
		return r.square(v)
	default:
		return 0, fault(fmt.Sprintf("%s has %d", at, v))
	}
}

// model works everything out anew, always.
type model struct{ *world }

func (m model) input(key string) (int, error) { return m.look(key), nil }
func (m model) square(n int) (int, error)     { return n * n, nil }
func (m model) level(key string) (int, error) {
	v, err := program(m, key)
	if err != nil {
		return 0, err // an answer is a value or an error
	}
	return v, nil
}

func (m model) all(keys []string) ([]int, error) {
	values := make([]int, len(keys))
	var first error
	for i, k := range keys {
		v, err := m.level(k)
		values[i] = v
		if first == nil {
			first = err
		}
	}
	return values, first
}

// subject is an engine with the program's queries.
type subject struct {
	engine  *query.Engine
	inputs  *query.Query[int]
	levels  *query.Query[int]
	squares *query.Call[int, int]

	mu      sync.Mutex
	outcome map[query.Outcome]int
	because map[query.ID]query.ID
}

type asked struct {
	ctx context.Context
	ask *query.Ask
	s   *subject
}

func (a asked) input(key string) (int, error)    { return a.s.inputs.Get(a.ctx, a.ask, key) }
func (a asked) level(key string) (int, error)    { return a.s.levels.Get(a.ctx, a.ask, key) }
func (a asked) all(keys []string) ([]int, error) { return a.s.levels.All(a.ctx, a.ask, keys) }
func (a asked) square(n int) (int, error)        { return a.s.squares.Get(a.ctx, a.ask, n) }

// padded is a codec of numbers that are large enough to be put away.
type padded struct{ query.Codec[int] }

func (p padded) Encode(v int) ([]byte, error) {
	text, err := p.Codec.Encode(v)
	return append(text, bytes.Repeat([]byte(" "), 1000)...), err
}

// attic is a Spill that loses and spoils some of what it has.
type attic struct {
	mu     sync.Mutex
	random *rand.Rand
	values map[int64][]byte
	last   int64
}

func newAttic(random *rand.Rand) *attic { return &attic{random: random, values: map[int64][]byte{}} }

func (a *attic) Put(encoded []byte) (int64, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	a.values[a.last] = bytes.Clone(encoded)
	return a.last, a.random.IntN(10) > 0
}

func (a *attic) Get(at int64, size int) ([]byte, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := a.values[at]
	switch a.random.IntN(20) {
	case 0:
		return nil, false
	case 1:
		return make([]byte, size), true
	}
	return v, ok && len(v) == size
}

func (a *attic) Free(at int64, _ int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, there := a.values[at]; !there {
		panic("a place is freed twice")
	}
	delete(a.values, at)
}

func newSubject(w *world, o query.Options, large bool) *subject {
	s := &subject{outcome: map[query.Outcome]int{}, because: map[query.ID]query.ID{}}
	o.Errors = faults{}
	o.Told = func(e query.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.outcome[e.Outcome]++
		s.because[e.ID] = e.Because
	}
	s.engine = query.NewEngine(o)
	var options, ofInputs []query.Option
	if large {
		options = append(options, query.Large)
	}
	if o.Spill != nil {
		options, ofInputs = append(options, query.Spilt), []query.Option{query.Spilt}
	}
	s.inputs = query.NewInput(s.engine, "input", padded{query.JSON[int]()}, func(_ context.Context, key string) (int, error) { return w.look(key), nil }, ofInputs...)
	s.levels = query.New(s.engine, "level", padded{query.JSON[int]()}, func(ctx context.Context, ask *query.Ask, key string) (int, error) {
		return program(asked{ctx, ask, s}, key)
	}, options...)
	s.squares = query.NewCall(s.engine, "square", query.JSON[int](), strconv.Itoa, func(_ context.Context, n int) (int, error) { return n * n, nil })
	return s
}

// counts returns how answers were found since the last time, inputs not
// counted.
func (s *subject) counts() map[query.Outcome]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.outcome
	s.outcome = map[query.Outcome]int{}
	return c
}

// compare asks for all answers of the highest level, and compares them with the
// model's.
func (s *subject) compare(t *testing.T, w *world, history []string) {
	t.Helper()
	want := model{w}
	err := s.engine.Run(t.Context(), func(ctx context.Context, ask *query.Ask) error {
		for n := range width {
			at := key(levels-1, n)
			got, err := s.levels.Get(ctx, ask, at)
			right, rightErr := want.level(at)
			require.Equal(t, outcome(right, rightErr), outcome(got, err), "%s differs after %d steps:\n%s", at, len(history), strings.Join(history, "\n"))
		}
		return nil
	})
	require.NoError(t, err)
}

func outcome(v int, err error) string {
	if err != nil {
		return "fault: " + err.Error()
	}
	return strconv.Itoa(v)
}

package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// program is a test program of one package, built with a layer's schema.
type program struct {
	folder, binary string
	rungs          []*rung
}

// rung is a part of a program's tests. A mutant climbs them until one catches
// it.
type rung struct {
	tests   []string      // patterns of the testing package, for its -run
	cost    time.Duration // what they took beside all others, to order them by
	alone   time.Duration // what they take with nothing changed
	reached map[int]bool  // heads of the schema's functions that run in them

	once sync.Once // alone and reached are true after it
	err  error
}

func (r *rung) pattern() string { return strings.Join(r.tests, "|") }

// judge is a checker made ready for one layer.
type judge struct {
	ready    sync.Once
	err      error
	schema   *schema
	programs []*program

	mu     sync.Mutex
	caught map[string]int // by rung's pattern
}

// quick is how long a test may take to run with others of its kind in one
// program; a slower one has a program of its own, after them.
const quick = 250 * time.Millisecond

// ready builds a checker's programs for a layer, once, and runs them on the
// original code: a program that fails there cannot judge mutants.
func (t *trier) ready(ctx context.Context, c checker, layer string) (*judge, error) {
	t.mu.Lock()
	j := t.judges[layer+" "+c.name]
	if j == nil {
		j = &judge{schema: t.schemas[layer], caught: map[string]int{}}
		t.judges[layer+" "+c.name] = j
	}
	t.mu.Unlock()
	j.ready.Do(func() {
		if j.err = t.prepare(ctx, j, c, layer); j.err == nil {
			j.err = t.cache.settle()
		}
	})
	return j, j.err
}

func (t *trier) prepare(ctx context.Context, j *judge, c checker, layer string) error {
	dir := filepath.Join(t.scratch, strings.ReplaceAll(layer, "/", "_")+"-"+c.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("prepare %s: %w", c.name, err)
	}
	began := time.Now()
	if out, err := t.compile(ctx, c, layer, dir, t.visible(c, j.schema.files)); err != nil {
		return fmt.Errorf("build checker %s for %s: %w: %s", c.name, layer, err, out)
	}
	built := time.Since(began)
	for _, f := range c.packages(layer) {
		p := &program{folder: f, binary: filepath.Join(dir, filepath.Base(f)+".test")}
		if _, err := os.Stat(p.binary); errors.Is(err, os.ErrNotExist) {
			continue // a package without tests
		}
		if err := t.measure(ctx, p, c); err != nil {
			return fmt.Errorf("check %s with nothing changed: checker %s: %w: mend that first", layer, c.name, err)
		}
		j.programs = append(j.programs, p)
	}
	t.say("%s: %s takes %v to build and %v to run with nothing changed", layer, c.name,
		built.Round(100*time.Millisecond), (time.Since(began) - built).Round(100*time.Millisecond))
	return nil
}

// visible are the files that the checker's build has.
func (t *trier) visible(c checker, files map[string][]byte) map[string][]byte {
	seen := map[string][]byte{}
	for name, text := range files {
		if _, err := os.Stat(filepath.Join(t.root, name)); errors.Is(err, fs.ErrNotExist) || c.sees(t.root, name) {
			seen[name] = text
		}
	}
	return seen
}

var passed = regexp.MustCompile(`(?m)^--- PASS: (\S+) \((\d+\.\d+)s\)`)

// measure divides a program's tests into rungs.
func (t *trier) measure(ctx context.Context, p *program, c checker) error {
	if len(c.rungs) > 0 {
		for _, pattern := range c.rungs {
			p.rungs = append(p.rungs, &rung{tests: []string{pattern}})
		}
		return nil
	}
	v, err := t.run(ctx, p, c, &rung{}, nil, 10*time.Minute)
	if err != nil || v.outcome != survived {
		return errors.Join(err, v.failure())
	}
	p.rungs = divide(v.output)
	return nil
}

// known runs a rung on the original code before the first mutant climbs it: a
// rung that fails there cannot judge mutants.
func (t *trier) known(ctx context.Context, p *program, c checker, r *rung) error {
	r.once.Do(func() {
		reached := filepath.Join(filepath.Dir(p.binary), fmt.Sprintf("reached-%x", sha256.Sum256([]byte(r.pattern()))))
		began := time.Now()
		v, err := t.run(ctx, p, c, r, []string{reachedVariable + "=" + reached}, 10*time.Minute)
		took := time.Since(began)
		if err != nil || v.outcome != survived {
			r.err = errors.Join(err, v.failure())
			return
		}
		r.alone = took
		r.reached, r.err = heads(reached)
	})
	if r.err != nil {
		return fmt.Errorf("check %s with nothing changed: checker %s: %w: mend that first", p.folder, c.name, r.err)
	}
	return nil
}

// divide makes one rung of the quick tests, and one of each other.
func divide(output []byte) []*rung {
	fast := &rung{}
	var rungs []*rung
	for _, match := range passed.FindAllSubmatch(output, -1) {
		seconds, _ := strconv.ParseFloat(string(match[2]), 64) // the expression admits nothing else
		took, name := time.Duration(seconds*float64(time.Second)), "^"+string(match[1])+"$"
		if took <= quick {
			fast.tests = append(fast.tests, name)
		} else {
			rungs = append(rungs, &rung{tests: []string{name}, cost: took})
		}
	}
	slices.SortFunc(rungs, func(a, b *rung) int { return cmp.Compare(a.cost, b.cost) })
	if len(fast.tests) > 0 {
		rungs = slices.Insert(rungs, 0, fast)
	}
	return rungs
}

// heads reads what a schema has written, and removes it.
func heads(path string) (map[int]bool, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what was reached: %w", err)
	}
	reached := map[int]bool{}
	for line := range strings.Lines(string(text)) {
		n, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			return nil, fmt.Errorf("read what was reached: %w", err)
		}
		reached[n] = true
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what was reached: %w", err)
	}
	return reached, nil
}

// order is the order in which a mutant climbs the rungs: those first that have
// caught the most for their cost.
func (j *judge) order(p *program) []*rung {
	rungs := slices.Clone(p.rungs)
	j.mu.Lock()
	defer j.mu.Unlock()
	worth := func(r *rung) float64 {
		return float64(1+j.caught[r.pattern()]) / (r.cost + 50*time.Millisecond).Seconds()
	}
	slices.SortStableFunc(rungs, func(a, b *rung) int { return cmp.Compare(worth(b), worth(a)) })
	return rungs
}

// meets says whether a known rung runs a mutant's function. A mutant that is in
// no schema meets every rung.
func (j *judge) meets(r *rung, m *mutant) bool {
	_, in := j.schema.numbers[m.key()]
	return !in || r.reached[j.schema.heads[m.head()]]
}

func (j *judge) credit(r *rung) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.caught[r.pattern()]++
}

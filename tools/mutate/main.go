// Command mutate makes small defects in the transport, and says which of them
// the tests miss. It writes docs/MUTATIONS.md, which also says how to use it.
//
//	go run ./tools/mutate -layers ring,slot -sample 50 -seed 1
//
// walk.go and operators.go make mutants, schema.go puts them into one build,
// checkers.go says which tests may catch them, program.go builds those tests,
// trial.go runs them, results.go keeps the results, and page.go writes the
// page.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

type options struct {
	root                   string
	layers, checkers, only string
	results, reasons, page string
	cache, again           string
	sample, parallel       int
	seed                   uint64
	budget                 time.Duration
	list, writePage        bool
	tags                   string
	available              []checker
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := options{tags: "nodynamic", available: checkers}
	flag.StringVar(&o.layers, "layers", strings.Join(layers, ","), "the packages to mutate, by their folders")
	flag.StringVar(&o.checkers, "checkers", "", "the checkers to ask, by name (default all)")
	flag.StringVar(&o.only, "only", "", "the mutants to try, by key (default all)")
	flag.IntVar(&o.sample, "sample", 0, "how many mutants to draw from these layers (default all)")
	flag.Uint64Var(&o.seed, "seed", 1, "what the sample is drawn with")
	flag.IntVar(&o.parallel, "parallel", 1, "how many mutants to try at a time")
	flag.DurationVar(&o.budget, "budget", 10*time.Second, "how long tests may take beyond five times what they take with nothing changed")
	flag.StringVar(&o.again, "again", "", `what to try though it was tried: "survivors", "timeouts" or "all"`)
	flag.BoolVar(&o.list, "list", false, "list the mutants, and try none")
	flag.BoolVar(&o.writePage, "page", false, "write the page from the results, and try none")
	flag.StringVar(&o.results, "results", "tools/mutate/results.json", "where results are kept")
	flag.StringVar(&o.reasons, "reasons", "tools/mutate/equivalent.txt", "the list of equivalent mutants")
	flag.StringVar(&o.page, "o", "docs/MUTATIONS.md", "the page to write")
	flag.StringVar(&o.cache, "cache", "out/mutate/cache", "a build cache for mutants, which is kept small; none is the user's own")
	flag.Parse()
	var err error
	if o.root, err = os.Getwd(); err == nil {
		if o.cache != "" {
			o.cache = o.in(o.cache)
		}
		err = mutate(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// mutate lists the mutants, tries those that are due, and writes the page.
func mutate(ctx context.Context, o options, out io.Writer) error {
	reasons, err := readReasons(o.in(o.reasons))
	if err != nil {
		return err
	}
	r, err := open(o.in(o.results))
	if err != nil {
		return err
	}
	var broken error // what ended the trials early; the page has those before it
	if !o.writePage {
		mutants, err := o.picked(ctx, r, out)
		if err != nil || o.list {
			return err
		}
		broken = o.try(ctx, r, mutants, out)
	}
	if err := os.WriteFile(o.in(o.page), []byte(page(r, reasons, o.available)), 0o644); err != nil {
		return errors.Join(broken, fmt.Errorf("write page: %w", err))
	}
	return broken
}

func (o options) in(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(o.root, path)
}

// picked are the mutants that this run is about, in their order.
func (o options) picked(ctx context.Context, r *record, out io.Writer) ([]*mutant, error) {
	sources, err := load(ctx, o.root, o.tags, strings.Split(o.layers, ","))
	if err != nil {
		return nil, err
	}
	var all []*mutant
	for _, s := range sources {
		mutants, made, err := s.mutants(o.root)
		if err != nil {
			return nil, err
		}
		r.list(s.layer, made, mutants)
		all = append(all, mutants...)
	}
	all = o.pick(all)
	if o.list {
		for _, m := range all {
			fmt.Fprintf(out, "%s %s:%d %s: %s\n%s\n", m.key(), m.file, m.line, m.where(), m.operator, diff(m.before, m.after))
		}
		fmt.Fprintf(out, "%d mutants\n", len(all))
		return nil, nil
	}
	again, err := o.repeated()
	if err != nil {
		return nil, err
	}
	picked := map[string]bool{}
	for _, m := range all {
		picked[m.key()] = true
	}
	asked, err := o.asked()
	if err != nil {
		return nil, err
	}
	r.forget(asked, func(one result) bool { return picked[one.Key] && again(one) })
	return all, nil
}

// pick draws the sample. The mutants stand in the order of files and lines;
// pick divides them into stretches, and draws one from each. So each function
// has its part, and each mutant the same chance. The same seed draws the same
// sample from the same code.
func (o options) pick(all []*mutant) []*mutant {
	if o.only != "" {
		keys := strings.Split(o.only, ",")
		return slices.DeleteFunc(all, func(m *mutant) bool { return !slices.Contains(keys, m.key()) })
	}
	if o.sample <= 0 || o.sample >= len(all) {
		return all
	}
	drawn := rand.New(rand.NewPCG(o.seed, 0)).Float64()
	sample := make([]*mutant, o.sample)
	for i := range sample {
		sample[i] = all[int((float64(i)+drawn)*float64(len(all))/float64(o.sample))]
	}
	return sample
}

func (o options) repeated() (func(result) bool, error) {
	switch o.again {
	case "":
		return func(result) bool { return false }, nil
	case "survivors":
		return func(one result) bool { return one.Outcome == survived }, nil
	case "timeouts":
		return func(one result) bool { return one.Outcome == timedOut }, nil
	case "all":
		return func(result) bool { return true }, nil
	}
	return nil, fmt.Errorf("-again %s: say survivors, timeouts or all", o.again)
}

// asked are the checkers of this run.
func (o options) asked() ([]checker, error) {
	if o.checkers == "" {
		return o.available, nil
	}
	return named(o.available, strings.Split(o.checkers, ","))
}

// due is a mutant and the checkers that have still to be asked about it.
type due struct {
	*mutant
	asked []checker
}

// try asks the checkers about each mutant that is due.
func (o options) try(ctx context.Context, r *record, mutants []*mutant, out io.Writer) error {
	asked, err := o.asked()
	if err != nil {
		return err
	}
	var left []due
	for _, m := range mutants {
		if missing := r.missing(m.key(), asked); len(missing) > 0 {
			left = append(left, due{m, missing})
		}
	}
	// In random order, so that a run that is broken off has tried a fair
	// sample.
	rand.New(rand.NewPCG(o.seed, 1)).Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	lines := make(chan string)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for line := range lines {
			fmt.Fprintln(out, line)
		}
	}()
	say := func(format string, args ...any) { lines <- fmt.Sprintf(format, args...) }
	t := &trier{root: o.root, cache: &cache{dir: o.cache}, builds: o.available, budget: o.budget, schemas: map[string]*schema{}, judges: map[string]*judge{}, say: say}
	err = o.trials(ctx, t, r, left)
	close(lines)
	<-done
	return err
}

func (o options) trials(ctx context.Context, t *trier, r *record, left []due) error {
	if len(left) == 0 {
		t.say("nothing is due: every mutant picked was tried")
		return nil
	}
	dir, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return fmt.Errorf("make schemas: %w", err)
	}
	defer os.RemoveAll(dir)
	t.scratch = dir
	if err := t.makeSchemas(left); err != nil {
		return err
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(o.parallel)
	for i, d := range left {
		if within.Err() != nil {
			break
		}
		group.Go(func() error {
			one, err := t.try(within, d.mutant, r.get(d.mutant), d.asked)
			if err != nil {
				return err
			}
			t.say("%d/%d %s:%d %s: %s %s %s", i+1, len(left), d.file, d.line, d.operator, one.Outcome, one.Checker, one.Test)
			return r.add(one)
		})
	}
	return errors.Join(group.Wait(), t.cache.tidy())
}

// makeSchemas puts the mutants that are due into their packages.
func (t *trier) makeSchemas(left []due) error {
	of := map[*source][]*mutant{}
	for _, d := range left {
		of[d.source] = append(of[d.source], d.mutant)
	}
	for s, mutants := range of {
		all, err := s.schema(t.root, mutants)
		if err != nil {
			return fmt.Errorf("make schema of %s: %w", s.layer, err)
		}
		t.schemas[s.layer] = all
	}
	return nil
}

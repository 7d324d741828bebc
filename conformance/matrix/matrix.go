package matrix

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"ddc/internal/fault"
	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/wake/strategy"
)

// Options say what to run.
type Options struct {
	// Folder is where temporary files go, "" for the system's folder.
	Folder string
	// Program is the program with faults, and Args make it call Host.
	Program string
	Args    []string
	// Open makes a plugin's service, for the build that all others are compared
	// with.
	Open func(name string) (plugin.Service, error)
	// Site is the folder of the site that every cell builds.
	Site string
	// Faults are names, or empty for all; the row without a fault, NoFault, is
	// always run.
	Faults []string
	// Strategies are names, or empty for all; the column of one process,
	// Inproc, is always run, and by itself if it is the only name.
	Strategies []string
	// Calls is how many small calls a cell's burst has; 0 is 2000.
	Calls int
	// Seed makes the workload's choices.
	Seed uint64
	// Together is how many cells run at once; 0 is one for each processor, but
	// at most two.
	Together int
	// Started and Done, if not nil, hear of each cell, and Moved of a cell's
	// progress. They are called one at a time.
	Started func(fault, strategy string)
	Moved   func(fault, strategy, stage string, answered int)
	Done    func(c Cell, n, of int)
}

// Report is a whole run.
type Report struct {
	Begun   time.Time     `json:"begun"`
	Took    time.Duration `json:"took_ns"`
	Machine Machine       `json:"machine"`
	Calls   int           `json:"calls"`
	// Planned is how many cells the run was to have: more than Cells where it
	// was ended early.
	Planned int    `json:"planned"`
	Cells   []Cell `json:"cells"`
	// InARow has a cell of each fault under the conditions of the hang's
	// report: ten calls one after the other, over rings of 256.
	InARow []Cell `json:"in_a_row,omitempty"`
}

// Machine is what the run ran on.
type Machine struct {
	Processors int    `json:"processors"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
}

// DefaultCalls is how many small calls a burst has by default.
const DefaultCalls = 2000

// Reported is the strategy of the system in the hang's report: a socket pair as
// the doorbell, and an event loop that sleeps in edge-triggered epoll.
const Reported = "socketpair" + fault.EpollSuffix

// Strategies lists the strategies that a matrix can have: the four, and those
// that sleep as an event loop does. Only the program with faults has the
// latter.
func Strategies() []string {
	names := strategy.Names()
	for _, e := range fault.Catalogue() {
		for _, s := range e.On {
			if !slices.Contains(names, s) {
				names = append(names, s)
			}
		}
	}
	return names
}

// woken are the strategies asked for that wake somebody: all but Inproc.
func (o Options) woken() []string {
	return slices.DeleteFunc(slices.Clone(o.Strategies), func(s string) bool { return s == Inproc })
}

// plan lists the cells of a run: the row without a fault first, of all columns.
func plan(o Options) []task {
	all, chosen := len(o.Strategies) == 0, o.woken()
	var tasks []task
	add := func(name string) {
		for _, s := range append([]string{Inproc}, chosen...) {
			tasks = append(tasks, task{Fault: name, Strategy: s})
		}
	}
	if all {
		chosen = Strategies()
	}
	add(NoFault)
	names := o.Faults
	if len(names) == 0 {
		names = fault.Names()
	}
	for _, name := range names {
		if name == NoFault {
			continue
		}
		if all {
			e, _ := fault.ByName(name)
			// An event loop makes no difference to a fault that is not about
			// event loops. One event loop is run all the same, since the hang's
			// report has one.
			chosen = slices.DeleteFunc(Strategies(), func(s string) bool {
				return strings.HasSuffix(s, fault.EpollSuffix) && s != Reported && !slices.Contains(e.On, s)
			})
		}
		add(name)
	}
	return tasks
}

// usualCell is about how long a cell takes on a machine with two free
// processors.
const usualCell = 3 * time.Second

// Extent says how many cells a run of o has, and about how long it takes.
func Extent(o Options) (cells int, takes time.Duration) {
	cells = len(plan(o))
	return cells, time.Duration(cells) * usualCell / 2
}

// Run runs the matrix. A cell that hangs is a result, not an error. If the run
// ends early, Run returns the error and a report of the cells that were done,
// or nil if there are none.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Calls == 0 {
		o.Calls = DefaultCalls
	}
	if o.Together == 0 {
		o.Together = min(2, runtime.NumCPU())
	}
	r := &Report{Begun: time.Now().UTC().Truncate(time.Second), Calls: o.Calls, Machine: thisMachine()}
	begun := time.Now()
	tree, err := controlTree(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("build the site to compare with: %w", err)
	}
	tasks := append(plan(o), inARow(o)...)
	for i := range tasks {
		tasks[i].Calls, tasks[i].Seed, tasks[i].Site, tasks[i].Tree = o.Calls, o.Seed, o.Site, tree
	}
	for _, t := range tasks {
		if !t.InARow {
			r.Planned++
		}
	}
	cells, err := runAll(ctx, o, tasks)
	if len(cells) == 0 {
		return nil, err
	}
	for _, c := range cells {
		if c.InARow {
			r.InARow = append(r.InARow, c)
		} else {
			r.Cells = append(r.Cells, c)
		}
	}
	r.finish()
	r.Took = time.Since(begun)
	return r, err
}

// finish compares cells with their controls, and with the catalogue.
func (r *Report) finish() {
	r.judgeSlow()
	for i := range r.Cells {
		c := &r.Cells[i]
		c.Expected = expectation(c.Fault, c.Strategy)
		c.Agrees = c.Expected.agrees(c.Verdict)
	}
}

// runAll runs cells, and gives those that were done, in the order of tasks.
func runAll(ctx context.Context, o Options, tasks []task) ([]Cell, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cells := make([]Cell, len(tasks))
	next, done := 0, 0
	var mu sync.Mutex // guards next, done and the functions of o
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		if next == len(tasks) || ctx.Err() != nil {
			return -1
		}
		if o.Started != nil {
			o.Started(tasks[next].Fault, tasks[next].Strategy)
		}
		next++
		return next - 1
	}
	var running sync.WaitGroup
	for range o.Together {
		running.Go(func() {
			for i := take(); i >= 0; i = take() {
				t := tasks[i]
				c, err := runSamples(ctx, o, t, func(n news) {
					mu.Lock()
					defer mu.Unlock()
					if o.Moved != nil {
						o.Moved(t.Fault, t.Strategy, n.Stage, n.Answered)
					}
				})
				if err != nil {
					cancel(err)
					return
				}
				cells[i] = c
				mu.Lock()
				done++
				if o.Done != nil {
					o.Done(c, done, len(tasks))
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	cells = slices.DeleteFunc(cells, func(c Cell) bool { return c.Fault == "" })
	return cells, context.Cause(ctx)
}

// samples is how often a cell that hangs is run on the strategy of the report.
const samples = 3

func runSamples(ctx context.Context, o Options, t task, progress func(news)) (Cell, error) {
	c, err := runCell(ctx, o, t, progress)
	for len(c.Again) < samples-1 && err == nil && c.Verdict == Hung && t.Strategy == Reported {
		t.Seed++
		var again Cell
		again, err = runCell(ctx, o, t, progress)
		c.Again = append(c.Again, again.Outcome)
		c.Seconds += again.Seconds
	}
	return c, err
}

// controlTree builds the site in this process, where there are no wake-ups.
func controlTree(ctx context.Context, o Options) (tree string, err error) {
	folder, err := os.MkdirTemp(o.Folder, "ddc-matrix-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a leftover in the temporary folder is no failure
	h, err := host.New(host.Options{Local: o.Open})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	return buildSite(ctx, o.Site, filepath.Join(folder, "site"), func(name string) grpc.ClientConnInterface { return h.Conn(name) })
}

func thisMachine() Machine {
	m := Machine{Processors: runtime.NumCPU(), Go: runtime.Version()}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
	}
	return m
}

const (
	// A cell is slow if it has at least this many stalls, and this many times
	// as many as its control. A busy machine makes one or two.
	slowStalls = 6
	slowRatio  = 4
	// A cell is also slow if calls took this long although they had the machine
	// to themselves.
	slowCall = 50 * time.Millisecond
)

// judgeSlow compares cells that ended well with the cell without a fault on the
// same strategy.
func (r *Report) judgeSlow() {
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Verdict != Immune || c.Fault == NoFault {
			continue
		}
		control := r.Cell(NoFault, c.Strategy)
		if control == nil {
			continue
		}
		if usual := control.Stalls.Count; c.Stalls.Count >= max(slowStalls, slowRatio*usual) {
			c.Verdict, c.Why = Slow, fmt.Sprintf("%v (without the fault: %d times)", c.Stalls, usual)
			continue
		}
		late, usual := c.late(), control.late()
		if late >= max(slowStalls, slowRatio*usual) {
			c.Verdict = Slow
			c.Why = fmt.Sprintf("%d calls that were made one at a time took more than %v (without the fault: %d)", late, slowCall, usual)
		}
	}
}

// late counts calls of the stage "one at a time" that took longer than
// slowCall, or about that: buckets double.
func (c *Cell) late() int {
	from := int(math.Ceil(math.Log2(float64(slowCall.Microseconds())))) + 1
	for _, l := range c.Latency {
		if l.Stage == stageSingle {
			n := 0
			for b := from; b < len(l.Buckets); b++ {
				n += l.Buckets[b]
			}
			return n
		}
	}
	return 0
}

// Cell finds one, or nil.
func (r *Report) Cell(fault, strategy string) *Cell {
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Fault == fault && c.Strategy == strategy {
			return c
		}
	}
	return nil
}

// Faults lists the faults, the control row first.
func (r *Report) Faults() []string {
	return r.distinct(func(c *Cell) string { return c.Fault })
}

// Columns lists the strategies, the control column first.
func (r *Report) Columns() []string {
	return r.distinct(func(c *Cell) string { return c.Strategy })
}

func (r *Report) distinct(of func(*Cell) string) []string {
	var all []string
	for i := range r.Cells {
		if s := of(&r.Cells[i]); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Disagreements lists the cells that differ from what the catalogue expects.
func (r *Report) Disagreements() []Cell {
	return slices.DeleteFunc(slices.Clone(r.Cells), func(c Cell) bool { return c.Agrees })
}

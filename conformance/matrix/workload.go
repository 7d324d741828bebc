package matrix

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"ddc/plugin/host"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// workers is how many goroutines call at once: as many as in the hang's report.
const workers = 80

// workload is what a cell's host process does, and what it knows of it.
type workload struct {
	task
	names   []string
	host    *host.Host
	log     *journal
	watch   *stopwatch
	numbers atomic.Uint64 // of calls
	// begun and ended count calls, answered those of them that were as they
	// should be.
	begun, ended, answered atomic.Int64
	plugins                map[string]*tally
	stalls                 stallBook
	telling                sync.Mutex
	over                   bool // guarded by telling

	mu    sync.Mutex
	stage string
}

// tally counts the calls of one plugin.
type tally struct{ begun, ended, answered atomic.Int64 }

func newWorkload(t task, names []string, h *host.Host, log *journal) *workload {
	w := &workload{task: t, names: names, host: h, log: log, watch: newStopwatch(), plugins: map[string]*tally{}}
	for _, name := range names {
		w.plugins[name] = new(tally)
	}
	return w
}

// stages are what a cell goes through, in order.
func (w *workload) stages() []stage {
	if w.InARow {
		return []stage{{"ten calls in a row", w.tenInARow}}
	}
	all := []stage{
		{"first calls", w.first},
		{"burst", w.burst},
		{stageSingle, w.single},
		{"handlers that wait", w.waiting},
		{"up to 10 MB", w.large},
		{"too large to send", w.tooLarge},
		{"given up before they are sent", w.tooLate},
		{"given up together", w.givenUp},
		{"given up while another waits", w.leaving},
	}
	if w.Strategy != Inproc {
		all = append(all, stage{"signals", w.signals})
	}
	all = append(all, stage{"build", w.build})
	if w.Strategy != Inproc {
		all = append(all, stage{"death", w.death})
	}
	return append(all, stage{stageEnd, w.end})
}

// stageSingle is the stage whose calls decide whether a cell is slow. stageEnd
// is the one in which the host closes.
const (
	stageSingle = "one at a time"
	stageEnd    = "end"
)

type stage struct {
	name string
	run  func(ctx context.Context) error
}

func (w *workload) now() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stage
}

// run goes through all stages.
func (w *workload) run(ctx context.Context) error {
	if err := w.host.Start(ctx, w.names...); err != nil {
		return err
	}
	for _, s := range w.stages() {
		w.mu.Lock()
		w.stage = s.name
		w.mu.Unlock()
		if err := s.run(ctx); err != nil {
			return err
		}
		if cause := w.log.restart(); cause != "" {
			return fmt.Errorf("a link ended, and its plugin was started again: %s", cause)
		}
	}
	return nil
}

// errCorrupt marks data that is not what it must be.
var errCorrupt = errors.New("corrupt")

// callError is a failed call's error, and its plugin.
type callError struct {
	plugin string
	err    error
}

func (e *callError) Error() string { return fmt.Sprintf("plugin %s: %v", e.plugin, e.err) }
func (e *callError) Unwrap() error { return e.err }

// call makes one call of the probe and checks the answer.
func (w *workload) call(ctx context.Context, name, method string, size int) error {
	return w.callNumber(ctx, name, method, w.numbers.Add(1), size)
}

func (w *workload) callNumber(ctx context.Context, name, method string, number uint64, size int) error {
	var reply wrapperspb.BytesValue
	w.begun.Add(1)
	defer w.ended.Add(1)
	t := w.plugins[name]
	t.begun.Add(1)
	defer t.ended.Add(1)
	begun := time.Now()
	err := w.host.Plugin(name).Invoke(ctx, method, wrapperspb.Bytes(payload(number, size)), &reply)
	if err == nil {
		if method == methodEcho {
			w.watch.add(w.now(), time.Since(begun))
		}
		err = checkReply(number, size, reply.Value)
	}
	if err != nil {
		return &callError{name, err}
	}
	w.answered.Add(1)
	t.answered.Add(1)
	return nil
}

// each runs n goroutines, and ends all with the first error.
func each(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			if err := work(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// first gives each plugin its first calls, one plugin after the other, from
// twice as many goroutines as its ring has descriptors.
func (w *workload) first(ctx context.Context) error {
	const callers, calls = 2 * ringCells, 4
	for _, name := range w.names {
		err := each(ctx, callers, func(ctx context.Context, _ int) error {
			for range calls {
				if err := w.call(ctx, name, methodEcho, 32); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// burst makes small calls from all workers to all plugins. Most fit a
// descriptor, some take a slot.
func (w *workload) burst(ctx context.Context) error { return w.bursts(ctx, workers, w.Calls) }

func (w *workload) bursts(ctx context.Context, callers, calls int) error {
	return each(ctx, callers, func(ctx context.Context, i int) error {
		choose := rand.New(rand.NewPCG(w.Seed, uint64(i)))
		for range max(1, calls/callers) {
			size := 8 + choose.IntN(32)
			switch choose.IntN(20) {
			case 0, 1, 2, 3:
				size = 100 + choose.IntN(4000)
			case 4:
				size = 10_000 + choose.IntN(90_000)
			}
			if err := w.call(ctx, w.names[choose.IntN(len(w.names))], methodEcho, size); err != nil {
				return err
			}
		}
		return nil
	})
}

// single makes one call at a time, so that no other call's wake-ups help it.
func (w *workload) single(ctx context.Context) error {
	for i := range 12 * len(w.names) {
		if err := w.call(ctx, w.names[i%len(w.names)], methodEcho, 32); err != nil {
			return err
		}
	}
	return nil
}

// waiting has handlers that wait for a later call, as for a child process.
func (w *workload) waiting(ctx context.Context) error {
	const parked = 2 * ringCells
	return each(ctx, len(w.names), func(ctx context.Context, i int) error {
		name := w.names[i]
		first := w.numbers.Add(parked) - parked
		return each(ctx, parked+1, func(ctx context.Context, n int) error {
			if n < parked {
				return w.callNumber(ctx, name, methodPark, first+uint64(n), 8)
			}
			for n := range uint64(parked) {
				if err := w.callNumber(ctx, name, methodRelease, first+n, 8); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// tooLarge has a plugin reply with more than may be sent. Its caller must hear
// that.
func (w *workload) tooLarge(ctx context.Context) error {
	for _, name := range w.names[:4] {
		err := w.call(ctx, name, methodGrow, 8)
		if err == nil {
			return fmt.Errorf("%w: plugin %s answered with more than it may", errCorrupt, name)
		}
		if err := unless(ctx, codes.ResourceExhausted, err); err != nil {
			return err
		}
	}
	return nil
}

// large sends payloads up to 10 MB to and fro, several to one plugin, so that
// rings are full in both directions.
func (w *workload) large(ctx context.Context) error {
	sizes := []int{10_000_000, 3_000_000, 1_000_000, 300_000}
	return each(ctx, 4*len(sizes), func(ctx context.Context, i int) error {
		if err := w.call(ctx, w.names[i%4], methodEcho, sizes[i/4]); err != nil {
			return err
		}
		for range 4 { // alone on its link, with nothing of the pool in its hands
			if err := w.call(ctx, w.names[i], methodEcho, 600_000); err != nil {
				return err
			}
		}
		return nil
	})
}

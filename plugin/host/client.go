package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/printable"
	"ddc/plugin/agreement"
	"ddc/rpc"
	"ddc/transport"
)

// Plugin is one plugin of a host, over all its runs. Calls go to the present
// run. If there is none, or it has ended, a new one is started. With [Replicas]
// there may be several Plugins of one name, of which each has runs of its own;
// calls of any go to the one that has the fewest.
//
// If the plugin dies during a unary call, or does not answer in time, the call
// is made again on the next run: calls of plugins must be safe to repeat. A
// stream is not repeated; its time limit is for each wait without a message.
type Plugin struct {
	host *Host
	name string // of a further process with its number
	// remote is nil for a plugin that runs on this machine.
	remote Remote

	calls, errors atomic.Uint64

	replicas *replicas
	busy     int  // calls under way; guarded by replicas.mu, as failed is
	failed   bool // it died during the last call

	// turn holds a value while somebody starts or ends a run.
	turn chan struct{}
	// room is taken by calls under way: see everyone.
	room *semaphore.Weighted
	// patience ends calls of a process that last too long.
	patience *patience
	// allowance is what it may have logged.
	allowance *allowance

	mu       sync.Mutex // guards what follows, and is never held while waiting
	current  run
	restarts int
	deaths   int // in a row, without a call that was answered
	followed bool
	closed   bool
	past     transport.Stats // of the runs that have ended
}

var _ grpc.ClientConnInterface = (*Plugin)(nil)

// run is one life of a plugin: a process, or a service within this one.
type run interface {
	connection() connection
	pid() int
	stats() transport.Stats
	// kill ends the run by force, and does not wait. Its calls fail with cause.
	// A service in this process can't be killed: then kill does nothing.
	kill(cause error)
	stop(ctx context.Context) error
}

func (p *process) connection() connection { return p.conn }
func (p *process) pid() int               { return p.cmd.Process.Pid }
func (p *process) stats() transport.Stats { return p.link.Stats() }

func (l *local) connection() connection { return l.conn }
func (l *local) pid() int               { return 0 }
func (l *local) stats() transport.Stats { return l.link.Stats() }

// The pause before a plugin that died is started again doubles with each death
// in a row.
const (
	firstPause = 20 * time.Millisecond
	longPause  = 2 * time.Second
)

// Name is the plugin's name, and for a further process of it its number too.
// See [Replicas].
func (p *Plugin) Name() string { return p.name }

// base is the name of the plugin, whichever of its processes this is.
func (p *Plugin) base() string { return baseOf(p.name) }

// killForExcess kills a run whose answer was larger than allowed: nothing that
// it says can be trusted any more.
func killForExcess(r run, err error) {
	if errors.Is(err, rpc.ErrExcess) {
		r.kill(err)
	}
}

func (p *Plugin) answered() {
	p.mu.Lock()
	first := !p.followed
	p.deaths, p.followed = 0, true
	p.mu.Unlock()
	if first {
		p.follow()
	}
}

// acquire returns the present run, or starts one.
func (p *Plugin) acquire(ctx context.Context) (run, error) {
	if r, err := p.running(); r != nil || err != nil {
		return r, err
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	defer func() { <-p.turn }()
	if r, err := p.running(); r != nil || err != nil {
		return r, err
	}
	if err := p.bury(ctx); err != nil {
		return nil, err
	}
	r, err := p.start()
	if err != nil {
		return nil, &startError{p.name, err}
	}
	p.host.serve(p.name, r)
	p.mu.Lock()
	p.current = r
	p.mu.Unlock()
	return r, nil
}

func (p *Plugin) running() (run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, p.stopped()
	}
	if p.current == nil {
		return nil, nil
	}
	select {
	case <-p.current.connection().Done():
		return nil, nil
	default:
		return p.current, nil
	}
}

// bury cleans up a run that has ended, if there is one, and pauses: longer with
// each death in a row. The caller has the turn.
func (p *Plugin) bury(ctx context.Context) error {
	p.mu.Lock()
	old := p.current
	p.current = nil
	if old == nil {
		p.mu.Unlock()
		return nil
	}
	pause := min(firstPause<<min(p.deaths, 10), longPause)
	p.deaths++
	p.restarts++
	p.mu.Unlock()

	// The link has ended, so whatever still runs there is of no use to anybody.
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := old.stop(now); err != nil {
		p.host.options.Logger.Warn("end of a plugin", "plugin", p.name, "cause", err)
	}
	p.remember(old)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.host.closing:
		return p.stopped()
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

func (p *Plugin) stopped() error {
	return status.Errorf(codes.Canceled, "plugin %s: the host has stopped its plugins", p.name)
}

func (p *Plugin) remember(old run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.past = add(p.past, old.stats())
}

func (p *Plugin) start() (run, error) {
	h := p.host
	calls := h.options.Calls
	requests := calls.requests()
	connect := rpc.ConnOptions{
		Name: "plugin " + p.name, MaxMessage: calls.MaxMessage, MaxRequest: requests.Bytes, Replies: calls.Replies, Stats: calls.Stats,
		Private: h.options.Isolate || h.options.Local != nil, // else every plugin can read the hub
	}
	if h.options.Local != nil {
		service, err := h.options.Local(p.base())
		if err != nil {
			return nil, err
		}
		return startLocal(h.transport, p.name, service, calls.Services != nil, connect, rpc.ServerOptions{Requests: requests})
	}
	path, args := h.options.Command(p.base())
	program, open := path, ""
	if sum, checked := h.checksum(p.base()); checked {
		v, err := verify(path, sum)
		if err != nil {
			return nil, err
		}
		defer v.close()
		program, open = v.name, v.path()
	}
	offer, err := h.offer(p.name, connect)
	if err != nil {
		return nil, err
	}
	return startProcess(offer, h.threads, processSpec{
		name: p.name, program: program, open: open, path: path, args: args, spin: h.options.Spin,
		level: h.options.Level, logger: h.options.Logger.With(pluginKey, p.name), allowance: p.allowance, temporary: h.temporary, heap: h.options.Memory.Soft, requests: requests, live: h.options.Memory.Live,
		startTime: h.options.StartTime, versions: h.versions(p.name), serves: calls.Services != nil,
	})
}

// close ends the run, and refuses new ones.
func (p *Plugin) close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.turn <- struct{}{} // whoever starts a run is waited for, and finds it closed next time
	defer func() { <-p.turn }()
	p.mu.Lock()
	old := p.current
	p.current = nil
	p.mu.Unlock()
	p.patience.stop()
	defer p.tellDropped()
	if old == nil {
		return nil
	}
	err := old.stop(ctx)
	p.remember(old)
	if err != nil {
		return fmt.Errorf("plugin %s: %w", p.name, err)
	}
	return nil
}

// Restart ends the plugin's processes, each once its unary calls under way are
// over; streams are broken off. The next call starts what Options.Command and
// Options.Checksum say then: a program that was built anew, say. A process that
// does not end within a few seconds is killed. An error says that ctx was done,
// or how a process failed to end. A plugin on other machines stays as it is.
func (p *Plugin) Restart(ctx context.Context) error {
	if p.remote != nil {
		return nil
	}
	var errs []error
	for _, one := range p.replicas.list() {
		errs = append(errs, one.end(ctx))
	}
	return errors.Join(errs...)
}

// end ends the present run in good order.
func (p *Plugin) end(ctx context.Context) error {
	if err := p.room.Acquire(ctx, everyone); err != nil {
		return fmt.Errorf("restart plugin %s: wait for its calls: %w", p.name, err)
	}
	defer p.room.Release(everyone)
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("restart plugin %s: wait for its start: %w", p.name, ctx.Err())
	}
	defer func() { <-p.turn }()
	p.mu.Lock()
	old := p.current
	p.current, p.deaths = nil, 0
	p.mu.Unlock()
	if old != nil {
		limited, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		err := old.stop(limited)
		p.remember(old)
		if err != nil {
			return fmt.Errorf("restart plugin %s: %w", p.name, err)
		}
	}
	if p.host.threads != nil {
		p.host.threads.forget(p.name) // it may start no other program than the last
	}
	return nil
}

// tellDropped logs how much of the plugin's output was dropped.
func (p *Plugin) tellDropped() {
	if written, dropped := p.allowance.sums(); dropped > 0 {
		p.host.options.Logger.Warn(fmt.Sprintf("plugin %s wrote %s; %s dropped", p.name, printable.Size(written), printable.Size(dropped)))
	}
}

// Stats counts what a plugin has done over all its runs.
type Stats struct {
	// Name is as [Plugin.Name].
	Name string
	// PID is the present run's process, or 0 if there is none or it is this
	// process.
	PID      int
	Wake     string
	Calls    uint64
	Errors   uint64
	Restarts int
	// Layers are the sandbox's layers, as applied before the first run.
	Layers Layers
	// Remote is where a plugin on other machines runs, or "" for one on this.
	Remote string
	// Link is counted at the host's end.
	Link transport.Stats
}

// Stats reads the counters.
func (p *Plugin) Stats() Stats {
	var layers Layers
	if p.host.threads != nil {
		layers = p.host.threads.layers(p.name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Name: p.name, Wake: p.host.WakeOf(p.name), Calls: p.calls.Load(), Errors: p.errors.Load(), Restarts: p.restarts, Layers: layers, Link: p.past}
	if p.remote != nil {
		s.Remote, s.Link = p.remote.Target(), p.remote.Stats()
	}
	if p.current != nil {
		s.PID = p.current.pid()
		s.Link = add(s.Link, p.current.stats())
	}
	return s
}

// Calls lists the present run's calls, oldest first; false says that there is
// no run. It takes no lock that a caller could hold while waiting.
func (p *Plugin) Calls() ([]rpc.Call, bool) {
	if p.remote != nil {
		return p.remote.Calls(), true
	}
	p.mu.Lock()
	r := p.current
	p.mu.Unlock()
	if r == nil {
		return nil, false
	}
	return callsOf(r), true
}

// callsOf lists a run's calls, but for the stream that carries the plugin's own
// to the host: it lasts as long as the run.
func callsOf(r run) []rpc.Call {
	return slices.DeleteFunc(r.connection().Calls(), func(c rpc.Call) bool { return c.Method == agreement.HostMethod })
}

func add(a, b transport.Stats) transport.Stats {
	return transport.Stats{
		FramesIn: a.FramesIn + b.FramesIn, FramesOut: a.FramesOut + b.FramesOut,
		BytesIn: a.BytesIn + b.BytesIn, BytesOut: a.BytesOut + b.BytesOut,
		WakeupsSent: a.WakeupsSent + b.WakeupsSent, WakeupsSuppressed: a.WakeupsSuppressed + b.WakeupsSuppressed,
		WakeupsReceived: a.WakeupsReceived + b.WakeupsReceived, WakeupsSpurious: a.WakeupsSpurious + b.WakeupsSpurious,
	}
}

// Package host starts plugins, calls them, repeats calls, confines them, starts
// them again and stops them.
//
// A host asks for a connection by the plugin's name. The process starts with the
// first call, and starts again if it dies:
//
//	h, err := host.New(host.Options{Command: ...})
//	shout := shoutpb.NewShoutClient(h.Conn("shout"))
//	answer, err := shout.Shout(ctx, request)
//	...
//	err = h.Close()
//
// A run of a plugin is a process, or, with Options.Local, a service in this one. What
// a process inherits, and what its environment says, is in ddc/plugin/agreement.
// A thread for each plugin forks its runs, restricted to what its Confinement
// leaves (ddc/plugin/spec).
//
// # Debugging
//
// Plugin.Stats counts, Plugin.Look looks at the present run, and neither takes a lock
// that a caller could hold while waiting. Dumps, traces and the watchdog are
// ddc/plugin/watch's. Options.Logger gets each restart with its cause.
//
// # Testing
//
// Tests are their own plugins: the test binary starts itself, and obeys the text of
// what it is sent (host_test.go). Options.Local runs services without processes.
package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"ddc/internal/heir"
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/rpc"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/transport/inproc"
	"ddc/wake"
	"ddc/wake/strategy"
)

// Options say how a host runs its plugins.
type Options struct {
	// Command gives the program that is the plugin of a name.
	Command func(name string) (path string, args []string)
	// Local, if not nil, gives the service of a plugin's name, to run in this
	// process instead of one of its own: no Command, no hub, no wake-up.
	Local func(name string) (plugin.Service, error)
	// Wake is the strategy of all plugins but those in WakeOf, or "" for the default.
	Wake string
	// WakeOf is the strategy of single plugins, by name.
	WakeOf map[string]string
	// ByName makes the strategy of a name, or is nil for [strategy.ByName].
	ByName func(name string) (wake.Strategy, error)
	// Spin is how long both sides of each link spin before they sleep.
	Spin wake.Spin
	// Confine, if not nil, says what each plugin may do and gets of the environment,
	// by its name; else plugins may do what this process may.
	Confine func(name string) spec.Confinement
	// Isolate gives each plugin a hub of its own, so that none can write where another reads.
	Isolate bool
	// Hub sizes the hub. Its Spin and Strategy are not used.
	Hub hub.Options
	// Attempts is how often one call may be made before a plugin that dies of it is
	// given up, or 0 for 3.
	Attempts int
	// CallTimeout is how long one attempt of a unary call may take, or 0 for spec.DefaultCallTime. A plugin that
	// has not answered by then is taken for hung: it is killed, and the call repeated, once. A stream may be waited on
	// for as long without a message in either direction; it fails then, and is not repeated.
	CallTimeout time.Duration
	// CallTimeoutOf is that of the calls of single plugins, by name.
	CallTimeoutOf map[string]time.Duration
	// StartTime is how long a plugin's program may take until it attaches, or 0 for 10 s. One that has not is
	// killed, and its calls and streams fail with [ErrNeverAttached].
	StartTime time.Duration
	// Unary and Stream wrap the calls of what Conn gives, the first outermost. A call that is repeated is one to them.
	Unary  []grpc.UnaryClientInterceptor
	Stream []grpc.StreamClientInterceptor
	// Stats are told of every link, and of every attempt of a call.
	Stats []stats.Handler
	// Replies, if not nil, bounds what a plugin may answer to a method. One that answers more is killed, and the call
	// fails: it would be answered so again.
	Replies func(method string) rpc.Bounds
	// Requests bounds what plugins are sent: each holds it for itself. Depth has its default.
	Requests rpc.Bounds
	// MemoryLimit is the heap, in bytes, beyond which a plugin's collector leaves no garbage, or 0 for none: what is
	// needed is taken all the same.
	MemoryLimit int64
	// LiveLimit is what may be alive on a plugin's heap, in bytes, or 0 for no bound. A plugin that needs more ends itself; a call
	// that needs more each time fails with InvalidArgument.
	LiveLimit int64
	// TempDir, if not nil, makes a temporary folder in parent, with a name that begins with prefix, and sees to it that it
	// goes when this process is killed. Plugins then have their temporary files in one of the host's.
	TempDir func(parent, prefix string) (string, error)
	// Logger gets what plugins log, or nil for nobody; Level is the least that they send.
	Logger *slog.Logger
	Level  slog.Level
}

// grace is how long a plugin that was asked to end may take.
const grace = 5 * time.Second

// Host runs plugins. All methods may be called from any goroutine.
type Host struct {
	options    Options
	transport  transport.Transport
	hub        *hub.Hub // nil where plugins are local, or isolated
	isolation  *isolation
	strategies map[string]wake.Strategy
	threads    *forkers
	temporary  string        // the plugins' TMPDIR
	closing    chan struct{} // closed when Close begins

	mu      sync.Mutex
	closed  bool
	plugins map[string]*Plugin
}

// New makes a host. No plugin runs yet.
func New(o Options) (*Host, error) {
	o.Wake = cmp.Or(o.Wake, strategy.Default)
	o.Attempts = cmp.Or(o.Attempts, 3)
	o.StartTime = cmp.Or(o.StartTime, defaultStartTime)
	o.CallTimeout = cmp.Or(o.CallTimeout, spec.DefaultCallTime)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Host{options: o, strategies: map[string]wake.Strategy{}, plugins: map[string]*Plugin{}, closing: make(chan struct{})}
	if o.ByName == nil {
		o.ByName = strategy.ByName
	}
	for _, name := range append([]string{o.Wake}, slices.Collect(maps.Values(o.WakeOf))...) {
		if h.strategies[name] == nil {
			var err error
			if h.strategies[name], err = o.ByName(name); err != nil {
				return nil, err
			}
		}
	}
	if o.Local != nil {
		h.transport = inproc.New()
		return h, nil
	}
	o.Hub.Spin = o.Spin
	var err error
	if o.Isolate {
		h.isolation, err = newIsolation(o.Hub)
		h.transport = h.isolation
	} else {
		h.hub, err = hub.Create(o.Hub)
		h.transport = h.hub
	}
	if err != nil {
		return nil, err
	}
	h.temporary = os.TempDir()
	if o.TempDir != nil {
		if h.temporary, err = o.TempDir(h.temporary, "ddc-"); err != nil {
			return nil, errors.Join(fmt.Errorf("make a temporary folder for plugins: %w", err), h.transport.Close())
		}
	}
	h.threads = newForkers(o, h.temporary)
	return h, nil
}

// Transport is the name of what carries the calls: "shm" or "inproc".
func (h *Host) Transport() string { return h.transport.Name() }

// Local says whether plugins run in this process.
func (h *Host) Local() bool { return h.options.Local != nil }

// WakeOf is the name of the strategy of a plugin.
func (h *Host) WakeOf(name string) string { return cmp.Or(h.options.WakeOf[name], h.options.Wake) }

// Conn gives the connection to a plugin, which starts with its first call.
func (h *Host) Conn(name string) grpc.ClientConnInterface {
	return rpc.Intercept(h.Plugin(name), h.options.Unary, h.options.Stream)
}

// Plugin gives the plugin of a name, started or not.
func (h *Host) Plugin(name string) *Plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.plugins[name]
	if p == nil {
		p = &Plugin{host: h, name: name, turn: make(chan struct{}, 1), room: semaphore.NewWeighted(everyone), patience: newPatience(h.CallTimeout(name)), allowance: newAllowance(time.Now), closed: h.closed}
		h.plugins[name] = p
	}
	return p
}

// Plugins lists those that Plugin or Conn were asked for, by name.
func (h *Host) Plugins() []*Plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	plugins := make([]*Plugin, 0, len(h.plugins))
	for _, p := range h.plugins {
		plugins = append(plugins, p)
	}
	slices.SortFunc(plugins, func(a, b *Plugin) int { return cmp.Compare(a.name, b.name) })
	return plugins
}

// Hubs lists the hubs that carry the host's calls, each at the same index for as
// long as the host lives: none where plugins run in this process.
func (h *Host) Hubs() []*hub.Hub {
	switch {
	case h.isolation != nil:
		return h.isolation.list()
	case h.hub == nil:
		return nil
	}
	return []*hub.Hub{h.hub}
}

// Start starts plugins ahead of their first calls, all at once.
func (h *Host) Start(ctx context.Context, names ...string) error {
	var started sync.WaitGroup
	errs := make([]error, len(names))
	for i, name := range names {
		started.Go(func() { _, errs[i] = h.Plugin(name).acquire(ctx) })
	}
	started.Wait()
	return errors.Join(errs...)
}

// Close fails the calls under way, and ends every plugin: in good order within
// a few seconds, else by force. No process, descriptor or goroutine is left.
func (h *Host) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return h.Stop(ctx)
}

// Stop is Close that uses force once ctx is done. A handler that shares this process can't be
// forced: Stop leaves it running, and returns an error.
func (h *Host) Stop(ctx context.Context) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	close(h.closing)
	h.mu.Unlock()
	plugins := h.Plugins()
	var ended sync.WaitGroup
	errs := make([]error, len(plugins))
	for i, p := range plugins {
		ended.Go(func() { errs[i] = p.close(ctx) })
	}
	ended.Wait()
	errs = append(errs, h.transport.Close())
	if h.threads != nil {
		h.threads.Close()
	}
	if h.threads != nil && h.options.TempDir != nil {
		if err := heir.Remove(h.temporary); err != nil {
			h.options.Logger.Warn("plugins' temporary files could not be removed", "folder", h.temporary, "cause", err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop plugins: %w", err)
	}
	return nil
}

var _ io.Closer = (*Host)(nil)

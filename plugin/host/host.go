// Package host starts plugins, confines them, calls them, repeats calls,
// restarts plugins that died, and stops them.
//
// A host asks for a connection by the plugin's name. The process starts with
// the first call, and starts again if it dies:
//
//	h, err := host.New(host.Options{Command: ...})
//	shout := shoutpb.NewShoutClient(h.Conn("shout"))
//	answer, err := shout.Shout(ctx, request)
//	...
//	err = h.Close()
//
// A run of a plugin is a process, or, with Options.Local, a service in this
// one. Package plugin/agreement says what a process inherits, in
// descriptors and environment. Each plugin has a thread that forks its runs;
// the thread is restricted to what the plugin's Confinement allows
// (plugin/spec).
//
// # Debugging
//
// Plugin.Stats counts, and Plugin.Look looks at the present run. Neither takes
// a lock that a caller could hold while waiting. Dumps, traces and the watchdog
// are in plugin/watch. Options.Logger gets each restart with its cause.
//
// # Testing
//
// Tests are their own plugins: the test binary starts itself, and each
// request's text tells it what to do (host_test.go). Options.Local runs
// services without processes.
package host

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"ddc/internal/heir"
	"ddc/internal/inuse"
	"ddc/plugin"
	"ddc/plugin/agreement"
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
	// Command gives the program of a plugin, by name.
	Command func(name string) (path string, args []string)
	// Checksum, if not nil, is the SHA-256 that a plugin's program must have,
	// by the plugin's name; false is for one that is not checked. Another
	// program is not started, and its calls fail with [ErrChecksum]. When it
	// says another sum, [Plugin.Restart] has that program run.
	Checksum func(name string) (sum [sha256.Size]byte, checked bool)
	// Local, if not nil, gives the service of a plugin, by name. It then runs
	// in this process: no Command, no hub, no wake-up.
	Local func(name string) (plugin.Service, error)
	// GRPC reaches each plugin's process by ordinary gRPC over a socket of its
	// own: no hub, no strategy, nothing of this module below the stubs. It is a
	// control group, as Local is. Wake, WakeOf, Spin, Isolate and Hub mean
	// nothing then, and Calls bound the bytes of messages alone.
	GRPC bool
	// Wake is the strategy of all plugins not in WakeOf, or "" for the default.
	Wake string
	// WakeOf is the strategy of single plugins, by name.
	WakeOf map[string]string
	// ByName makes a strategy from its name; nil is [strategy.ByName].
	ByName func(name string) (wake.Strategy, error)
	// Spin is how long both sides of each link spin before they sleep.
	Spin wake.Spin
	// Confine, if not nil, says what a plugin may do and which variables it
	// gets, by its name. If nil, plugins may do what this process may.
	Confine func(name string) spec.Confinement
	// Isolate gives each plugin a hub of its own, so that no plugin can write
	// where another reads.
	Isolate bool
	// Hub sizes the hub. Its Spin and Strategy are not used.
	Hub hub.Options
	// Attempts is how often a call is made in all, if the plugin dies each
	// time; 0 is 3.
	Attempts int
	// CallTimeout is how long one attempt of a unary call may take, or 0 for
	// spec.DefaultCallTime. A plugin that has not answered by then counts as
	// hung: it is killed, and the call is repeated once. A stream may wait as
	// long without a message in either direction; then it fails, and is not
	// repeated.
	CallTimeout time.Duration
	// CallTimeoutOf is the CallTimeout of single plugins, by name.
	CallTimeoutOf map[string]time.Duration
	// StartTime is how long a plugin's program may take until it attaches, or 0
	// for 10 s. After that it is killed, and its calls and streams fail with
	// [ErrNeverAttached]. Time in which it waits for a processor does not
	// count, up to nine times as much.
	StartTime time.Duration
	// Calls are what the calls of plugins pass through.
	Calls Calls
	// Memory bounds the heap of each plugin.
	Memory Memory
	// TempDir, if not nil, makes a temporary folder in parent, with a name that
	// begins with prefix. It must ensure that the folder is removed even if
	// this process is killed. Plugins then keep their temporary files in such a
	// folder.
	TempDir func(parent, prefix string) (string, error)
	// Logger gets what plugins log; nil drops it. Level is the lowest level
	// that plugins send.
	Logger *slog.Logger
	Level  slog.Level
}

// Calls wrap, watch and bound what a host's plugins are asked and answer.
type Calls struct {
	// Unary and Stream wrap the calls made through Conn, the first outermost. A
	// repeated call counts as one call.
	Unary  []grpc.UnaryClientInterceptor
	Stream []grpc.StreamClientInterceptor
	// Replicas lets calls of a plugin go to several processes of it. They count
	// among the peers of the hub.
	Replicas Replicas
	// Stats hear of every link, and of every attempt of a call.
	Stats []stats.Handler
	// Replies, if not nil, bounds the answers to a method. A plugin that
	// answers more is killed. The call fails and is not repeated, since the
	// answer would be the same.
	Replies func(method string) rpc.Bounds
	// Requests bounds what plugins receive. Each plugin enforces it itself,
	// with the default Depth.
	Requests rpc.Bounds
	// MaxMessage is the largest request or reply, in bytes, where Requests or
	// Replies leave Bytes at 0. 0 is 256 MiB.
	MaxMessage int
	// Remote, if not nil, gives the connection to a plugin that runs on other
	// machines, by name, or nil for one that runs here. Package
	// plugin/remote makes them. The host counts their calls and starts
	// nothing; repeating, bounds and closing are the connection's.
	Remote func(name string) Remote
	// Versions, if not nil, are those of a plugin's service that this host
	// speaks, by the plugin's name. The plugin serves the highest that it
	// speaks too (plugin.Options.Versions); without one its calls fail with
	// [ErrVersions].
	Versions func(name string) agreement.Versions
	// Then, if not nil, names the plugins whose calls follow those of a plugin,
	// by its name, as the next steps of the same work. They are started once it
	// has answered for the first time.
	Then func(name string) []string
	// Services, if not nil, registers what this host serves to a plugin, by the
	// plugin's name: see plugin.Host. A plugin that has been taken over may
	// call it as it likes.
	Services func(name string, r grpc.ServiceRegistrar)
}

// Remote makes the calls of a plugin on other machines.
type Remote interface {
	grpc.ClientConnInterface
	// Target is where it runs, for people.
	Target() string
	// Calls lists the calls under way, oldest first.
	Calls() []rpc.Call
	// Stats counts bytes.
	Stats() transport.Stats
}

// requests are the bounds of what plugins receive.
func (c *Calls) requests() rpc.Bounds {
	b := c.Requests
	b.Bytes = cmp.Or(b.Bytes, c.MaxMessage)
	return b
}

// grace is how long a plugin may take to end after it was asked to.
const grace = 5 * time.Second

// Host runs plugins. All methods may be called from any goroutine.
type Host struct {
	options    Options
	transport  transport.Transport // nil with Options.GRPC
	hub        *hub.Hub            // nil where plugins are local, or isolated
	isolation  *isolation
	strategies map[string]wake.Strategy
	threads    *forkers
	temporary  string        // the plugins' TMPDIR
	closing    chan struct{} // closed when Close begins

	serving sync.WaitGroup // of Calls.Services
	ahead   sync.WaitGroup // of Ahead

	calls *inuse.Count // calls and streams under way; shut once Drain begins
	idle  <-chan struct{}

	mu      sync.Mutex
	closed  bool
	plugins map[string]*Plugin
	extra   int // plugins that are further processes of others

	spare func() bool // whether a processor has nothing to do
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
	h := &Host{options: o, strategies: map[string]wake.Strategy{}, plugins: map[string]*Plugin{}, spare: someIdle, closing: make(chan struct{})}
	h.calls, h.idle = inuse.NewIdle()
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
	if err := h.openHub(); err != nil {
		return nil, err
	}
	var err error
	h.temporary = os.TempDir()
	if o.TempDir != nil {
		if h.temporary, err = o.TempDir(h.temporary, "ddc-"); err != nil {
			return nil, errors.Join(fmt.Errorf("make a temporary folder for plugins: %w", err), h.closeTransport())
		}
	}
	h.threads = newForkers(o, h.temporary)
	return h, nil
}

// openHub makes what processes attach to, but for sockets: each run has its
// own.
func (h *Host) openHub() (err error) {
	o := h.options.Hub
	o.Spin = h.options.Spin
	switch {
	case h.options.GRPC:
	case h.options.Isolate:
		h.isolation, err = newIsolation(o)
		h.transport = h.isolation
	default:
		h.hub, err = hub.Create(o)
		h.transport = h.hub
	}
	return err
}

func (h *Host) closeTransport() error {
	if h.transport == nil {
		return nil
	}
	return h.transport.Close()
}

// Transport is the name of what carries the calls: "shm", "inproc" or "grpc".
func (h *Host) Transport() string {
	if h.transport == nil {
		return "grpc"
	}
	return h.transport.Name()
}

// Local says whether plugins run in this process.
func (h *Host) Local() bool { return h.options.Local != nil }

// WakeOf is the name of the strategy of a plugin.
func (h *Host) WakeOf(name string) string {
	return cmp.Or(h.options.WakeOf[baseOf(name)], h.options.Wake)
}

// Conn gives the connection to a plugin, which starts with its first call.
func (h *Host) Conn(name string) grpc.ClientConnInterface {
	return rpc.Intercept(h.Plugin(name), h.options.Calls.Unary, h.options.Calls.Stream)
}

// Plugin gives the plugin of a name, started or not.
func (h *Host) Plugin(name string) *Plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.plugins[name]
	if p == nil {
		p = h.newPlugin(name)
		p.replicas = &replicas{host: h, most: 1, all: []*Plugin{p}}
		if h.options.Local == nil {
			p.replicas.most, p.replicas.after = h.options.Calls.Replicas.most(name)
		}
		if of := h.options.Calls.Remote; of != nil {
			p.remote = of(name)
		}
		h.plugins[name] = p
	}
	return p
}

// Plugins lists the plugins that Plugin or Conn were asked for, by name.
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

// Hubs lists the hubs that carry the host's calls, each at the same index for
// as long as the host lives. There are none if plugins run in this process, or
// are reached by gRPC.
func (h *Host) Hubs() []*hub.Hub {
	switch {
	case h.isolation != nil:
		return h.isolation.list()
	case h.hub == nil:
		return nil
	}
	return []*hub.Hub{h.hub}
}

// Start starts plugins before their first calls, all at once, each in as many
// processes as Replicas.Of says.
func (h *Host) Start(ctx context.Context, names ...string) error {
	var started sync.WaitGroup
	errs := make([]error, len(names))
	for i, name := range names {
		p := h.Plugin(name)
		if p.remote != nil {
			continue
		}
		started.Go(func() { errs[i] = p.replicas.startAll(ctx) })
	}
	started.Wait()
	return errors.Join(errs...)
}

// Drain takes no more calls, and waits until those under way have ended,
// streams too, or ctx is done. Then it is Stop: what has not ended by then is
// broken off. Calls of plugins to this host are answered meanwhile.
func (h *Host) Drain(ctx context.Context) error {
	if h.calls.Shut() {
		h.calls.Leave()
	}
	select {
	case <-h.idle:
		return h.Close()
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("wait for calls of plugins to end: %w", ctx.Err()), h.Stop(ctx))
	}
}

// Close fails the calls under way, and ends every plugin: in good order within
// a few seconds, or else by force. It leaves no process, descriptor or
// goroutine.
func (h *Host) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return h.Stop(ctx)
}

// Stop is Close, but uses force once ctx is done. A handler in this process
// can't be forced: Stop leaves it running, and returns an error.
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
	h.ahead.Wait()
	h.serving.Wait()
	errs = append(errs, h.closeTransport())
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

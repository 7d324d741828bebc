package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"ddc/internal/activity"
	"ddc/internal/dump"
	"ddc/internal/memory"
	"ddc/internal/seccomp"
	"ddc/internal/sys"
	"ddc/plugin/agreement"
	"ddc/rpc"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

// ErrNoHost is returned by Serve in a process that no host has started. Start
// the program through its host.
var ErrNoHost = agreement.ErrNoHost

// errHostGone is the cause of a link whose host's process has ended.
var errHostGone = errors.New("the host has ended")

// lastWords is how long handlers may go on once the host has ended.
const lastWords = 500 * time.Millisecond

// gcPercent lets a plugin's heap grow to three times what is live before the
// collector runs. The collector takes the plugin's only processor, so calls of
// 1 MiB take a tenth less time this way. A plugin keeps little between calls.
const gcPercent = 200

// heapOf is how large a plugin's heap may be before it is collected at all, by
// its soft limit: an eighth of that, from 8 to 32 MiB. A page takes some 0.2
// MB, and less than 4 MiB are alive.
func heapOf(limit int64) int64 { return min(max(limit/8, 8<<20), 32<<20) }

// Main serves s and ends the process, with status 0 if the host is done with
// it, and 1 otherwise. When the host ends, the process ends within a second,
// whatever a handler is doing. If GOGC is not set, the heap may grow to three
// times what is live.
func Main(s Service) { MainWith(s, Options{}) }

// Options configure how a plugin serves. The zero value is usable.
type Options struct {
	// ByName makes a strategy from its name. A host with strategies of its own
	// (host.Options.ByName) needs one that knows them; nil is
	// [strategy.ByName].
	ByName func(name string) (wake.Strategy, error)
	// Unary and Stream wrap each call, the first outermost.
	Unary  []grpc.UnaryServerInterceptor
	Stream []grpc.StreamServerInterceptor
	// Unknown answers the calls of methods that the service does not have, each
	// as a stream of messages both ways. If it is nil they fail with
	// Unimplemented.
	Unknown grpc.StreamHandler
	// Stats hear of the link, and of each call.
	Stats []stats.Handler
	// MaxMessage is the largest message to send, in bytes; 0 is 256 MiB. It
	// bounds received messages too if the host does not bound requests.
	MaxMessage int
	// Versions are the service in each version that the plugin speaks. If the
	// host names versions (host.Options.Calls.Versions), the highest that both
	// speak is served, and without one the process ends with a sentence.
	// Without Versions the plugin speaks version 1; a host that names none gets
	// Main's service.
	Versions map[int]Service
}

// MainWith is Main with options.
func MainWith(s Service, o Options) {
	if os.Getenv(agreement.GOGC) == agreement.StartGOGC {
		_ = os.Unsetenv(agreement.GOGC) // the programs that a plugin starts have nothing to do with it
	}
	memory.Loosen(heapOf(debug.SetMemoryLimit(-1)), gcPercent)
	err := serve(context.Background(), s, o, func() { time.AfterFunc(lastWords, func() { os.Exit(1) }) })
	if err == nil {
		os.Exit(0)
	}
	slog.Error(err.Error())
	if errors.Is(err, ErrNoHost) {
		fmt.Fprintln(os.Stderr, err)
	}
	if errors.As(err, new(versionsError)) {
		os.Exit(agreement.ExitVersions)
	}
	os.Exit(1)
}

// Serve serves s to the host that started this process, and returns once no
// handler runs any more. It returns nil if the host closed the link, and an
// error that wraps [transport.ErrPeerDead] if the host ended without closing
// it.
func Serve(ctx context.Context, s Service) error { return serve(ctx, s, Options{}, func() {}) }

func serve(ctx context.Context, s Service, o Options, hostGone func()) error {
	if o.ByName == nil {
		o.ByName = strategy.ByName
	}
	inherited, err := inherit(o.ByName)
	if err != nil {
		return err
	}
	defer inherited.lifeline.Close() //nolint:errcheck // it is only read
	if inherited.NoPrograms {
		if err := seccomp.NoPrograms(); err != nil {
			return fmt.Errorf("the sandbox failed (--no-sandbox does without): %w", err)
		}
	}
	slog.SetDefault(inherited.logger)
	s, version, err := o.choose(s, inherited.Versions, inherited.Name)
	if err != nil {
		return err
	}
	// Ctrl-C reaches every process of the terminal. The host decides what it
	// means.
	signal.Ignore(os.Interrupt)
	// Before the host can see that this plugin has attached, and send it a
	// SIGUSR1.
	dumps := dump.Notify()
	defer dumps.Stop()

	calls := activity.New()
	tidier := newTidier()
	defer tidier.stop()
	attached, err := inherited.attach(s, &own{version, newHostConn(inherited.HostServes)}, rpc.ServerOptions{
		Requests: inherited.Requests, MaxMessage: o.MaxMessage, Unknown: o.Unknown, Stats: o.Stats,
		Unary:  append([]grpc.UnaryServerInterceptor{unaryIn(calls), tidier.intercept}, o.Unary...),
		Stream: append([]grpc.StreamServerInterceptor{streamIn(calls)}, o.Stream...),
	})
	if err != nil {
		return err
	}
	defer guardHeap(inherited.Live, calls).Stop()

	watched := make(chan struct{})
	go func() {
		defer close(watched)
		// Nobody writes to a lifeline: reading ends with the host, or with
		// Close below.
		_, err := inherited.lifeline.Read(make([]byte, 1))
		if errors.Is(err, io.EOF) {
			hostGone()
			attached.PeerDied(errHostGone)
		}
	}()
	dumps.Each(func(w io.Writer) {
		fmt.Fprintf(w, "plugin %s: in its own words\n", inherited.Name)
		attached.describe(w)
		dump.Brief(w)
	})
	err = attached.serve(ctx)
	dumps.Stop()
	err = errors.Join(err, attached.Close(), inherited.lifeline.Close())
	<-watched
	return err
}

// Server serves a Service over one link. [Main] makes one, and so does a host
// that runs a service in its own process.
type Server struct {
	service Service
	rpc     *rpc.Server
}

// NewServer registers s with a new server. hostServes says that the host will
// serve calls of the plugin: see [Host].
func NewServer(s Service, hostServes bool, o rpc.ServerOptions) *Server {
	return newServer(s, &own{host: newHostConn(hostServes)}, o)
}

func newServer(s Service, other *own, o rpc.ServerOptions) *Server {
	server := &Server{service: s, rpc: rpc.NewServer(other.host.within(o))}
	other.register(s, server.rpc)
	return server
}

// Serve answers the calls of a link until it ends, then closes the service. No
// handler runs any more when it returns. It returns nil if the other side
// closed the link.
func (s *Server) Serve(ctx context.Context, link transport.Link) error {
	err := s.rpc.Serve(ctx, link)
	if errors.Is(err, transport.ErrClosed) {
		err = nil
	}
	return errors.Join(err, closeService(s.service))
}

// closeService closes a service that no handler uses any more.
func closeService(s Service) error {
	if c, ok := s.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// inheritance is what the host left to this process.
type inheritance struct {
	agreement.Terms
	files    []*os.File
	lifeline *os.File
	strategy wake.Strategy
	logger   *slog.Logger
}

func inherit(byName func(string) (wake.Strategy, error)) (*inheritance, error) {
	i, files, err := agree(os.Getenv, byName)
	if err != nil {
		return nil, err
	}
	if i.lifeline, err = sys.Inherited(agreement.LifelineFD, "lifeline"); err != nil {
		return nil, err
	}
	for n := range files {
		f, err := sys.Inherited(agreement.HubFD+n, fmt.Sprintf("hub file %d", n))
		if err != nil {
			return nil, err
		}
		i.files = append(i.files, f)
	}
	// A child of this process is no plugin, so it must not find these
	// variables.
	for _, variable := range os.Environ() {
		if key, _, _ := strings.Cut(variable, "="); key == agreement.Version || key == agreement.Hub {
			if err := os.Unsetenv(key); err != nil {
				return nil, fmt.Errorf("unset %s: %w", key, err)
			}
		}
	}
	return i, nil
}

// maxFiles is more than any strategy needs for the hub and three doorbells.
const maxFiles = 16

// agree reads what a host tells its plugins in the environment: all of an
// inheritance but the files, and how many files there are.
func agree(getenv func(string) string, byName func(string) (wake.Strategy, error)) (_ *inheritance, files int, err error) {
	terms, err := agreement.Read(getenv)
	if err != nil {
		return nil, 0, err
	}
	i := &inheritance{Terms: terms}
	i.logger = slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: terms.Level}))
	if i.GRPC {
		return i, 1, nil
	}
	name, files, err := hub.ParseOffer(i.Hub)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", agreement.Hub, err)
	}
	if files > maxFiles {
		return nil, 0, fmt.Errorf("%s: %d files, at most %d", agreement.Hub, files, maxFiles)
	}
	if i.strategy, err = byName(name); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", agreement.Hub, err)
	}
	return i, files, nil
}

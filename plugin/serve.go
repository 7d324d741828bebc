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
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"

	"ddc/internal/sys"
	"ddc/rpc"
	"ddc/transport"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

// ErrNoHost is returned by Serve in a process that no host has started. Start
// the program through its host.
var ErrNoHost = errors.New("this program is a plugin and does nothing by itself: its host starts it (ddc build)")

// errHostGone is the cause of a link whose host's process has ended.
var errHostGone = errors.New("the host has ended")

// lastWords is how long handlers may go on once the host has ended.
const lastWords = 500 * time.Millisecond

// gcPercent lets a plugin's heap grow to three times what is live before the
// collector runs, which has the plugin's only processor meanwhile. Calls of 1 MiB
// take a tenth less time so; what a plugin keeps between calls is little.
const gcPercent = 200

// Main serves s and ends the process: with status 0 when the host is done with
// it, 1 otherwise, and within a second of the host's own end whatever a handler
// may be doing. Where GOGC is not set it lets the heap grow to three times what is live.
func Main(s Service) { MainWith(s, strategy.ByName) }

// MainWith is Main for a host that has strategies of its own (Options.ByName):
// byName must know those.
func MainWith(s Service, byName func(name string) (wake.Strategy, error)) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	err := serve(context.Background(), s, byName, func() { time.AfterFunc(lastWords, func() { os.Exit(1) }) })
	if err == nil {
		os.Exit(0)
	}
	slog.Error(err.Error())
	if errors.Is(err, ErrNoHost) {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

// Serve serves s to the host that started this process, and returns once no
// handler runs any more: nil when the host closed the link, an error that wraps
// [transport.ErrPeerDead] when it ended without.
func Serve(ctx context.Context, s Service) error { return serve(ctx, s, strategy.ByName, func() {}) }

func serve(ctx context.Context, s Service, byName func(string) (wake.Strategy, error), hostGone func()) error {
	inherited, err := inherit(byName)
	if err != nil {
		return err
	}
	defer inherited.lifeline.Close() //nolint:errcheck // it is only read
	if err := confineSelf(); err != nil {
		return err
	}
	slog.SetDefault(inherited.logger)
	// Ctrl-C reaches every process of the terminal. The host decides what it means.
	signal.Ignore(os.Interrupt)
	// Before the host can see this plugin attached, and send it one.
	dumps := notifyDump()
	defer dumps.stop()

	link, err := hub.Attach(inherited.offer, inherited.files, inherited.strategy, inherited.spin)
	if err != nil {
		return err
	}
	defer guardHeap(inherited.live).Stop()
	tidier := newTidier()
	defer tidier.stop()
	server := rpc.NewServer(rpc.ServerOptions{Requests: inherited.requests, Unary: []grpc.UnaryServerInterceptor{tidier.intercept}})
	s.Register(server)

	watched := make(chan struct{})
	go func() {
		defer close(watched)
		// Nobody writes to a lifeline: reading ends with the host, or with Close below.
		_, err := inherited.lifeline.Read(make([]byte, 1))
		if errors.Is(err, io.EOF) {
			hostGone()
			link.PeerDied(errHostGone)
		}
	}()
	dumps.each(func(w io.Writer) { dumpServer(w, os.Getenv(envName), link, server) })
	err = server.Serve(ctx, link)
	dumps.stop()
	err = errors.Join(ended(err), closeService(s), link.Close(), inherited.lifeline.Close())
	<-watched
	return err
}

// ended says what the end of a link means to a plugin: that the host closed it
// is no error.
func ended(err error) error {
	if errors.Is(err, transport.ErrClosed) {
		return nil
	}
	return err
}

// inheritance is what the host left to this process.
type inheritance struct {
	offer    string
	files    []*os.File
	lifeline *os.File
	strategy wake.Strategy
	spin     wake.Spin
	requests rpc.Bounds
	live     int64 // see Options.LiveLimit
	logger   *slog.Logger
}

func inherit(byName func(string) (wake.Strategy, error)) (*inheritance, error) {
	i, files, err := agree(os.Getenv, byName)
	if err != nil {
		return nil, err
	}
	if i.lifeline, err = sys.Inherited(lifelineFD, "lifeline"); err != nil {
		return nil, err
	}
	for n := range files {
		f, err := sys.Inherited(hubFD+n, fmt.Sprintf("hub file %d", n))
		if err != nil {
			return nil, err
		}
		i.files = append(i.files, f)
	}
	// A child of this process is no plugin, whatever it finds in its environment.
	for _, variable := range os.Environ() {
		if key, _, _ := strings.Cut(variable, "="); key == envAgreement || key == envHub {
			if err := os.Unsetenv(key); err != nil {
				return nil, fmt.Errorf("unset %s: %w", key, err)
			}
		}
	}
	return i, nil
}

// maxFiles is more than any strategy has for the hub and three doorbells.
const maxFiles = 16

// agree reads what a host says to its plugins in the environment: everything of
// an inheritance but the files, and how many those are.
func agree(getenv func(string) string, byName func(string) (wake.Strategy, error)) (_ *inheritance, files int, err error) {
	switch version := getenv(envAgreement); version {
	case "":
		return nil, 0, ErrNoHost
	case agreement:
	default:
		return nil, 0, fmt.Errorf("the host starts plugins of version %q, this one is of version %q: build both from the same source", version, agreement)
	}
	i := &inheritance{offer: getenv(envHub)}
	var level slog.Level
	if err := level.UnmarshalText([]byte(getenv(envLogLevel))); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", envLogLevel, err)
	}
	i.logger = slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	if i.spin, err = wake.ParseSpin(getenv(envSpin)); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", envSpin, err)
	}
	if i.requests, err = parseBounds(getenv(envRequests)); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", envRequests, err)
	}
	if i.live, err = strconv.ParseInt(getenv(envLive), 10, 64); err != nil || i.live < 0 {
		return nil, 0, fmt.Errorf("%s: %q is no number of bytes", envLive, getenv(envLive))
	}
	name, files, err := hub.ParseOffer(i.offer)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", envHub, err)
	}
	if files > maxFiles {
		return nil, 0, fmt.Errorf("%s: %d files, at most %d", envHub, files, maxFiles)
	}
	if i.strategy, err = byName(name); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", envHub, err)
	}
	return i, files, nil
}

package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"ddc/plugin/remote/remotepb"
)

// Served is a plugin that a worker runs.
type Served struct {
	// Name is the plugin's, as builds ask for it.
	Name string
	// Conn makes its calls, such as that of a host.Host.
	Conn grpc.ClientConnInterface
	// Methods are the full names of the unary methods that may be called. Their
	// messages must be linked into this program.
	Methods []string
	// Tools is a digest of the external programs that it drives, or "" for
	// none.
	Tools string
}

// ServerOptions say what a worker runs.
type ServerOptions struct {
	// TLS, if nil, lets connections come from this machine only.
	TLS      *TLS
	Identity Identity
	Plugins  []Served
	// Jobs is how many calls are under way at once, at least 1. More wait, and
	// their requests with them, outside of this process.
	Jobs int
	// MaxMessage is the largest request or reply, in bytes; 0 is 256 MiB.
	MaxMessage int
	// Drain is how long calls under way may take once Serve's context is over;
	// 0 is 30 s.
	Drain time.Duration
	// Logger gets each call, at slog.LevelDebug, as it begins and as it ends;
	// nil drops it.
	Logger *slog.Logger
}

// Bounds of what callers may hold open, and how long a connection lives: a new
// one asks the name server again, and so finds workers that have come since.
const (
	maxConnections = 64
	maxStreams     = 128
	handshakeTime  = 10 * time.Second
	connectionAge  = 2 * time.Minute
	defaultDrain   = 30 * time.Second
)

// Server serves the calls of plugins to hosts elsewhere.
type Server struct {
	remotepb.UnimplementedWorkerServer
	options ServerOptions
	grpc    *grpc.Server
	health  *health.Server
	methods map[string]*method
	jobs    *semaphore.Weighted
}

// NewServer makes a worker's server. It fails if a method or its messages are
// not known, or the certificates cannot be read.
func NewServer(o ServerOptions) (*Server, error) {
	secured, err := o.TLS.serving()
	if err != nil {
		return nil, err
	}
	limit := cmp.Or(o.MaxMessage, defaultMaxMessage)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	s := &Server{options: o, health: health.NewServer(), methods: map[string]*method{}, jobs: semaphore.NewWeighted(int64(max(o.Jobs, 1)))}
	for _, p := range o.Plugins {
		for _, name := range p.Methods {
			if s.methods[name], err = methodOf(name, p); err != nil {
				return nil, fmt.Errorf("serve plugin %s: %w", p.Name, err)
			}
		}
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(secured), grpc.UnknownServiceHandler(s.forward), grpc.WaitForHandlers(true),
		grpc.MaxRecvMsgSize(limit), grpc.MaxSendMsgSize(limit), grpc.MaxConcurrentStreams(maxStreams), grpc.ConnectionTimeout(handshakeTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingEvery, Timeout: pingTimeout, MaxConnectionAge: connectionAge}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery / 2, PermitWithoutStream: true}),
	)
	remotepb.RegisterWorkerServer(s.grpc, s)
	grpc_health_v1.RegisterHealthServer(s.grpc, s.health)
	for _, name := range append(s.services(), healthName) {
		s.health.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING)
	}
	return s, nil
}

// services are the names of the plugins' services.
func (s *Server) services() []string {
	names := map[string]bool{}
	for full := range s.methods {
		service, _, _ := strings.Cut(strings.TrimPrefix(full, "/"), "/")
		names[service] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// Describe answers hosts that ask whether this worker fits.
func (s *Server) Describe(context.Context, *remotepb.DescribeRequest) (*remotepb.DescribeResponse, error) {
	said := &remotepb.DescribeResponse{Program: s.options.Identity.Program, Version: s.options.Identity.Version}
	for _, p := range s.options.Plugins {
		said.Plugins = append(said.Plugins, &remotepb.Plugin{Name: p.Name, Tools: p.Tools})
	}
	return said, nil
}

// Serve answers calls until ctx is done, and owns the listener. Then its health
// is NOT_SERVING, it takes no more calls, and those under way have
// Options.Drain to end. Serve returns once no handler runs any more: with nil,
// or an error if some had to be broken off. It is called once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(netutil.LimitListener(l, maxConnections)) }()
	select {
	case err := <-served:
		s.grpc.Stop()
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	err := s.drain()
	return errors.Join(err, <-served)
}

// drain ends the server. Callers hear first that it is not well, then that it
// takes no more calls: those that come between the two are still answered.
func (s *Server) drain() error {
	s.health.Shutdown()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.grpc.GracefulStop()
	}()
	limit := cmp.Or(s.options.Drain, defaultDrain)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-drained:
		return nil
	case <-timer.C:
		s.grpc.Stop()
		<-drained
		return fmt.Errorf("some calls had not ended within %v, and were broken off: their hosts make them again elsewhere", limit)
	}
}

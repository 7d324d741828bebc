package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// ServerOptions configure a Server. The zero value is usable.
type ServerOptions struct {
	// MaxMessage is the largest message to send or receive, in bytes; 0 is 256
	// MiB.
	MaxMessage int
	// Requests bounds each received message. If it leaves Bytes at 0,
	// MaxMessage holds.
	Requests Bounds
	// ReplyTime bounds how long a reply waits for room: after once to twice
	// this time its caller gets an error instead. 0 is 30 s.
	ReplyTime time.Duration
	// Unary and Stream wrap each call, the first outermost.
	Unary  []grpc.UnaryServerInterceptor
	Stream []grpc.StreamServerInterceptor
	// Unknown answers the calls of methods that nobody has registered, each as
	// a stream of messages both ways. If it is nil they fail with
	// Unimplemented.
	Unknown grpc.StreamHandler
	// Stats hear of each link and of each call that is not raw, on the
	// handler's goroutine.
	Stats []stats.Handler
}

// Server holds services, and serves them on any number of links. Register all
// of them before the first Serve.
type Server struct {
	broken broken // of no size, but for a fault
	limit  int    // of what is sent
	bounds Bounds
	decoder
	room   time.Duration               // ServerOptions.ReplyTime
	unary  grpc.UnaryServerInterceptor // nil if there is none
	stream grpc.StreamServerInterceptor
	stats  handlers
	others *grpc.StreamDesc // ServerOptions.Unknown, or nil

	mu       sync.Mutex
	methods  map[string]*served
	services map[string]grpc.ServiceInfo
	faults   []error // of registrations; Serve returns them
	links    map[*session]struct{}
	// serving counts links. leaving is set by GracefulStop, stopped by Stop.
	serving          sync.WaitGroup
	leaving, stopped bool
}

var _ grpc.ServiceRegistrar = (*Server)(nil)

// served is a method: one of unary, stream and raw is set.
type served struct {
	name   string
	other  bool // nobody has registered it
	impl   any
	unary  *grpc.MethodDesc
	stream *grpc.StreamDesc
	raw    RawHandler
}

func (s *served) exists() bool { return s.unary != nil || s.stream != nil || s.raw != nil }

// RawHandler answers a raw call. request lies where it arrived, is read-only,
// and is valid until fill has returned. The reply has n bytes, and fill writes
// all of them where they travel. So a call may hold the request's slot while it
// waits for the reply's. To keep such calls from waiting for one another, a
// server lets one request at a time stay in its slot, and copies the others.
type RawHandler func(ctx context.Context, request []byte) (n int, fill func(reply []byte) error, err error)

// NewServer makes a Server without services.
func NewServer(o ServerOptions) *Server {
	limit := cmp.Or(o.MaxMessage, defaultMaxMessage)
	s := &Server{
		limit: limit, bounds: o.Requests.orDefaults(limit), room: cmp.Or(o.ReplyTime, defaultReplyTime), unary: chainUnary(o.Unary), stream: chainStream(o.Stream),
		stats: o.Stats, methods: map[string]*served{}, services: map[string]grpc.ServiceInfo{}, links: map[*session]struct{}{},
	}
	if o.Unknown != nil {
		s.others = &grpc.StreamDesc{StreamName: "unknown", Handler: o.Unknown, ClientStreams: true, ServerStreams: true}
	}
	return s
}

// RegisterService adds a service. Generated code calls it. Serve reports a
// registration that is wrong.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if impl != nil && desc.HandlerType != nil {
		if want := reflect.TypeOf(desc.HandlerType).Elem(); !reflect.TypeOf(impl).Implements(want) {
			s.fault(fmt.Errorf("register %s: %T does not implement %v", desc.ServiceName, impl, want))
			return
		}
	}
	info := grpc.ServiceInfo{Metadata: desc.Metadata}
	for i := range desc.Methods {
		m := &desc.Methods[i]
		info.Methods = append(info.Methods, grpc.MethodInfo{Name: m.MethodName})
		s.register(&served{name: "/" + desc.ServiceName + "/" + m.MethodName, impl: impl, unary: m})
	}
	for i := range desc.Streams {
		m := &desc.Streams[i]
		info.Methods = append(info.Methods, grpc.MethodInfo{Name: m.StreamName, IsClientStream: m.ClientStreams, IsServerStream: m.ServerStreams})
		s.register(&served{name: "/" + desc.ServiceName + "/" + m.StreamName, impl: impl, stream: m})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.services[desc.ServiceName] = info
}

// GetServiceInfo lists the services, as reflection asks for them. Raw methods
// belong to none.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.services)
}

// Stop ends every Serve: handlers' contexts end, and Stop returns once all
// handlers have. Calls under way fail with Unavailable.
func (s *Server) Stop() { s.stop(&s.stopped, func(l *session) chan struct{} { return l.stopped }) }

// GracefulStop is Stop, but lets the calls under way end first. New calls are
// refused with [ErrShuttingDown]. A call of Stop ends the wait.
func (s *Server) GracefulStop() {
	s.stop(&s.leaving, func(l *session) chan struct{} { return l.leaving })
}

// stop tells every session by one of its channels, once, and waits for their
// ends.
func (s *Server) stop(told *bool, channel func(*session) chan struct{}) {
	s.mu.Lock()
	if !*told {
		*told = true
		for l := range s.links {
			close(channel(l))
		}
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// RegisterRaw adds a method, "/service/method", that [Conn.InvokeRaw] calls.
// Interceptors do not see its calls.
func (s *Server) RegisterRaw(method string, handler RawHandler) {
	s.register(&served{name: method, raw: handler})
}

func (s *Server) register(m *served) {
	s.mu.Lock()
	_, twice := s.methods[m.name]
	s.methods[m.name] = m
	s.mu.Unlock()
	if twice {
		s.fault(fmt.Errorf("register %s: registered twice", m.name))
	}
}

func (s *Server) fault(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, err)
}

// lookup finds a method, or makes one of those that nobody has registered.
func (s *Server) lookup(name string) *served {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.methods[name]; m != nil {
		return m
	}
	m := &served{name: name, other: true}
	if name[:1] == "/" && strings.LastIndexByte(name, '/') > 0 { // else it is malformed
		m.stream = s.others
	}
	return m
}

// unknown is the error for a method that lookup did not find: it says which
// part of the name is wrong.
func (s *Server) unknown(name string) string {
	service, method, _ := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	for known := range maps.Keys(s.methods) {
		if strings.HasPrefix(known, "/"+service+"/") {
			return fmt.Sprintf("unknown method %s for service %s", method, service)
		}
	}
	return "unknown service " + service
}

// Calls lists the calls that handlers are at work on, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	links := slices.Collect(maps.Keys(s.links))
	s.mu.Unlock()
	var calls []Call
	for _, l := range links {
		calls = l.appendCalls(calls)
	}
	sortCalls(calls)
	return calls
}

func (s *Server) startSession(l *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) > 0 {
		return errors.Join(s.faults...)
	}
	if s.leaving || s.stopped {
		return grpc.ErrServerStopped
	}
	s.links[l] = struct{}{}
	s.serving.Add(1)
	return nil
}

func (s *Server) endSession(l *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l)
	s.serving.Done()
}

func chainUnary(interceptors []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	if len(interceptors) == 0 {
		return nil
	}
	first, rest := interceptors[0], chainUnary(interceptors[1:])
	if rest == nil {
		return first
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return first(ctx, req, info, func(ctx context.Context, req any) (any, error) {
			return rest(ctx, req, info, handler)
		})
	}
}

func chainStream(interceptors []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	if len(interceptors) == 0 {
		return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return handler(srv, stream)
		}
	}
	first, rest := interceptors[0], chainStream(interceptors[1:])
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return first(srv, stream, info, func(srv any, stream grpc.ServerStream) error {
			return rest(srv, stream, info, handler)
		})
	}
}

package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ddc/plugin/agreement"
	"ddc/rpc"
	"ddc/rpc/stock"
	"ddc/rpc/streamconn"
)

// registrar is a server that lists what was registered.
type registrar interface {
	grpc.ServiceRegistrar
	GetServiceInfo() map[string]grpc.ServiceInfo
}

// own is what every plugin serves beside its service: gRPC's health service,
// unless the service brings one, and agreement.Service.
type own struct {
	version int
	host    *hostConn
}

// register registers s, and what every plugin serves, with a server.
func (o *own) register(s Service, with registrar) {
	s.Register(with)
	info := with.GetServiceInfo()
	if _, has := info[grpc_health_v1.Health_ServiceDesc.ServiceName]; !has {
		h := health.NewServer()
		for name := range info {
			h.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING)
		}
		grpc_health_v1.RegisterHealthServer(with, h)
	}
	with.RegisterService(&ownService, o)
}

// ownService is agreement.Service. Its messages are protobuf's own, so a plugin
// in another language needs no .proto of ours.
var ownService = grpc.ServiceDesc{
	ServiceName: agreement.Service,
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Version", Handler: func(of any, ctx context.Context, decode func(any) error, wrap grpc.UnaryServerInterceptor) (any, error) {
		request := &emptypb.Empty{}
		if err := decode(request); err != nil {
			return nil, err
		}
		answer := func(context.Context, any) (any, error) { return wrapperspb.Int32(int32(of.(*own).version)), nil }
		if wrap == nil {
			return answer(ctx, request)
		}
		return wrap(ctx, request, &grpc.UnaryServerInfo{Server: of, FullMethod: agreement.VersionMethod}, answer)
	}}},
	Streams: []grpc.StreamDesc{{StreamName: "Host", ServerStreams: true, ClientStreams: true, Handler: func(of any, stream grpc.ServerStream) error {
		return of.(*own).host.serve(stream)
	}}},
}

// hostConn makes calls to what the host serves, once the host has opened the
// stream that carries them.
type hostConn struct {
	offered bool // the host will open it

	once   sync.Once
	opened chan struct{} // closed once conn is set
	conn   *stock.Conn
}

func newHostConn(offered bool) *hostConn {
	return &hostConn{offered: offered, opened: make(chan struct{})}
}

var errOpened = errors.New("the host has opened its stream twice")

// serve carries calls to the host over stream until the host ends it.
func (h *hostConn) serve(stream grpc.ServerStream) (err error) {
	first := false
	h.once.Do(func() { first = true })
	if !first {
		return status.Error(codes.AlreadyExists, errOpened.Error())
	}
	failed := streamconn.Serve(stream, func(wire net.Conn) {
		if h.conn, err = stock.Over(wire, rpc.ConnOptions{Name: "the host"}); err != nil {
			return
		}
		close(h.opened)
		<-stream.Context().Done()
		err = h.conn.Close()
	})
	return errors.Join(err, failed)
}

// get waits for the host's stream.
func (h *hostConn) get(ctx context.Context) (*stock.Conn, error) {
	if !h.offered {
		return nil, status.Error(codes.Unimplemented, "the host serves nothing to its plugins (host.Options.Calls.Services)")
	}
	select {
	case <-h.opened:
		return h.conn, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// Invoke makes a unary call to the host.
func (h *hostConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	conn, err := h.get(ctx)
	if err != nil {
		return err
	}
	return conn.Invoke(ctx, method, args, reply, opts...)
}

// NewStream begins a streaming call to the host.
func (h *hostConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	conn, err := h.get(ctx)
	if err != nil {
		return nil, err
	}
	return conn.NewStream(ctx, desc, method, opts...)
}

type hostKey struct{}

// Host is the connection to what the host serves its plugins
// (host.Options.Calls.Services), for the context of a handler. Calls fail with
// Unimplemented if the host serves nothing, or ctx is of no handler.
func Host(ctx context.Context) grpc.ClientConnInterface {
	if h, ok := ctx.Value(hostKey{}).(*hostConn); ok {
		return h
	}
	return newHostConn(false)
}

// within adds to the options of a server that handlers find the connection.
func (h *hostConn) within(o rpc.ServerOptions) rpc.ServerOptions {
	o.Unary = append([]grpc.UnaryServerInterceptor{h.unary}, o.Unary...)
	o.Stream = append([]grpc.StreamServerInterceptor{h.stream}, o.Stream...)
	return o
}

// unary puts the connection to the host into a handler's context.
func (h *hostConn) unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return handler(context.WithValue(ctx, hostKey{}, h), request)
}

// stream is unary for streams.
func (h *hostConn) stream(service any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return handler(service, &withHost{s, context.WithValue(s.Context(), hostKey{}, h)})
}

// withHost is a stream whose context has the connection to the host.
type withHost struct {
	grpc.ServerStream
	ctx context.Context
}

func (w *withHost) Context() context.Context { return w.ctx }

// spoken lists versions for people: "versions 1, 3".
func spoken(of map[int]Service) string {
	numbers := slices.Sorted(maps.Keys(of))
	texts := make([]string, 0, len(numbers))
	for _, n := range numbers {
		texts = append(texts, strconv.Itoa(n))
	}
	if len(texts) == 1 {
		return "version " + texts[0]
	}
	return "versions " + strings.Join(texts, ", ")
}

// versionsError says that there is no version that both speak.
type versionsError struct{ text string }

func (e versionsError) Error() string { return e.text }

// choose gives the service of the highest version that host and plugin both
// speak. A plugin without Options.Versions speaks version 1 alone; a host that
// names no versions gets s.
func (o *Options) choose(s Service, host agreement.Versions, name string) (Service, int, error) {
	mine := o.Versions
	if len(mine) == 0 {
		mine = map[int]Service{1: s}
	}
	if host == (agreement.Versions{}) {
		return s, 0, nil
	}
	best := 0
	for version := range mine {
		if version >= host.Least && version <= host.Most {
			best = max(best, version)
		}
	}
	if best == 0 {
		return nil, 0, versionsError{fmt.Sprintf("the host speaks %s of the service of plugin %s, and its program %s: install one that fits", host, name, spoken(mine))}
	}
	return mine[best], best, nil
}

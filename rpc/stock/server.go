package stock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/rpc"
	"ddc/transport"
)

// defaultMaxMessage is that of package rpc.
const defaultMaxMessage = 256 << 20

// Server serves services over one connection.
type Server struct {
	grpc  *grpc.Server
	calls Calls
	wire  atomic.Pointer[wire]
	died  atomic.Pointer[error]
}

var _ grpc.ServiceRegistrar = (*Server)(nil)

// NewServer makes a Server without services. It bounds the length of requests,
// and nothing else of them; ReplyTime is not used, since a reply waits for no
// slot.
func NewServer(o rpc.ServerOptions) *Server {
	s := &Server{}
	limit := cmp.Or(o.MaxMessage, defaultMaxMessage)
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(cmp.Or(o.Requests.Bytes, limit)), grpc.MaxSendMsgSize(limit), grpc.WaitForHandlers(true),
		grpc.ChainUnaryInterceptor(append([]grpc.UnaryServerInterceptor{s.noteUnary}, o.Unary...)...),
		grpc.ChainStreamInterceptor(append([]grpc.StreamServerInterceptor{s.noteStream}, o.Stream...)...),
	}
	if o.Unknown != nil {
		options = append(options, grpc.UnknownServiceHandler(o.Unknown))
	}
	for _, handler := range o.Stats {
		options = append(options, grpc.StatsHandler(handler))
	}
	s.grpc = grpc.NewServer(options...)
	return s
}

// RegisterService adds a service. Generated code calls it.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.grpc.RegisterService(desc, impl)
}

// Serve answers calls until the connection ends or ctx is done. No handler runs
// any more when it returns. It owns socket, and is called once. It returns nil
// if the connection ended, and an error that wraps [transport.ErrPeerDead] if
// PeerDied was called before that.
func (s *Server) Serve(ctx context.Context, socket *os.File) error {
	w, err := wireOf(socket)
	if err != nil {
		return err
	}
	return s.serve(ctx, w)
}

// ServeOver is Serve over a connection of any kind.
func (s *Server) ServeOver(ctx context.Context, wire net.Conn) error {
	return s.serve(ctx, newWire(wire))
}

func (s *Server) serve(ctx context.Context, w *wire) error {
	s.wire.Store(w)
	if s.died.Load() != nil {
		w.end()
	}
	unbind := context.AfterFunc(ctx, s.grpc.Stop)
	defer unbind()
	err := s.grpc.Serve(newListener(w))
	s.grpc.Stop() // and waits for the handlers
	closed := w.Close()
	switch died := s.died.Load(); {
	case died != nil:
		return fmt.Errorf("serve: %w: %w", transport.ErrPeerDead, *died)
	case ctx.Err() != nil:
		return fmt.Errorf("serve: %w", ctx.Err())
	case errors.Is(err, net.ErrClosed):
		err = nil
	}
	return errors.Join(err, closed)
}

// Stop ends Serve, and the contexts of its handlers.
func (s *Server) Stop() { s.grpc.Stop() }

// GracefulStop takes no more calls, and ends Serve once those under way have
// ended.
func (s *Server) GracefulStop() { s.grpc.GracefulStop() }

// GetServiceInfo lists the services, by name.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo { return s.grpc.GetServiceInfo() }

// PeerDied ends Serve, and the contexts of its handlers.
func (s *Server) PeerDied(cause error) {
	s.died.Store(&cause)
	if w := s.wire.Load(); w != nil {
		_ = w.Close() // nobody is left to read what was not sent
	}
}

// Calls lists the calls that handlers are at work on, oldest first.
func (s *Server) Calls() []rpc.Call { return s.calls.List() }

func (s *Server) noteUnary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	defer s.calls.Begin(info.FullMethod)()
	defer rescue(info.FullMethod, &err)
	return handler(ctx, request)
}

func (s *Server) noteStream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer s.calls.Begin(info.FullMethod)()
	defer rescue(info.FullMethod, &err)
	return handler(service, stream)
}

// rescue gives the error of a handler that panicked, as package rpc does. By
// itself gRPC would let the panic end the process.
func rescue(method string, err *error) {
	if cause := recover(); cause != nil {
		slog.Error("handler panicked", "method", method, "panic", cause, "stack", string(debug.Stack()))
		*err = status.Errorf(codes.Internal, "%s panicked: %v", method, cause)
	}
}

// wireOf takes over a connected socket.
func wireOf(socket *os.File) (*wire, error) {
	c, err := net.FileConn(socket)
	if err = errors.Join(err, socket.Close()); err != nil { // c has a descriptor of its own
		return nil, fmt.Errorf("take over a socket: %w", err)
	}
	return newWire(c), nil
}

package rpc

import (
	"context"
	"slices"

	"google.golang.org/grpc"
)

// intercepted is a connection whose calls are wrapped.
type intercepted struct {
	unary  grpc.UnaryInvoker
	stream grpc.Streamer
}

// Intercept wraps the calls of cc, the first interceptor outermost. Without
// interceptors it returns cc itself. Interceptors get a nil *grpc.ClientConn,
// since there is none. Raw calls go to the [Conn] directly, so interceptors do
// not see them.
func Intercept(cc grpc.ClientConnInterface, unary []grpc.UnaryClientInterceptor, stream []grpc.StreamClientInterceptor) grpc.ClientConnInterface {
	if len(unary) == 0 && len(stream) == 0 {
		return cc
	}
	i := &intercepted{
		unary: func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
			return cc.Invoke(ctx, method, req, reply, opts...)
		},
		stream: func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return cc.NewStream(ctx, desc, method, opts...)
		},
	}
	for _, interceptor := range slices.Backward(unary) {
		next := i.unary
		i.unary = func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
			return interceptor(ctx, method, req, reply, nil, next, opts...)
		}
	}
	for _, interceptor := range slices.Backward(stream) {
		next := i.stream
		i.stream = func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return interceptor(ctx, desc, nil, method, next, opts...)
		}
	}
	return i
}

func (i *intercepted) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return i.unary(ctx, method, args, reply, nil, opts...)
}

func (i *intercepted) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return i.stream(ctx, desc, nil, method, opts...)
}

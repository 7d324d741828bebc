package matrix

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ddc/plugin"
)

// The methods of the probe, a service that every plugin of a cell has beside
// its own.
const (
	probeService  = "ddc.matrix.Probe"
	methodEcho    = "/" + probeService + "/Echo"    // answers with every byte of the request inverted
	methodPark    = "/" + probeService + "/Park"    // answers when a Release of the same bytes has come
	methodGrow    = "/" + probeService + "/Grow"    // answers with more than a server may send
	methodLate    = "/" + probeService + "/Late"    // a stream whose handler waits for ever, whatever its context says
	methodRelease = "/" + probeService + "/Release" // as a handler waits for a child process
)

// Plugin is the main of a cell's plugin process: it serves own and the probe,
// and ends the process.
func Plugin(own plugin.Service) { plugin.MainWith(withProbe(own), plugin.Options{ByName: byName}) }

func withProbe(own plugin.Service) plugin.Service { return &probed{Service: own, probe: newProbe()} }

type probed struct {
	plugin.Service
	probe *probe
}

func (p *probed) Register(r grpc.ServiceRegistrar) {
	p.Service.Register(r)
	r.RegisterService(&probeDesc, p.probe)
}

// Close closes the plugin's own service, if it can be closed.
func (p *probed) Close() error {
	if c, ok := p.Service.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// probeServer is what a probe must have; grpc checks it.
type probeServer interface {
	echo(ctx context.Context, request *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)
	park(ctx context.Context, request *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)
	release(ctx context.Context, request *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)
	grow(ctx context.Context, request *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)
}

var probeDesc = grpc.ServiceDesc{
	ServiceName: probeService,
	HandlerType: (*probeServer)(nil),
	Methods: []grpc.MethodDesc{
		method("Echo", probeServer.echo), method("Park", probeServer.park), method("Release", probeServer.release),
		method("Grow", probeServer.grow),
	},
	Streams: []grpc.StreamDesc{lateDesc},
}

// lateDesc is a stream that must never begin. Its handler acts like one that
// waits for another process, for a caller who is gone.
var lateDesc = grpc.StreamDesc{StreamName: "Late", ServerStreams: true, Handler: func(any, grpc.ServerStream) error { select {} }}

func method(name string, serve func(probeServer, context.Context, *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		request := new(wrapperspb.BytesValue)
		if err := decode(request); err != nil {
			return nil, err
		}
		return serve(srv.(probeServer), ctx, request)
	}}
}

type probe struct {
	mu     sync.Mutex
	parked map[uint64]chan struct{}
}

func newProbe() *probe { return &probe{parked: map[uint64]chan struct{}{}} }

func (p *probe) echo(_ context.Context, request *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	for i, b := range request.Value {
		request.Value[i] = ^b
	}
	return request, nil
}

// released is closed by the Release of a number. Either call may come first.
func (p *probe) released(request *wrapperspb.BytesValue) (chan struct{}, error) {
	if len(request.Value) != 8 {
		return nil, status.Errorf(codes.InvalidArgument, "a number of 8 bytes is needed, not %d", len(request.Value))
	}
	number := binary.NativeEndian.Uint64(request.Value)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parked[number] == nil {
		p.parked[number] = make(chan struct{})
	}
	return p.parked[number], nil
}

func (p *probe) park(ctx context.Context, request *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	released, err := p.released(request)
	if err != nil {
		return nil, err
	}
	select {
	case <-released:
		return p.echo(ctx, request)
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

func (p *probe) release(ctx context.Context, request *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	released, err := p.released(request)
	if err != nil {
		return nil, err
	}
	close(released)
	return p.echo(ctx, request)
}

// grow answers with more than rpc's limit. Nobody touches the bytes, so they
// cost nothing.
func (p *probe) grow(context.Context, *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	return wrapperspb.Bytes(make([]byte, 256<<20+1)), nil
}

// payload is a request whose every byte depends on its number and its place.
func payload(number uint64, size int) []byte {
	b := make([]byte, max(size, 8))
	binary.NativeEndian.PutUint64(b, number)
	for i := 8; i < len(b); i++ {
		b[i] = byte(number) ^ byte(i) ^ byte(i>>8)*31 ^ byte(i>>16)*17
	}
	return b
}

// checkReply compares a reply with what it must be.
func checkReply(number uint64, size int, reply []byte) error {
	want := payload(number, size)
	if len(reply) != len(want) {
		return fmt.Errorf("%w: call %d: %d bytes instead of %d", errCorrupt, number, len(reply), len(want))
	}
	for i, b := range want {
		if reply[i] != ^b {
			return fmt.Errorf("%w: call %d: byte %d of %d is %#02x, not %#02x", errCorrupt, number, i, len(want), reply[i], ^b)
		}
	}
	return nil
}

package rpc

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"ddc/rpc/rpctestpb"
	"ddc/transport"
)

// wire is a link that swallows what is sent, and delivers what the fuzzer
// wants.
type wire struct {
	receive func(*transport.Frame)
	done    chan struct{}
	once    sync.Once
	err     error
}

func newWire() *wire { return &wire{done: make(chan struct{})} }

func (w *wire) Name() string                         { return "wire" }
func (w *wire) Start(receive func(*transport.Frame)) { w.receive = receive }
func (w *wire) Done() <-chan struct{}                { return w.done }
func (w *wire) Stats() transport.Stats               { return transport.Stats{} }
func (w *wire) PeerDied(err error)                   { w.end(err) }
func (w *wire) Close() error                         { w.end(transport.ErrClosed); return nil }
func (w *wire) end(err error)                        { w.once.Do(func() { w.err = err; close(w.done) }) }
func (w *wire) Err() error {
	select {
	case <-w.done:
		return w.err
	default:
		return nil
	}
}

func (w *wire) Send(context.Context, transport.Header, []byte) error { return nil }

func (w *wire) Fill(_ context.Context, _ transport.Header, n int, fill func([]byte) error) error {
	return fill(make([]byte, n))
}

// frames reads frames out of a fuzzer's bytes, and delivers them: of each, op,
// flags, stream, length and arg, then the payload.
func (w *wire) frames(data []byte) {
	for len(data) >= 12 {
		h := transport.Header{Op: data[0], Flags: data[1], Stream: uint32(data[2] % 4), Arg: binary.LittleEndian.Uint64(data[4:12])}
		n := min(int(data[3]), len(data)-12)
		payload := data[12 : 12+n]
		data = data[12+n:]
		frame := transport.NewFrame(h, payload, nil, 0)
		w.receive(&frame)
		frame.Drop()
	}
}

func seedFrame(op, flags, stream uint8, arg uint64, payload []byte) []byte {
	return append(binary.LittleEndian.AppendUint64([]byte{op, flags, stream, byte(len(payload))}, arg), payload...)
}

type fuzzService struct {
	rpctestpb.UnimplementedTestServer
}

func (fuzzService) Echo(_ context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	return p, nil
}

// Whatever frames a client sends, the server does not panic, and ends.
func FuzzServer(f *testing.F) {
	method := "/" + rpctestpb.Test_ServiceDesc.ServiceName + "/Echo"
	f.Add(seedFrame(opCall, flagMethod|flagMessage|flagUnary, 1, packCall(1, time.Second), appendSection(nil, method)))
	call := seedFrame(opCall, flagMethod, 2, packCall(0, 0), appendSection(nil, method))
	f.Add(append(call, seedFrame(opMessage, 0, 2, 0, []byte{10, 1, 65})...))
	f.Add(append(call, seedFrame(opCredit, 0, 2, 1<<63, nil)...))
	f.Add(append(append(call, seedFrame(opEnd, 0, 2, 0, nil)...), seedFrame(opCancel, 0, 2, 0, nil)...))
	f.Add(seedFrame(opCall, flagMetadata|flagTrailer|flagStatus|flagRefused, 3, 1<<64-1, []byte{200, 200, 200}))
	f.Add(append(call, call...)) // a stream that is open already
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWire()
		server := NewServer(ServerOptions{})
		rpctestpb.RegisterTestServer(server, fuzzService{})
		served := make(chan error, 1)
		started := make(chan struct{})
		go func() { served <- server.Serve(context.Background(), startedWire{w, started}) }()
		<-started
		w.frames(data)
		w.end(transport.ErrClosed)
		select {
		case <-served:
		case <-time.After(time.Minute):
			t.Fatal("the server does not end")
		}
	})
}

// startedWire tells when Start was called.
type startedWire struct {
	*wire
	started chan struct{}
}

func (s startedWire) Start(receive func(*transport.Frame)) {
	s.wire.Start(receive)
	close(s.started)
}

// Whatever frames a server sends, the client's calls end with a status or with
// an answer.
func FuzzClient(f *testing.F) {
	f.Add(seedFrame(opReply, flagMessage, 1, 0, []byte{10, 1, 65}))
	f.Add(seedFrame(opReply, flagStatus, 1, uint64(codes.NotFound), []byte{2, 8, 5}))
	f.Add(seedFrame(opReply, flagStatus, 1, 1<<40, []byte{200}))
	f.Add(append(seedFrame(opHeader, flagMetadata, 2, 0, []byte{4, 1, 'k', 1, 'v'}), seedFrame(opReply, flagMessage|flagTrailer, 2, 0, []byte{4, 1, 'k', 1, 'v', 10, 1, 65})...))
	f.Add(append(seedFrame(opMessage, 0, 2, 0, []byte{10, 1, 65}), seedFrame(opCredit, 0, 2, 1<<64-1, nil)...))
	f.Add(append(seedFrame(opGoAway, 0, 0, 0, nil), seedFrame(opReply, 0, 1, 0, nil)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := newWire()
		conn := NewConn(w, ConnOptions{Name: "fuzzed"})
		client := rpctestpb.NewTestClient(conn)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{StreamName: "Any", ServerStreams: true, ClientStreams: true}, "/fuzz/Any")
		if err != nil {
			t.Fatal(err)
		}
		var calls sync.WaitGroup
		calls.Go(func() { _, _ = client.Echo(ctx, &rpctestpb.Packet{}) })
		calls.Go(func() {
			for stream.RecvMsg(new(rpctestpb.Packet)) == nil {
			}
		})
		w.frames(data)
		w.end(transport.ErrClosed)
		calls.Wait()
		if ctx.Err() != nil {
			t.Fatal("a call did not end with its link")
		}
		_ = conn.Close()
	})
}

package rpc_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"ddc/rpc"
	"ddc/transport"
)

const lyingMethod = "/lying/Lie"

// liar is a server that answers with the bytes that a test gives it.
func liar(answer []byte) func(*rpc.Server) {
	return func(s *rpc.Server) {
		s.RegisterRaw(lyingMethod, func(context.Context, []byte) (int, func([]byte) error, error) {
			return len(answer), func(b []byte) error { copy(b, answer); return nil }, nil
		})
	}
}

// empties are n empty messages in one, two bytes each: a hundred once decoded.
func empties(n int) []byte {
	b := make([]byte, 0, 2*n)
	for range n {
		b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), nil)
	}
	return b
}

// nested are lists within each other, a list value and a list for each level.
func nested(levels int) []byte {
	var b []byte
	for range levels {
		b = protowire.AppendBytes(protowire.AppendTag(nil, 6, protowire.BytesType), b)
		b = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), b)
	}
	return b
}

func all(b rpc.Bounds) func(string) rpc.Bounds { return func(string) rpc.Bounds { return b } }

func TestReplyOverItsBoundIsThePeersFaultAndSaysWhatItWas(t *testing.T) {
	wide := append(empties(3000), nested(300)...)
	for name, tt := range map[string]struct {
		answer []byte
		bounds rpc.Bounds
		want   string
	}{
		"bytes":   {empties(3000), rpc.Bounds{Bytes: 5999}, "received a message of 6000 bytes: at most 5999"},
		"fields":  {empties(3000), rpc.Bounds{Fields: 2999}, "received a message of more than 2999 fields"},
		"decoded": {empties(30_000), rpc.Bounds{Decoded: 1_000_000}, "received a message that takes more than 1000000 bytes once decoded"},
		"depth":   {wide, rpc.Bounds{Depth: 500}, "received messages within each other, deeper than 500"},
	} {
		t.Run(name, func(t *testing.T) {
			overTransports(t, setup{conn: rpc.ConnOptions{Name: "plugin liar", Replies: all(tt.bounds)}, prepare: liar(tt.answer)}, func(t *testing.T, p *peers) {
				err := p.conn.Invoke(t.Context(), lyingMethod, &packet{}, &structpb.ListValue{})
				assertStatus(t, err, codes.ResourceExhausted, "plugin liar sent too much in answer to /lying/Lie: "+tt.want)
				assert.ErrorIs(t, err, rpc.ErrExcess)
				var excess interface{ TooLong() bool }
				require.ErrorAs(t, err, &excess)
				assert.Equal(t, name == "bytes", excess.TooLong(), "a large file may have made it so")
			})
		})
	}
}

func overTransports(t *testing.T, s setup, test func(*testing.T, *peers)) {
	t.Helper()
	overEach(t, func(t *testing.T, tr transport.Transport) { test(t, connect(t, tr, s)) })
}

func TestReplyAtItsBoundIsDecoded(t *testing.T) {
	bounds := rpc.Bounds{Bytes: 6000, Fields: 3000, Depth: 1}
	overTransports(t, setup{conn: rpc.ConnOptions{Replies: all(bounds)}, prepare: liar(empties(3000))}, func(t *testing.T, p *peers) {
		reply := &structpb.ListValue{}
		require.NoError(t, p.conn.Invoke(t.Context(), lyingMethod, &packet{}, reply))
		assert.Len(t, reply.Values, 3000)
	})
}

// 250 MiB of empty messages took the caller to many GB. Here it is a tenth of
// that.
func TestReplyOfEmptyMessagesIsRefusedBeforeItIsDecoded(t *testing.T) {
	answer := empties(12 << 20)
	overTransports(t, setup{prepare: liar(answer)}, func(t *testing.T, p *peers) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := p.conn.Invoke(t.Context(), lyingMethod, &packet{}, &structpb.ListValue{})
		runtime.ReadMemStats(&after)
		assertStatus(t, err, codes.ResourceExhausted, "once decoded")
		// The transports copy this much. Decoded it would be fifty times the
		// answer.
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*len(answer)))
	})
}

// genericService takes lists and streams of them, as no generated one here
// does.
func genericService(s *rpc.Server) {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "generic.Lists",
		Methods: []grpc.MethodDesc{{MethodName: "Take", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			return &packet{}, decode(&structpb.ListValue{})
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Chat", ServerStreams: true, ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
			for {
				m := &structpb.ListValue{}
				if err := stream.RecvMsg(m); err != nil {
					return err
				}
				if err := stream.SendMsg(m); err != nil {
					return err
				}
			}
		}}},
	}, nil)
}

func manyValues(t *testing.T, n int) *structpb.ListValue {
	t.Helper()
	m := &structpb.ListValue{}
	require.NoError(t, proto.Unmarshal(empties(n), m))
	return m
}

func TestRequestOverItsBoundIsRefusedBeforeItIsDecoded(t *testing.T) {
	bounded := rpc.ServerOptions{Requests: rpc.Bounds{Fields: 2999}}
	overTransports(t, setup{server: bounded, prepare: genericService}, func(t *testing.T, p *peers) {
		err := p.conn.Invoke(t.Context(), "/generic.Lists/Take", manyValues(t, 3000), &packet{})
		assertStatus(t, err, codes.ResourceExhausted, "received a message of more than 2999 fields")
		require.NoError(t, p.conn.Invoke(t.Context(), "/generic.Lists/Take", manyValues(t, 2999), &packet{}))

		stream := openLists(t, p)
		require.NoError(t, stream.SendMsg(manyValues(t, 3000)))
		assertStatus(t, stream.RecvMsg(&structpb.ListValue{}), codes.ResourceExhausted, "received a message of more than 2999 fields")
	})
}

func openLists(t *testing.T, p *peers) grpc.ClientStream {
	t.Helper()
	stream, err := p.conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/generic.Lists/Chat")
	require.NoError(t, err)
	return stream
}

func TestStreamedMessageOverItsBoundEndsTheStream(t *testing.T) {
	bounded := rpc.ConnOptions{Name: "plugin lists", Replies: all(rpc.Bounds{Fields: 2999})}
	overTransports(t, setup{conn: bounded, prepare: genericService}, func(t *testing.T, p *peers) {
		stream := openLists(t, p)
		require.NoError(t, stream.SendMsg(manyValues(t, 2999)))
		require.NoError(t, stream.RecvMsg(&structpb.ListValue{}))
		require.NoError(t, stream.SendMsg(manyValues(t, 3000)))
		err := stream.RecvMsg(&structpb.ListValue{})
		assertStatus(t, err, codes.ResourceExhausted, "plugin lists sent too much in answer to /generic.Lists/Chat: received a message of more than 2999 fields")
		assert.ErrorIs(t, err, rpc.ErrExcess)
	})
}

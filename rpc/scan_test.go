package rpc

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"

	"ddc/rpc/rpctestpb"
	"ddc/transport"
)

// scanned are types with what messages can have in them: lists, maps, oneofs,
// packed numbers, and themselves.
func scanned() []proto.Message {
	return []proto.Message{&rpctestpb.Packet{}, &structpb.Struct{}, &structpb.ListValue{}, &descriptorpb.FileDescriptorProto{}, &spb.Status{}}
}

func repeated(one []byte, n int) []byte { return bytes.Repeat(one, n) }

func lengthField(n protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), content)
}

// The estimate is what bounds memory, so decoding must not keep more.
func TestEstimateCoversWhatDecodingKeeps(t *testing.T) {
	const n = 200_000
	entry := func(i int) []byte {
		key := lengthField(1, strconv.AppendInt(nil, int64(i), 36))
		return lengthField(1, append(key, lengthField(2, nil)...))
	}
	var entries []byte
	for i := range n {
		entries = append(entries, entry(i)...)
	}
	packed := lengthField(10, repeated([]byte{1}, n))
	for name, tt := range map[string]struct {
		into    proto.Message
		payload []byte
	}{
		"empty messages in a list": {&structpb.ListValue{}, repeated(lengthField(1, nil), n)},
		"messages two deep":        {&structpb.ListValue{}, repeated(lengthField(1, lengthField(6, nil)), n)},
		"entries of a map":         {&structpb.Struct{}, entries},
		"empty texts in a list":    {&descriptorpb.FileDescriptorProto{}, repeated(lengthField(3, nil), n)},
		"texts in a list":          {&descriptorpb.FileDescriptorProto{}, repeated(lengthField(3, []byte("0123456789")), n)},
		"large messages":           {&descriptorpb.FileDescriptorProto{}, repeated(lengthField(4, nil), n)},
		"packed numbers":           {&descriptorpb.FileDescriptorProto{}, packed},
		"numbers in a list":        {&descriptorpb.FileDescriptorProto{}, repeated([]byte{10 << 3, 1}, n)},
		"unknown fields":           {&rpctestpb.Packet{}, repeated([]byte{9 << 3, 1}, n)},
		"one large text":           {&rpctestpb.Packet{}, lengthField(1, repeated([]byte("x"), n))},
		"details of a status":      {&spb.Status{}, repeated(lengthField(3, nil), n)},
		"texts in messages":        {&spb.Status{}, repeated(lengthField(3, append(lengthField(1, repeated([]byte("a"), 33)), lengthField(2, repeated([]byte("b"), 33))...)), n)},
	} {
		t.Run(name, func(t *testing.T) {
			var known shapes
			s := known.of(tt.into.ProtoReflect().Type())
			sc := scan{bounds: Bounds{Bytes: math.MaxInt, Fields: math.MaxInt, Depth: 100, Decoded: math.MaxInt64}, decoded: s.size}
			require.NoError(t, sc.message(s, tt.payload, 0))
			const slack = 64 << 10 // what else the process does
			kept := inARow(t, slack/2, func() int64 {
				into := tt.into.ProtoReflect().New().Interface()
				before := live()
				require.NoError(t, proto.Unmarshal(tt.payload, into))
				kept := live() - before
				runtime.KeepAlive(into)
				return kept
			})
			assert.LessOrEqual(t, kept, sc.decoded+slack)
			assert.LessOrEqual(t, sc.decoded, s.size+int64(len(tt.payload))*s.perByte, "the length alone promises less")
			assert.Less(t, sc.decoded, 6*kept+slack, "an estimate that is far too high refuses what fits")
		})
	}
}

// What the length alone promises covers a message that costs more than its
// struct, and is no list: one of a oneof.
func TestWorstCoversAMessageThatIsNoList(t *testing.T) {
	const n = 100
	one := field{known: true, wire: protowire.BytesType, cost: 1000, message: &shape{size: 10}}
	s := &shape{dense: []field{{}, one}}
	sc := scan{bounds: Bounds{Bytes: math.MaxInt, Fields: math.MaxInt, Depth: 100, Decoded: math.MaxInt64}}
	payload := repeated(lengthField(1, nil), n)
	require.NoError(t, sc.message(s, payload, 0))
	assert.EqualValues(t, n*(one.cost+one.message.size), sc.decoded)
	assert.GreaterOrEqual(t, int64(len(payload))*s.worst(map[*shape]bool{}), sc.decoded)
}

// inARow measures until it is told about the same twice in a row: meanwhile
// what tests before have left may be collected.
func inARow(t *testing.T, apart int64, measure func() int64) int64 {
	t.Helper()
	last := measure()
	for range 20 {
		now := measure()
		if max(now, last)-min(now, last) <= apart {
			return now
		}
		last = now
	}
	t.Fatal("the memory that decoding keeps was never measured the same twice in a row")
	return 0
}

func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestScanAllocatesNothing(t *testing.T) {
	payload := repeated(lengthField(1, lengthField(6, nil)), 1000)
	var known shapes
	s := known.of((&structpb.ListValue{}).ProtoReflect().Type())
	bounds := Bounds{}.orDefaults(math.MaxInt)
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = s.scan(payload, bounds) }))
}

// A call's time covers decoding.
func TestNothingIsDecodedForACallThatHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := &rpctestpb.Packet{}
	err := (&decoder{}).decode(ctx, lengthField(1, []byte("x")), &transport.Lease{}, m, Bounds{}.orDefaults(10), nil)
	assert.Equal(t, codes.Canceled, status.Code(err))
	assert.Empty(t, m.Data)
}

// cancelling ends a context while a message is decoded.
type cancelling struct {
	context.Context
	looks int
}

func (c *cancelling) Err() error {
	if c.looks++; c.looks > 1 {
		return context.DeadlineExceeded
	}
	return nil
}

func TestCallWhoseTimeEndsWhileItIsDecodedFails(t *testing.T) {
	err := (&decoder{}).decode(&cancelling{Context: t.Context()}, lengthField(1, []byte("x")), &transport.Lease{}, &rpctestpb.Packet{}, Bounds{}.orDefaults(10), nil)
	assert.Equal(t, codes.DeadlineExceeded, status.Code(err))
}

// Whatever decoding accepts, the scan walks to its end: else a bound could be
// passed behind its back.
func FuzzScanSeesAllThatDecodingDoes(f *testing.F) {
	for i := range scanned() {
		f.Add(uint8(i), lengthField(1, lengthField(6, lengthField(1, nil))))
		f.Add(uint8(i), []byte{0x0b, 0x0c})       // a group
		f.Add(uint8(i), []byte{0x08, 0x80, 0x01}) // another wire type than the field's
	}
	var known shapes
	f.Fuzz(func(t *testing.T, which uint8, payload []byte) {
		types := scanned()
		m := types[int(which)%len(types)]
		s := known.of(m.ProtoReflect().Type())
		bounds := Bounds{Depth: 10_000}.orDefaults(math.MaxInt)
		err := s.scan(payload, bounds)
		decoding := proto.Unmarshal(payload, m)
		if decoding == nil && errors.Is(err, errMalformed) {
			t.Fatalf("decoded, but malformed to the scan: %x", payload)
		}
		if err == nil && !s.mayExceed(len(payload), bounds) {
			return
		}
		bounds.Fields = len(payload) / 2
		if err := s.scan(payload, bounds); errors.Is(err, ErrExcess) {
			t.Fatalf("%d bytes have more than %d fields: %v", len(payload), bounds.Fields, err)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	payload := repeated(lengthField(1, lengthField(3, []byte("some text in a list"))), 100_000)
	var known shapes
	s := known.of((&structpb.ListValue{}).ProtoReflect().Type())
	bounds := Bounds{}.orDefaults(math.MaxInt)
	b.Run("scan", func(b *testing.B) {
		b.SetBytes(int64(len(payload)))
		b.ReportAllocs()
		for b.Loop() {
			if err := s.scan(payload, bounds); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(payload)))
		b.ReportAllocs()
		for b.Loop() {
			if err := proto.Unmarshal(payload, &structpb.ListValue{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

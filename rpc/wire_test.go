package rpc

import (
	"context"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ddc/transport"
)

func TestCallArgumentsSurviveTheWire(t *testing.T) {
	for _, method := range []uint16{0, 1, maxMethods, math.MaxUint16} {
		for sent, want := range map[time.Duration]time.Duration{
			0: 0, 1: time.Microsecond, time.Microsecond: time.Microsecond, 1500 * time.Nanosecond: 2 * time.Microsecond,
			time.Hour: time.Hour, math.MaxInt64: maxTimeout * time.Microsecond,
		} {
			id, got := unpackCall(packCall(method, sent))
			assert.Equal(t, method, id)
			assert.Equal(t, want, got, "%v", sent)
		}
	}
}

func TestSectionsSurviveTheWire(t *testing.T) {
	md := metadata.MD{"a": {"1", "2"}, "bin": {"\x00\xff", ""}}
	payload := appendSection(nil, "/s/m")
	payload = appendMetadata(payload, md)
	payload = appendMetadata(payload, metadata.MD{})
	payload = appendSection(payload, []byte("status"))
	begins := len(payload)
	payload = append(payload, "message"...)
	got, message, err := parseSections(flagMethod|flagMetadata|flagTrailer|flagStatus|flagMessage, payload)
	require.NoError(t, err)
	assert.Equal(t, sections{method: "/s/m", metadata: md, status: []byte("status")}, got)
	assert.Equal(t, begins, message)
	for i := range begins {
		_, _, err := parseSections(flagMethod|flagMetadata|flagTrailer|flagStatus, payload[:i])
		assert.ErrorIs(t, err, errShort, "cut after %d bytes", i)
	}
	_, _, err = parseSections(flagMethod, appendSection(nil, strings.Repeat("x", maxMetadata+1)))
	assert.ErrorIs(t, err, errTooBig)
}

func FuzzSectionsNeverReadBeyondThePayload(f *testing.F) {
	f.Add(uint8(15), []byte("\x04/s/m\x06\x01a\x011\x01b\x00"))
	f.Fuzz(func(t *testing.T, flags uint8, payload []byte) {
		_, message, err := parseSections(flags, payload)
		if err == nil && (message < 0 || message > len(payload)) {
			t.Errorf("the message begins at %d of %d", message, len(payload))
		}
	})
}

func TestASenderThatIgnoresItsCreditIsStopped(t *testing.T) {
	var b inbox
	b.open()
	f := transport.NewFrame(transport.Header{}, make([]byte, 1000), nil, 0)
	pushed := 0
	for ; pushed*(1000+messageCost) < windowSize; pushed++ {
		require.NoError(t, b.push(&f, 0))
	}
	require.ErrorIs(t, b.push(&f, 0), errOverrun)
	granted := uint64(0)
	for range pushed {
		_, grant, err := b.pop(t.Context())
		require.NoError(t, err)
		granted += grant
	}
	assert.GreaterOrEqual(t, granted, uint64(windowSize/2), "what was read is granted again")
	assert.NoError(t, b.push(&f, 0))
}

func TestAMessageIsLeasedOnlyToAReaderThatWaits(t *testing.T) {
	owner := &owner{}
	push := func(b *inbox) {
		f := transport.NewFrame(transport.Header{}, make([]byte, 100), owner, 0)
		assert.NoError(t, b.push(&f, 10))
		f.Drop()
	}
	var b inbox
	b.open()
	push(&b)
	assert.Equal(t, 1, owner.released, "copied, since nobody waits")
	_, _, err := b.pop(t.Context())
	require.NoError(t, err)

	b.parked = true // as pop leaves it before it waits
	push(&b)
	assert.Equal(t, 1, owner.released, "kept for the reader")
	push(&b)
	assert.Equal(t, 2, owner.released, "copied: the reader has one to read")
	b.abandon(errOverrun)
	assert.Equal(t, 3, owner.released, "given back with the stream")
}

type owner struct{ released int }

func (o *owner) ReleaseLease(uint64) { o.released++ }

func TestOnlyOneRawRequestIsReadFromItsSlotAtATime(t *testing.T) {
	owner := &owner{}
	l := &session{server: NewServer(ServerOptions{})}
	arrive := func() *serverStream {
		st := &serverStream{session: l, method: &served{raw: func(context.Context, []byte) (int, func([]byte) error, error) { return 0, nil, nil }}}
		f := transport.NewFrame(transport.Header{}, make([]byte, smallMessage+1), owner, 0)
		st.setRequest(&f, 0)
		f.Drop()
		return st
	}
	first, second := arrive(), arrive()
	assert.Equal(t, 1, owner.released, "the second was copied")
	second.releaseRequest()
	third := arrive()
	assert.Equal(t, 2, owner.released, "the first is still held")
	first.releaseRequest()
	assert.Equal(t, 3, owner.released)
	fourth := arrive()
	assert.Equal(t, 3, owner.released, "held again")
	third.releaseRequest()
	fourth.releaseRequest()
	assert.Equal(t, 4, owner.released)
}

// The stream of a unary call is the largest of what one allocates. What few
// calls use lies behind pointers, so that the others do not pay for it.
func TestAnOrdinaryCallsStreamIsSmall(t *testing.T) {
	const most = 416 // bytes: a size class of the allocator
	assert.LessOrEqual(t, reflect.TypeFor[serverStream]().Size(), uintptr(most))
	assert.LessOrEqual(t, reflect.TypeFor[clientStream]().Size(), uintptr(most))
}

// A reply's code is kept though its text cannot be read.
func TestAStatusThatCannotBeReadKeepsItsCode(t *testing.T) {
	err := (&Conn{name: "plugin x"}).replyError(flagStatus, uint64(codes.NotFound), []byte("\xff"))
	assert.Equal(t, codes.NotFound, status.Code(err))
	assert.ErrorContains(t, err, "plugin x replied with this code, and a text that cannot be read")
}

// old is a codec of gRPC's first registry.
type old struct{}

func (old) Marshal(any) ([]byte, error)        { return []byte("old"), nil }
func (old) Unmarshal(data []byte, _ any) error { return nil }
func (old) Name() string                       { return "rpc-test-old" }

func TestCodecsOfBothRegistriesAreFound(t *testing.T) {
	encoding.RegisterCodec(old{})
	assert.Nil(t, codecOf("proto"), "protobuf needs none")
	assert.Nil(t, codecOf("rpc-test-unknown"))
	require.NotNil(t, codecOf("rpc-test-old"))
	data, err := codecOf("rpc-test-old").Marshal(nil)
	require.NoError(t, err)
	assert.Equal(t, "old", string(data))
}

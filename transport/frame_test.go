package transport

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// owner notes what is given back to it.
type owner struct{ released []uint64 }

func (o *owner) ReleaseLease(token uint64) { o.released = append(o.released, token) }

func TestAFrameThatIsNotKeptGoesBackOnce(t *testing.T) {
	var o owner
	f := NewFrame(Header{Op: 1, Stream: 2}, []byte("payload"), &o, 7)
	assert.Equal(t, Header{Op: 1, Stream: 2}, f.Header)
	assert.Equal(t, "payload", string(f.Payload))
	f.Drop()
	assert.Equal(t, []uint64{7}, o.released)
	f.Drop()
	assert.Equal(t, []uint64{7}, o.released)
}

func TestALeaseGoesBackOnceWhenItIsReleased(t *testing.T) {
	var o owner
	payload := []byte("payload")
	f := NewFrame(Header{}, payload, &o, 7)
	l := f.Keep()
	f.Drop()
	assert.Empty(t, o.released, "it was kept")
	assert.Same(t, &payload[0], &l.Payload[0], "where it is, without a copy")
	l.Release()
	assert.Equal(t, []uint64{7}, o.released)
	assert.Equal(t, Lease{}, l)
	l.Release()
	assert.Equal(t, []uint64{7}, o.released)
}

// The pump's own buffer is lent for one call: what is kept is a copy.
func TestAPayloadOfThePumpIsCopiedWhenItIsKept(t *testing.T) {
	buffer := []byte("payload")
	f := NewFrame(Header{}, buffer, nil, 0)
	l := f.Keep()
	f.Drop()
	copy(buffer, "another")
	assert.Equal(t, "payload", string(l.Payload))
	assert.Equal(t, len("payload"), cap(l.Payload))
	l.Release()
	assert.Nil(t, l.Payload)

	f = NewFrame(Header{}, buffer[:1], nil, 0)
	l = f.Keep()
	buffer[0] = 'x'
	assert.Equal(t, "a", string(l.Payload))
	f = NewFrame(Header{}, buffer[:0], nil, 0)
	assert.Empty(t, f.Keep().Payload)
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = f.Keep() }), "there is nothing to copy")
}

// Others build on these: what fits into a frame anywhere, and what fits
// nowhere.
func TestLimitsArePromised(t *testing.T) {
	assert.Equal(t, 48, InlineMax)
	assert.Equal(t, 1024*1024*1024, MaxPayload)
}

package hub

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/ring"
	"ddc/slot"
	"ddc/transport"
)

// dirty is a cell that had another descriptor before, which has to leave no
// trace.
func dirty() *ring.Descriptor {
	d := new(ring.Descriptor)
	for i := range d {
		d[i] = 0xff
	}
	return d
}

func TestDescriptorIsReadAsItWasWritten(t *testing.T) {
	for _, h := range []transport.Header{
		{}, {Op: 1, Flags: 2, Stream: 3, Arg: 4},
		{Op: 255, Flags: 255, Stream: math.MaxUint32, Arg: math.MaxUint64}, {Stream: 1 << 24, Arg: 1 << 56},
	} {
		for kind := range uint8(kindAbort + 1) {
			d := dirty()
			encodeHeader(d, h, kind)
			got, gotKind := decodeHeader(d)
			assert.Equal(t, h, got)
			assert.Equal(t, kind, gotKind)
			assert.Zero(t, d[3], "no length is left of the cell's last descriptor")
		}
		for _, r := range []reference{
			{}, {ref: 1, length: 2, group: 3, total: 4},
			{ref: slot.Ref(math.MaxUint64), length: math.MaxUint32, group: math.MaxUint32, total: math.MaxUint64},
		} {
			d := dirty()
			encodeReference(d, h, kindPiece, r)
			assert.Equal(t, r, decodeReference(d))
			got, kind := decodeHeader(d)
			assert.Equal(t, h, got, "the reference lies behind the header")
			assert.EqualValues(t, kindPiece, kind)
		}
	}
}

// The places are the protocol's: the other process may be of another build.
func TestDescriptorLiesAsTheProtocolSays(t *testing.T) {
	var d ring.Descriptor
	encodeReference(&d, transport.Header{Op: 1, Flags: 2, Stream: 0x0403, Arg: 0x0605}, kindLast, reference{ref: 7, length: 8, group: 9, total: 10})
	want := ring.Descriptor{0: 1, 1: 2, 2: 3}
	order.PutUint32(want[4:], 0x0403)
	order.PutUint64(want[8:], 0x0605)
	order.PutUint64(want[16:], 7)
	order.PutUint32(want[24:], 8)
	order.PutUint32(want[28:], 9)
	order.PutUint64(want[32:], 10)
	assert.Equal(t, want, d)
	encodeInline(&d, transport.Header{Op: 5}, 48)
	assert.EqualValues(t, []byte{5, 0, kindInline, 48}, d[:4])
}

func TestInlinePayloadIsAsLongAsItSaysAndNoLonger(t *testing.T) {
	for _, n := range []int{0, 1, inlineMax} {
		d := dirty()
		encodeInline(d, transport.Header{}, n)
		b, err := decodeInline(d)
		require.NoError(t, err)
		assert.Len(t, b, n)
		assert.Equal(t, n, cap(b), "nothing is appended behind it")
	}
	d := dirty()
	d[3] = byte(inlineMax + 1)
	_, err := decodeInline(d)
	assert.ErrorIs(t, err, transport.ErrCorrupt)
	assert.ErrorContains(t, err, "inline length 49, at most 48")
}

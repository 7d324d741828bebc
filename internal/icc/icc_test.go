package icc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/icc"
	"ddc/internal/icc/icctest"
)

// near claims that a colour became another, but for rounding.
func near(t *testing.T, profile []byte, from, want [3]byte) {
	t.Helper()
	transform, err := icc.Parse(profile)
	require.NoError(t, err)
	got := []byte{from[0], from[1], from[2], 77}
	transform.Apply(got)
	for c := range want {
		assert.InDelta(t, want[c], got[c], 4, "%v became %v, not %v", from, got, want)
	}
	assert.EqualValues(t, 77, got[3])
}

func TestColoursBecomeThoseOfSRGB(t *testing.T) {
	for from, want := range map[[3]byte][3]byte{
		{234, 51, 35}: {255, 0, 0}, {117, 251, 76}: {0, 255, 0}, {0, 0, 245}: {0, 0, 255}, {128, 128, 128}: {128, 128, 128}, {0, 0, 0}: {}, {255, 255, 255}: {255, 255, 255},
		{255, 0, 0}: {255, 0, 0}, // there is no such red in sRGB
	} {
		near(t, icctest.DisplayP3(), from, want)
	}
	for from, want := range map[[3]byte][3]byte{{219, 0, 0}: {255, 0, 0}, {255, 255, 255}: {255, 255, 255}, {127, 127, 127}: {128, 128, 128}} {
		near(t, icctest.AdobeRGB(), from, want)
	}
	near(t, icctest.Grey(1), [3]byte{55, 55, 55}, [3]byte{128, 128, 128})
}

func TestProfileOfSRGBChangesNothing(t *testing.T) {
	for name, profile := range map[string][]byte{"formula": icctest.SRGB(), "table": icctest.SRGBByTable()} {
		transform, err := icc.Parse(profile)
		require.NoError(t, err)
		assert.True(t, transform.IsSRGB(), name)
	}
	for _, profile := range [][]byte{icctest.DisplayP3(), icctest.AdobeRGB(), icctest.Grey(1)} {
		transform, err := icc.Parse(profile)
		require.NoError(t, err)
		assert.False(t, transform.IsSRGB())
	}
}

func TestProfileThatCannotBeConvertedIsRefused(t *testing.T) {
	inks := icctest.SRGB()
	copy(inks[16:], "CMYK")
	whole := icctest.DisplayP3()
	for name, profile := range map[string][]byte{"inks": inks, "nothing": nil, "text": []byte("no profile"), "cut off": whole[:200], "no tags": whole[:132]} {
		_, err := icc.Parse(profile)
		assert.ErrorIs(t, err, icc.ErrUnsupported, name)
	}
}

func FuzzParseNeverPanics(f *testing.F) {
	f.Add(icctest.DisplayP3())
	f.Add(icctest.SRGBByTable())
	f.Add(icctest.Grey(2.2))
	f.Fuzz(func(_ *testing.T, profile []byte) {
		if t, err := icc.Parse(profile); err == nil {
			t.Apply([]byte{1, 2, 3, 4, 250, 251, 252, 253})
		}
	})
}

func BenchmarkApply(b *testing.B) {
	transform, err := icc.Parse(icctest.DisplayP3())
	require.NoError(b, err)
	pixels := make([]byte, 4<<20)
	for i := range pixels {
		pixels[i] = byte(i * 7)
	}
	b.SetBytes(int64(len(pixels)))
	for b.Loop() {
		transform.Apply(pixels)
	}
}

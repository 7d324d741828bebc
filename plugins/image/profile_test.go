package image

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/icc/icctest"
	"ddc/plugins/image/imagepb"
)

// withChunk adds a chunk to a PNG, behind its header or at its end.
func withChunk(file []byte, kind string, data []byte, atEnd bool) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(chunk, kind...), data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	at := 8 + 25
	if atEnd {
		at = len(file) - 12
	}
	return bytes.Join([][]byte{file[:at], chunk, file[at:]}, nil)
}

func packedProfile(t *testing.T, profile []byte) []byte {
	t.Helper()
	var data bytes.Buffer
	data.WriteString("name\x00\x00")
	w := zlib.NewWriter(&data)
	_, err := w.Write(profile)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return data.Bytes()
}

// inP3 is a picture in the red that Display P3 has for the red of sRGB.
func inP3(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		copy(m.Pix[4*i:], []byte{234, 51, 35, 255})
	}
	return m
}

func TestColoursOfAProfileAreBroughtToSRGB(t *testing.T) {
	red := func(pixels *imagepb.Pixels, by float64) {
		for c, want := range []byte{255, 0, 0, 255} {
			assert.InDelta(t, want, pixels.Rgba[c], by)
		}
	}
	red(decodeFile(t, withChunk(pngOf(t, inP3(1, 1)), "iCCP", packedProfile(t, icctest.DisplayP3()), false)), 4)

	var file bytes.Buffer
	require.NoError(t, jpeg.Encode(&file, inP3(8, 8), &jpeg.Options{Quality: 100}))
	profile := icctest.DisplayP3()
	half := len(profile) / 2
	for i, piece := range [][]byte{profile[half:], profile[:half]} { // in the wrong order
		body := append([]byte("ICC_PROFILE\x00"), byte(2-i), 2)
		body = append(body, piece...)
		segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe2}, uint16(len(body)+2))
		whole := bytes.Join([][]byte{file.Bytes()[:2], segment, body, file.Bytes()[2:]}, nil)
		file.Reset()
		file.Write(whole)
	}
	red(decodeFile(t, file.Bytes()), 16)
}

func TestPictureWhoseColoursCannotBeConvertedIsKept(t *testing.T) {
	inks := icctest.SRGB()
	copy(inks[16:], "CMYK")
	kept := decodeFile(t, withChunk(pngOf(t, inP3(1, 1)), "iCCP", packedProfile(t, inks), false))
	assert.Contains(t, kept.Kept, `colour profile that cannot be converted: it is of the space "CMYK"`)
	assert.Empty(t, kept.Rgba)
}

func TestOrientationInAPNGIsObeyed(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	m.SetNRGBA(0, 0, color.NRGBA{R: 1, A: 255})
	m.SetNRGBA(1, 0, color.NRGBA{R: 2, A: 255})
	for _, atEnd := range []bool{false, true} {
		tiff := []byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00")
		got := decodeFile(t, withChunk(pngOf(t, m), "eXIf", tiff, atEnd))
		assert.Equal(t, []int32{1, 2}, []int32{got.Width, got.Height})
		assert.Equal(t, []byte{1, 0, 0, 255, 2, 0, 0, 255}, got.Rgba)
	}
}

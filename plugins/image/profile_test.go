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

// As browsers have it: cICP, iCCP, sRGB, and gAMA with cHRM at last.
func TestColoursOfAPNGAreWhatItsChunksSay(t *testing.T) {
	p3 := packedProfile(t, icctest.DisplayP3())
	grey := packedProfile(t, icctest.Grey(1))
	inP3 := []byte{234, 51, 35}
	number := func(all ...uint32) (data []byte) {
		for _, n := range all {
			data = binary.BigEndian.AppendUint32(data, n)
		}
		return data
	}
	chrm := number(31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
	for name, c := range map[string]struct {
		chunks [][2]string
		want   []byte
	}{
		"cICP":                   {[][2]string{{"cICP", "\x0c\x0d\x00\x01"}}, []byte{255, 0, 0}},
		"cICP of sRGB over iCCP": {[][2]string{{"cICP", "\x01\x0d\x00\x01"}, {"iCCP", string(p3)}}, inP3},
		"iCCP over gAMA":         {[][2]string{{"gAMA", string(number(100_000))}, {"iCCP", string(p3)}}, []byte{255, 0, 0}},
		"sRGB over gAMA":         {[][2]string{{"gAMA", string(number(100_000))}, {"sRGB", "\x00"}}, inP3},
		"gAMA of light":          {[][2]string{{"gAMA", string(number(100_000))}}, []byte{245, 124, 104}},
		"gAMA of sRGB":           {[][2]string{{"gAMA", string(number(45_455))}}, inP3},
		"gAMA and cHRM":          {[][2]string{{"gAMA", string(number(45_455))}, {"cHRM", string(chrm)}}, []byte{255, 0, 0}},
		"cHRM alone":             {[][2]string{{"cHRM", string(chrm)}}, inP3},
		"greys for colours":      {[][2]string{{"iCCP", string(grey)}}, inP3},
		"an absurd gAMA":         {[][2]string{{"gAMA", string(number(0))}}, inP3},
	} {
		m := image.NewNRGBA(image.Rect(0, 0, 1, 1))
		copy(m.Pix, append(append([]byte{}, inP3...), 255))
		file := pngOf(t, m)
		for i := len(c.chunks) - 1; i >= 0; i-- {
			file = withChunk(file, c.chunks[i][0], []byte(c.chunks[i][1]), false)
		}
		got := decodeFile(t, file)
		require.Empty(t, got.Kept, name)
		for i, want := range c.want {
			assert.InDelta(t, want, got.Rgba[i], 4, "%s: %v", name, got.Rgba)
		}
	}
	hdr := decodeFile(t, withChunk(pngOf(t, image.NewNRGBA(image.Rect(0, 0, 1, 1))), "cICP", []byte{9, 16, 0, 1}, false))
	assert.Contains(t, hdr.Kept, "it has the code points 9/16/0/1")
	odd := decodeFile(t, withChunk(withChunk(pngOf(t, image.NewNRGBA(image.Rect(0, 0, 1, 1))), "cHRM", make([]byte, 32), false), "gAMA", number(45_455), false))
	assert.Contains(t, odd.Kept, "its primary colours are none")
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

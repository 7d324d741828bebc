package image

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/plugins/image/imagepb"
)

func decodeFile(t *testing.T, data []byte) *imagepb.Pixels {
	t.Helper()
	pixels, err := New().Decode(t.Context(), &imagepb.DecodeRequest{Path: "a/b.img", Data: data})
	require.NoError(t, err)
	return pixels
}

func pngOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, m))
	return file.Bytes()
}

func filled(width, height int, c color.NRGBA) *imagepb.Pixels {
	return &imagepb.Pixels{Width: int32(width), Height: int32(height), Rgba: bytes.Repeat([]byte{c.R, c.G, c.B, c.A}, width*height)}
}

func TestDecodeKeepsColourOfThinPixels(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	m.SetNRGBA(0, 0, color.NRGBA{R: 200, G: 100, B: 50, A: 3})
	m.SetNRGBA(1, 0, color.NRGBA{R: 1, G: 2, B: 3, A: 255})
	assert.Equal(t, []byte{200, 100, 50, 3, 1, 2, 3, 255}, decodeFile(t, pngOf(t, m)).Rgba)
}

func TestDecodeReadsEveryKindOfPNG(t *testing.T) {
	rect := image.Rect(0, 0, 1, 1)
	deep := image.NewNRGBA64(rect)
	deep.SetNRGBA64(0, 0, color.NRGBA64{R: 0xc8ff, G: 0x6400, B: 0x3200, A: 0x0301})
	grey := image.NewGray(rect)
	grey.Pix[0] = 77
	indexed := image.NewPaletted(rect, color.Palette{color.NRGBA{R: 9, G: 8, B: 7, A: 6}})
	for name, c := range map[string]struct {
		m    image.Image
		want []byte
	}{
		"16 bit":  {deep, []byte{0xc8, 0x64, 0x32, 3}},
		"grey":    {grey, []byte{77, 77, 77, 255}},
		"palette": {indexed, []byte{9, 8, 7, 6}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, decodeFile(t, pngOf(t, c.m)).Rgba) })
	}
}

func TestDecodePutsFirstFrameOfGIFOnItsScreen(t *testing.T) {
	red := color.NRGBA{R: 255, A: 255}
	first := image.NewPaletted(image.Rect(1, 1, 3, 2), color.Palette{red})
	second := image.NewPaletted(image.Rect(0, 0, 4, 3), color.Palette{color.NRGBA{B: 255, A: 255}})
	var file bytes.Buffer
	require.NoError(t, gif.EncodeAll(&file, &gif.GIF{Image: []*image.Paletted{first, second}, Delay: []int{1, 1}, Config: image.Config{Width: 4, Height: 3}}))
	got := decodeFile(t, file.Bytes())
	require.Equal(t, [2]int32{4, 3}, [2]int32{got.Width, got.Height})
	m, err := fromMessage(got)
	require.NoError(t, err)
	assert.Equal(t, color.NRGBA{}, m.NRGBAAt(0, 0))
	assert.Equal(t, red, m.NRGBAAt(1, 1))
	assert.Equal(t, red, m.NRGBAAt(2, 1))
	assert.Equal(t, color.NRGBA{}, m.NRGBAAt(3, 1))
}

func TestDecodeNamesFileAndFormatOfCorruptPicture(t *testing.T) {
	good := pngOf(t, image.NewGray(image.Rect(0, 0, 50, 50)))
	var photo bytes.Buffer
	require.NoError(t, jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 50, 50)), nil))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"short png":   {good[:len(good)-20], "a.png: cannot decode PNG: png: invalid format: unexpected EOF"},
		"broken png":  {append(bytes.Clone(good[:45]), bytes.Repeat([]byte{1}, 50)...), "a.png: cannot decode PNG: "},
		"short jpeg":  {photo.Bytes()[:300], "a.png: cannot decode JPEG: "},
		"only a head": {[]byte("GIF89a"), "a.png: cannot decode GIF: gif: reading header: unexpected EOF"},
		"text":        {[]byte("hello"), `a.png: not a PNG, JPEG or GIF file (5 bytes, starting "hello")`},
		"nothing":     {nil, "a.png: not a PNG"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New().Decode(t.Context(), &imagepb.DecodeRequest{Path: "a.png", Data: c.data})
			assert.Equal(t, codes.InvalidArgument, status.Code(err))
			assert.Contains(t, status.Convert(err).Message(), c.want)
		})
	}
}

func TestPictureOfAnAbsurdSizeIsKeptAndMeasured(t *testing.T) {
	data := pngOf(t, image.NewGray(image.Rect(0, 0, 1, 1)))
	binary.BigEndian.PutUint32(data[16:], 60_000)
	binary.BigEndian.PutUint32(data[20:], 60_000)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	kept := decodeFile(t, data)
	assert.Equal(t, "cannot decode PNG: beyond this decoder: 60000 x 60000 pixels are more than the 100 megapixels allowed", kept.Kept)
	assert.Empty(t, kept.Rgba)
	size, err := New().Measure(t.Context(), &imagepb.MeasureRequest{Path: "bomb.png", Data: data})
	require.NoError(t, err)
	assert.Equal(t, [2]int32{60_000, 60_000}, [2]int32{size.Width, size.Height})
}

// Browsers show them, so a build goes on.
func TestPictureThatOnlyOthersReadIsKept(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, jpeg.Encode(&file, image.NewNRGBA(image.Rect(0, 0, 8, 8)), nil))
	arithmetic := bytes.Replace(file.Bytes(), []byte{0xff, 0xc0}, []byte{0xff, 0xc9}, 1)
	for want, data := range map[string][]byte{
		"it is AVIF or HEIF": []byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00"), "it is BMP": []byte("BM\x00\x00\x00\x00"),
		"unsupported JPEG feature": arithmetic,
	} {
		assert.Contains(t, decodeFile(t, data).Kept, want)
	}
}

// withOrientation inserts an EXIF segment after a JPEG's first marker.
func withOrientation(jpeg []byte, order binary.AppendByteOrder, mark string, value uint16) []byte {
	tiff := order.AppendUint32([]byte(mark), 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, entry := range [][2]uint16{{0x0100, 9}, {0x0112, value}} {
		tiff = order.AppendUint16(order.AppendUint16(tiff, entry[0]), 3)
		tiff = order.AppendUint16(order.AppendUint16(order.AppendUint32(tiff, 1), entry[1]), 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append(bytes.Clone(jpeg[:2]), 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	return append(append(out, segment...), jpeg[2:]...)
}

// A picture of 32 x 16 with its upper left block white, as a camera would store
// it, and where that block must end up.
func TestDecodeTurnsPhotographUpright(t *testing.T) {
	stored := image.NewGray(image.Rect(0, 0, 32, 16))
	for y := range 8 {
		for x := range 8 {
			stored.SetGray(x, y, color.Gray{Y: 255})
		}
	}
	var file bytes.Buffer
	require.NoError(t, jpeg.Encode(&file, stored, &jpeg.Options{Quality: 100}))
	type corner struct{ width, height, x, y int }
	wide, tall := [2]int{32, 16}, [2]int{16, 32}
	for value, want := range map[uint16]corner{
		1: {wide[0], wide[1], 0, 0}, 2: {wide[0], wide[1], 31, 0}, 3: {wide[0], wide[1], 31, 15}, 4: {wide[0], wide[1], 0, 15},
		5: {tall[0], tall[1], 0, 0}, 6: {tall[0], tall[1], 15, 0}, 7: {tall[0], tall[1], 15, 31}, 8: {tall[0], tall[1], 0, 31},
		9: {wide[0], wide[1], 0, 0},
	} {
		for mark, order := range map[string]binary.AppendByteOrder{"II*\x00": binary.LittleEndian, "MM\x00*": binary.BigEndian} {
			got := decodeFile(t, withOrientation(file.Bytes(), order, mark, value))
			m, err := fromMessage(got)
			require.NoError(t, err)
			require.Equal(t, image.Pt(want.width, want.height), m.Rect.Size(), "orientation %d", value)
			for _, at := range [][2]int{{0, 0}, {want.width - 1, 0}, {0, want.height - 1}, {want.width - 1, want.height - 1}} {
				white := m.NRGBAAt(at[0], at[1]).R > 128
				assert.Equal(t, at == [2]int{want.x, want.y}, white, "orientation %d, pixel %v", value, at)
			}
		}
	}
}

// Two pictures whose longer turns would look alike at the corners: a quarter
// turn is not a transposition.
func TestUprightTurnsRatherThanTransposes(t *testing.T) {
	src := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	src.Pix = []byte{1, 1, 1, 1, 2, 2, 2, 2}
	for orientation, want := range map[int][2]byte{5: {1, 2}, 6: {1, 2}, 7: {2, 1}, 8: {2, 1}} {
		got := upright(src, orientation)
		assert.Equal(t, want, [2]byte{got.Pix[0], got.Pix[4]}, "orientation %d", orientation)
	}
}

func FuzzOrientationNeverPanics(f *testing.F) {
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00\x08\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := orientation(data); o < 1 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
	})
}

func TestResizeKeepsRatio(t *testing.T) {
	for _, c := range []struct{ w, h, to, want int }{{1920, 1280, 640, 427}, {3, 2, 1, 1}, {1000, 1, 10, 1}, {10, 7, 20, 14}} {
		got, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: filled(c.w, c.h, color.NRGBA{R: 10, G: 20, B: 30, A: 255}), Width: int32(c.to)})
		require.NoError(t, err)
		assert.Equal(t, [2]int32{int32(c.to), int32(c.want)}, [2]int32{got.Width, got.Height})
		assert.Len(t, got.Rgba, c.to*c.want*4)
	}
}

func TestResizeOfEvenColourIsThatColour(t *testing.T) {
	for _, c := range []color.NRGBA{{R: 10, G: 200, B: 30, A: 255}, {R: 250, G: 128, B: 3, A: 40}} {
		got, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: filled(64, 64, c), Width: 21})
		require.NoError(t, err)
		for i := 0; i < len(got.Rgba); i += 4 {
			require.InDeltaSlice(t, []int{int(c.R), int(c.G), int(c.B), int(c.A)},
				[]int{int(got.Rgba[i]), int(got.Rgba[i+1]), int(got.Rgba[i+2]), int(got.Rgba[i+3])}, 1)
		}
	}
}

// Red beside fully transparent green: if alpha did not weigh the colours, green
// would bleed into the edge.
func TestResizeDoesNotBleedTransparentColours(t *testing.T) {
	p := filled(64, 4, color.NRGBA{R: 255, A: 255})
	for i := 0; i < len(p.Rgba); i += 4 {
		if i/4%64 >= 32 {
			copy(p.Rgba[i:], []byte{0, 255, 0, 0})
		}
	}
	got, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: p, Width: 15})
	require.NoError(t, err)
	var edge bool
	for i := 0; i < len(got.Rgba); i += 4 {
		edge = edge || (got.Rgba[i+3] > 0 && got.Rgba[i+3] < 255)
		assert.Zero(t, got.Rgba[i+1], "green at pixel %d", i/4)
	}
	assert.True(t, edge, "there must be half transparent pixels for this to mean anything")
}

func TestResizeIsLanczosNotBlurred(t *testing.T) {
	p := filled(40, 1, color.NRGBA{A: 255})
	for x := 20; x < 40; x++ {
		copy(p.Rgba[x*4:], []byte{200, 200, 200, 255})
	}
	got, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: p, Width: 80})
	require.NoError(t, err)
	var highest byte
	for i := 0; i < len(got.Rgba); i += 4 {
		highest = max(highest, got.Rgba[i])
	}
	assert.Greater(t, highest, byte(205), "a Lanczos filter overshoots beside an edge")
}

func TestCallsRefusePixelsOfWrongLength(t *testing.T) {
	short := &imagepb.Pixels{Width: 2, Height: 3, Rgba: make([]byte, 23)}
	_, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: short, Width: 1})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	assert.ErrorContains(t, err, "resize: 2 x 3 pixels need 24 bytes of RGBA, got 23")
	_, err = New().Thumbhash(t.Context(), &imagepb.ThumbhashRequest{Pixels: short})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	_, err = New().Thumbhash(t.Context(), &imagepb.ThumbhashRequest{})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	_, err = New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: filled(2, 2, color.NRGBA{}), Width: 0})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
	_, err = New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: filled(2, 2, color.NRGBA{}), Width: 1 << 30})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
}

func TestThumbhashIsSmallPictureOfAverageColour(t *testing.T) {
	for _, c := range []color.NRGBA{{R: 200, G: 40, B: 80, A: 255}, {R: 200, G: 40, B: 80, A: 100}} {
		response, err := New().Thumbhash(t.Context(), &imagepb.ThumbhashRequest{Pixels: filled(300, 200, c)})
		require.NoError(t, err)
		encoded, ok := strings.CutPrefix(response.DataUrl, "data:image/png;base64,")
		require.True(t, ok)
		file, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err)
		m, err := png.Decode(bytes.NewReader(file))
		require.NoError(t, err)
		assert.LessOrEqual(t, max(m.Bounds().Dx(), m.Bounds().Dy()), 32)
		assert.Greater(t, m.Bounds().Dx(), m.Bounds().Dy())
		got := color.NRGBAModel.Convert(m.At(5, 5)).(color.NRGBA)
		assert.InDeltaSlice(t, []int{int(c.R), int(c.G), int(c.B), int(c.A)}, []int{int(got.R), int(got.G), int(got.B), int(got.A)}, 20)
	}
}

// The hash itself would make 2.3 to 1 of a picture of 5.3 to 1, and that would
// stand out behind the picture.
func TestThumbhashHasTheRatioOfThePicture(t *testing.T) {
	for _, size := range [][2]int{{1600, 300}, {300, 1600}, {1920, 1280}, {1600, 720}, {100, 100}, {3, 1}} {
		response, err := New().Thumbhash(t.Context(), &imagepb.ThumbhashRequest{Pixels: filled(size[0], size[1], color.NRGBA{R: 200, A: 255})})
		require.NoError(t, err)
		file, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(response.DataUrl, "data:image/png;base64,"))
		require.NoError(t, err)
		m, err := png.DecodeConfig(bytes.NewReader(file))
		require.NoError(t, err)
		assert.InEpsilon(t, float64(size[0])/float64(size[1]), float64(m.Width)/float64(m.Height), 0.02, "%v: %dx%d", size, m.Width, m.Height)
		assert.LessOrEqual(t, max(m.Width, m.Height), 32)
	}
}

func TestPhotographComesOutAtEveryWidth(t *testing.T) {
	photographs := map[string][]byte{"drawn": fixture.JPEG(t, fixture.Photograph(1920, 1280))}
	if name, found := fixture.Real("dodeca-docs/docs/static/images/mountain.jpg"); found {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		photographs["real"] = data
	}
	for name, data := range photographs {
		picture := decodeFile(t, data)
		require.Equal(t, [2]int32{1920, 1280}, [2]int32{picture.Width, picture.Height}, name)
		for width, height := range map[int32]int32{320: 213, 1280: 853, 1920: 1280} {
			small, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: picture, Width: width})
			require.NoError(t, err, name)
			assert.Equal(t, height, small.Height, name)
			again, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: picture, Width: width})
			require.NoError(t, err, name)
			assert.True(t, bytes.Equal(small.Rgba, again.Rgba), name)
		}
	}
}

func TestResizeShowsAPartAtAnySize(t *testing.T) {
	p := filled(30, 10, color.NRGBA{R: 255, A: 255})
	for y := range 10 {
		for x := 20; x < 30; x++ {
			copy(p.Rgba[(y*30+x)*4:], []byte{0, 0, 255, 255})
		}
	}
	got, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: p, Width: 4, Height: 8, Part: &imagepb.Part{X: 20, Width: 10, Height: 10}})
	require.NoError(t, err)
	require.Equal(t, [2]int32{4, 8}, [2]int32{got.Width, got.Height})
	for i := 0; i < len(got.Rgba); i += 4 {
		assert.Equal(t, []byte{0, 0, 255, 255}, got.Rgba[i:i+4], "nothing beside the part bleeds in")
	}
	for _, part := range []*imagepb.Part{{}, {X: 1, Width: 30, Height: 10}, {X: -1, Width: 5, Height: 5}, {Width: -5, Height: 5}, {X: 10, Y: 5, Width: -5, Height: -5}} {
		_, err := New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: p, Width: 4, Part: part})
		assert.Equal(t, codes.InvalidArgument, status.Code(err), "%v", part)
	}
	_, err = New().Resize(t.Context(), &imagepb.ResizeRequest{Pixels: p, Width: 4, Height: -1})
	assert.Equal(t, codes.InvalidArgument, status.Code(err))
}

func TestEncodedPictureIsTheSameWhenDecoded(t *testing.T) {
	p := filled(40, 20, color.NRGBA{R: 200, G: 100, B: 50, A: 128})
	for format, want := range map[string][]byte{"png": {200, 100, 50, 128}, "jpeg": {227, 177, 152, 255}} { // on white
		made, err := New().Encode(t.Context(), &imagepb.EncodeRequest{Pixels: p, Format: format, Quality: 95})
		require.NoError(t, err)
		again, err := New().Encode(t.Context(), &imagepb.EncodeRequest{Pixels: p, Format: format, Quality: 95})
		require.NoError(t, err)
		assert.Equal(t, made.Data, again.Data)
		got := decodeFile(t, made.Data)
		require.Equal(t, [2]int32{40, 20}, [2]int32{got.Width, got.Height})
		for i := range 4 {
			assert.InDelta(t, want[i], got.Rgba[i], 3, "%s, sample %d", format, i)
		}
	}
	for _, wrong := range []*imagepb.EncodeRequest{{Pixels: p, Format: "webp", Quality: 50}, {Pixels: p, Format: "jpeg"}, {Pixels: p, Format: "jpeg", Quality: 101}, {Format: "png"}} {
		_, err := New().Encode(t.Context(), wrong)
		assert.Equal(t, codes.InvalidArgument, status.Code(err))
	}
}

func TestMeasureTurnsTheSidesAsDecodeDoes(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, jpeg.Encode(&file, image.NewGray(image.Rect(0, 0, 32, 16)), nil))
	for value, want := range map[uint16][2]int32{1: {32, 16}, 3: {32, 16}, 6: {16, 32}, 8: {16, 32}} {
		data := withOrientation(file.Bytes(), binary.BigEndian, "MM\x00*", value)
		got, err := New().Measure(t.Context(), &imagepb.MeasureRequest{Data: data})
		require.NoError(t, err)
		assert.Equal(t, want, [2]int32{got.Width, got.Height})
		assert.Equal(t, "jpeg", got.Format)
		pixels := decodeFile(t, data)
		assert.Equal(t, want, [2]int32{pixels.Width, pixels.Height})
	}
	_, err := New().Measure(t.Context(), &imagepb.MeasureRequest{Path: "a.png", Data: []byte("text")})
	assert.ErrorContains(t, err, "a.png: not a PNG, JPEG or GIF file")
}

package jxl

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/internal/proc"
	"ddc/internal/tool"
	"ddc/plugins/jxl/jxlpb"
)

// needTools skips a test on a machine where `make tools` has not run.
func needTools(t testing.TB) {
	t.Helper()
	for _, name := range []string{"cjxl", "djxl"} {
		if _, err := tool.Find(name); err != nil {
			t.Skip(err)
		}
	}
}

func scene(width, height int, alpha byte) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetNRGBA(x, y, color.NRGBA{R: uint8(255 * x / width), G: uint8(255 * y / height), B: 128, A: alpha})
		}
	}
	return m
}

func request(m *image.NRGBA, quality int32) *jxlpb.EncodeRequest {
	return &jxlpb.EncodeRequest{
		Pixels:  &jxlpb.Pixels{Rgba: m.Pix, Width: int32(m.Rect.Dx()), Height: int32(m.Rect.Dy())},
		Quality: quality,
	}
}

func encoded(t testing.TB, m *image.NRGBA, quality int32) []byte {
	t.Helper()
	response, err := New().Encode(context.Background(), request(m, quality))
	require.NoError(t, err)
	return response.Data
}

func decoded(t testing.TB, data []byte) *jxlpb.Pixels {
	t.Helper()
	got, err := New().Decode(context.Background(), &jxlpb.DecodeRequest{Path: "a.jxl", Data: data})
	require.NoError(t, err)
	return got
}

// psnr says in decibels how near two pictures' samples are; over 35 the eye
// sees no difference.
func psnr(a, b []byte) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a))/sum)
}

func TestPictureSurvivesEncodingAndDecoding(t *testing.T) {
	needTools(t)
	for name, alpha := range map[string]byte{"opaque": 255, "transparent": 90} {
		t.Run(name, func(t *testing.T) {
			m := scene(101, 67, alpha)
			got := decoded(t, encoded(t, m, 90))
			require.Equal(t, [2]int32{101, 67}, [2]int32{got.Width, got.Height})
			require.Len(t, got.Rgba, len(m.Pix))
			assert.Greater(t, psnr(m.Pix, got.Rgba), 35.0)
			assert.InDelta(t, alpha, got.Rgba[3], 2)
		})
	}
}

func TestQualityHundredIsLossless(t *testing.T) {
	needTools(t)
	for _, alpha := range []byte{255, 90} {
		m := scene(40, 30, alpha)
		assert.Equal(t, m.Pix, decoded(t, encoded(t, m, 100)).Rgba)
	}
}

func converted(t *testing.T, file []byte) []byte {
	t.Helper()
	data, err := tool.Command{Program: cjxl, Args: []string{"/dev/stdin", "/dev/stdout", "--distance=0"}, Input: file}.Run(t.Context())
	require.NoError(t, err)
	return data
}

func TestDecodeReadsGreyAndDeepSamples(t *testing.T) {
	needTools(t)
	grey := decoded(t, converted(t, append([]byte("P5\n20 10\n255\n"), bytes.Repeat([]byte{77}, 200)...)))
	assert.Equal(t, bytes.Repeat([]byte{77, 77, 77, 255}, 200), grey.Rgba)
	deep := decoded(t, converted(t, append([]byte("P6\n2 1\n65535\n"), bytes.Repeat([]byte{0x80, 0}, 6)...)))
	assert.InDeltaSlice(t, []int{128, 128, 128, 255}, []int{int(deep.Rgba[0]), int(deep.Rgba[1]), int(deep.Rgba[2]), int(deep.Rgba[3])}, 1)
}

func TestDecodeTakesFirstFrameOfAnimation(t *testing.T) {
	needTools(t)
	film := &gif.GIF{}
	for i := range 3 {
		frame := image.NewPaletted(image.Rect(0, 0, 20, 10), color.Palette{color.RGBA{R: 255, A: 255}, color.Black, color.White})
		for k := range frame.Pix {
			frame.Pix[k] = uint8(i)
		}
		film.Image, film.Delay = append(film.Image, frame), append(film.Delay, 10)
	}
	var file bytes.Buffer
	require.NoError(t, gif.EncodeAll(&file, film))
	got := decoded(t, converted(t, file.Bytes()))
	require.Equal(t, [2]int32{20, 10}, [2]int32{got.Width, got.Height})
	assert.Equal(t, []byte{255, 0, 0, 255}, got.Rgba[:4])
	assert.True(t, got.Animated)
	assert.False(t, decoded(t, encoded(t, scene(8, 8, 255), 90)).Animated)
}

func TestDecodeNamesFileThatIsBroken(t *testing.T) {
	needTools(t)
	good := encoded(t, scene(300, 200, 255), 90)
	for name, data := range map[string][]byte{"text": []byte("hello"), "empty": nil, "short": good[:len(good)/2], "shorter": good[:3]} {
		t.Run(name, func(t *testing.T) {
			_, err := New().Decode(t.Context(), &jxlpb.DecodeRequest{Path: "images/a.jxl", Data: data})
			assert.Equal(t, codes.InvalidArgument, status.Code(err))
			assert.ErrorContains(t, err, "images/a.jxl: cannot decode JPEG XL: ")
		})
	}
}

// 37 bytes that say they are a billion pixels a side must not start a program.
func TestHugePictureIsKeptByItsHead(t *testing.T) {
	// not small; 30 bits of ones; square
	head := []byte{0xff, 0x0a, 0b1111_1110, 0xff, 0xff, 0xff, 0b0011_1111, 0xff}
	kept := decoded(t, head)
	assert.Contains(t, kept.Kept, "more than the 24 megapixels allowed")
	assert.Positive(t, kept.Width)
	assert.Positive(t, kept.Height, "a page leaves room for it")
}

// djxl leaves the colours of what was encoded without a loss.
func TestColoursAreBroughtToSRGBHoweverTheyWereEncoded(t *testing.T) {
	needTools(t)
	m := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	for i := range 64 {
		copy(m.Pix[4*i:], []byte{234, 51, 35, 255})
	}
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, m))
	cicp := []byte("\x00\x00\x00\x04cICP\x0c\x0d\x00\x01")
	cicp = binary.BigEndian.AppendUint32(cicp, crc32.ChecksumIEEE(cicp[4:]))
	inP3 := bytes.Join([][]byte{file.Bytes()[:33], cicp, file.Bytes()[33:]}, nil)
	for _, distance := range []string{"0", "0.3"} {
		data, err := tool.Command{Program: cjxl, Args: []string{"/dev/stdin", "/dev/stdout", "--distance=" + distance, "-x", "color_space=RGB_D65_DCI_Rel_SRG"}, Input: inP3}.Run(t.Context())
		require.NoError(t, err)
		got := decoded(t, data).Rgba
		for c, want := range []byte{255, 0, 0, 255} {
			assert.InDelta(t, want, got[c], 6, "distance %s: %v", distance, got[:4])
		}
	}
}

func TestSizeIsReadFromEveryForm(t *testing.T) {
	needTools(t)
	for _, side := range [][2]int{{8, 8}, {256, 256}, {300, 225}, {1, 1}, {513, 1000}, {1920, 1080}, {9000, 2}} {
		width, height, err := size(encoded(t, scene(side[0], side[1], 255), 50))
		require.NoError(t, err)
		assert.Equal(t, side, [2]int{width, height})
	}
	var photo bytes.Buffer
	require.NoError(t, jpeg.Encode(&photo, scene(77, 33, 255), nil))
	container, err := tool.Command{Program: cjxl, Args: []string{"/dev/stdin", "/dev/stdout"}, Input: photo.Bytes()}.Run(t.Context())
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(container[4:]), "JXL "), "a recompressed JPEG comes in a container")
	width, height, err := size(container)
	require.NoError(t, err)
	assert.Equal(t, [2]int{77, 33}, [2]int{width, height})
}

// A telephone that is held upright writes a picture on its side, and says so.
func TestSizeIsThatOfThePictureAsItIsShown(t *testing.T) {
	needTools(t)
	var photo bytes.Buffer
	require.NoError(t, jpeg.Encode(&photo, scene(77, 33, 255), nil))
	for orientation, want := range map[byte][2]int{1: {77, 33}, 3: {77, 33}, 5: {33, 77}, 6: {33, 77}, 8: {33, 77}} {
		exif := "\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00" + string(orientation) + "\x00\x00\x00\x00\x00\x00\x00"
		file := bytes.Join([][]byte{photo.Bytes()[:2], []byte(exif), photo.Bytes()[2:]}, nil)
		turned, err := tool.Command{Program: cjxl, Args: []string{"/dev/stdin", "/dev/stdout", "--distance=1"}, Input: file}.Run(t.Context())
		require.NoError(t, err)
		shown := decoded(t, turned)
		require.Equal(t, want, [2]int{int(shown.Width), int(shown.Height)}, "orientation %d", orientation)
		width, height, err := size(turned)
		require.NoError(t, err)
		assert.Equal(t, want, [2]int{width, height}, "orientation %d", orientation)
	}
}

func FuzzSizeNeverPanics(f *testing.F) {
	f.Add([]byte{0xff, 0x0a, 0x41, 0x02})
	f.Add([]byte("\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x01jxlp\x00\x00\x00\x00\x00\x00\x00\x20\x80\x00\x00\x00\xff\x0a\x41\x02"))
	f.Fuzz(func(t *testing.T, data []byte) { _, _, _ = size(data) })
}

func TestEncodeRefusesWhatIsNoPicture(t *testing.T) {
	for want, req := range map[string]*jxlpb.EncodeRequest{
		"2 x 3 pixels need 24 bytes of RGBA, got 23": {Pixels: &jxlpb.Pixels{Width: 2, Height: 3, Rgba: make([]byte, 23)}, Quality: 80},
		"0 x 0 pixels has no area":                   {Quality: 80},
		"24 megapixels":                              {Pixels: &jxlpb.Pixels{Width: 1 << 30, Height: 1 << 30}, Quality: 80},
		"quality 0 is not between 1 and 100":         request(scene(2, 2, 255), 0),
		"quality 101 is not":                         request(scene(2, 2, 255), 101),
	} {
		_, err := New().Encode(t.Context(), req)
		assert.Equal(t, codes.InvalidArgument, status.Code(err))
		assert.ErrorContains(t, err, want)
	}
}

func TestEncodeGivesSameBytesEveryTimeAndConcurrently(t *testing.T) {
	needTools(t)
	s := New()
	m := scene(200, 150, 255)
	want := encoded(t, m, 80)
	assert.NotEqual(t, want, encoded(t, m, 30), "quality must count")
	var calls sync.WaitGroup
	for range 6 {
		calls.Go(func() {
			response, err := s.Encode(t.Context(), request(m, 80))
			if assert.NoError(t, err) {
				assert.True(t, bytes.Equal(want, response.Data))
			}
		})
	}
	calls.Wait()
}

func TestCallsEndWithTheirContext(t *testing.T) {
	needTools(t)
	data := encoded(t, scene(20, 20, 255), 80)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := New().Encode(ctx, request(scene(20, 20, 255), 80))
	assert.Equal(t, codes.Canceled, status.Code(err))
	_, err = New().Decode(ctx, &jxlpb.DecodeRequest{Data: data})
	assert.Equal(t, codes.Canceled, status.Code(err))
}

func TestMissingProgramsAreFailedPreconditions(t *testing.T) {
	t.Setenv(tool.FolderVariable, "")
	t.Setenv("PATH", "/nowhere")
	t.Chdir(t.TempDir())
	_, err := New().Encode(t.Context(), request(scene(20, 20, 255), 80))
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	assert.ErrorContains(t, err, "cjxl, which writes JPEG XL, is not installed: run `make tools`")
	_, err = New().Decode(t.Context(), &jxlpb.DecodeRequest{Path: "a.jxl", Data: []byte{0xff, 0x0a, 0x41, 0x02}})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	assert.ErrorContains(t, err, "djxl, which reads JPEG XL, is not installed")
}

func TestPhotographIsGoodAndSmallAndLeavesNothing(t *testing.T) {
	needTools(t)
	photographs := fixture.Photographs(t)
	t.Setenv("TMPDIR", t.TempDir())
	for name, m := range photographs {
		data := encoded(t, m, 80)
		assert.Less(t, len(data), 200_000, name)
		assert.Greater(t, psnr(m.Pix, decoded(t, data).Rgba), 35.0, name)
	}
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
	assert.Empty(t, proc.Descendants(os.Getpid())[1:])
}

func BenchmarkEncodePhotograph(b *testing.B) {
	needTools(b)
	m := fixture.Photograph(1920, 1280)
	for b.Loop() {
		encoded(b, m, 80)
	}
}

func BenchmarkDecodePhotograph(b *testing.B) {
	needTools(b)
	data := encoded(b, fixture.Photograph(1920, 1280), 80)
	for b.Loop() {
		decoded(b, data)
	}
}

// The longer side of a picture that is turned may be its height.
func TestSidesOfAFileThatIsKeptAreNeverNegative(t *testing.T) {
	const most = 1<<31 - 1
	for _, sides := range [][2]int{{1 << 31, 1 << 30}, {1 << 30, 1 << 31}} {
		p := kept(sides[0], sides[1], errTooLarge)
		assert.Equal(t, []int32{int32(min(sides[0], most)), int32(min(sides[1], most))}, []int32{p.GetWidth(), p.GetHeight()})
		assert.Equal(t, errTooLarge.Error(), p.GetKept())
	}
}

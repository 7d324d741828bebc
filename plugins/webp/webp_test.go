package webp

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"sync"
	"testing"
	"time"

	wasm "github.com/gen2brain/webp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/plugins/webp/webppb"
)

// scene is a smooth coloured picture with an edge in it.
func scene(width, height int, alpha byte) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.NRGBA{R: uint8(255 * x / width), G: uint8(255 * y / height), B: 128, A: alpha}
			if x > width/2 && y > height/2 {
				c = color.NRGBA{R: 250, G: 250, B: 250, A: 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func request(m *image.NRGBA, quality int32) *webppb.EncodeRequest {
	return &webppb.EncodeRequest{
		Pixels:  &webppb.Pixels{Rgba: m.Pix, Width: int32(m.Rect.Dx()), Height: int32(m.Rect.Dy())},
		Quality: quality,
	}
}

func start(t testing.TB) *Service {
	t.Helper()
	s := New()
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func encoded(t testing.TB, s *Service, m *image.NRGBA, quality int32) []byte {
	t.Helper()
	response, err := s.Encode(context.Background(), request(m, quality))
	require.NoError(t, err)
	return response.Data
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
	s := start(t)
	for name, alpha := range map[string]byte{"opaque": 255, "transparent": 90} {
		t.Run(name, func(t *testing.T) {
			m := scene(101, 67, alpha)
			got, err := s.Decode(t.Context(), &webppb.DecodeRequest{Data: encoded(t, s, m, 90)})
			require.NoError(t, err)
			require.Equal(t, [2]int32{101, 67}, [2]int32{got.Width, got.Height})
			require.Len(t, got.Rgba, len(m.Pix))
			assert.Greater(t, psnr(m.Pix, got.Rgba), 35.0)
		})
	}
}

// The trap of the ready conversions: white came back as 235 and black as 16.
func TestDecodeKeepsBlackAndWhite(t *testing.T) {
	s := start(t)
	for _, level := range []byte{0, 255} {
		m := image.NewNRGBA(image.Rect(0, 0, 32, 32))
		for i := range m.Pix {
			m.Pix[i] = level
			if i%4 == 3 {
				m.Pix[i] = 255
			}
		}
		got, err := s.Decode(t.Context(), &webppb.DecodeRequest{Data: encoded(t, s, m, 95)})
		require.NoError(t, err)
		assert.InDelta(t, level, got.Rgba[0], 1)
		assert.InDelta(t, level, got.Rgba[1], 1)
		assert.InDelta(t, level, got.Rgba[2], 1)
	}
}

func lossless(t *testing.T, m *image.NRGBA) []byte {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, wasm.Encode(&file, m, wasm.Options{Lossless: true, Exact: true, Method: 1}))
	return file.Bytes()
}

func TestDecodeOfLosslessIsExact(t *testing.T) {
	m := scene(40, 30, 7)
	got, err := start(t).Decode(t.Context(), &webppb.DecodeRequest{Data: lossless(t, m)})
	require.NoError(t, err)
	assert.Equal(t, m.Pix, got.Rgba)
}

// animation wraps a still file's chunks as the only frame of an animation of 64
// x 48, at (10, 6).
func animation(still []byte, width, height int) []byte {
	chunks := still[riffHeader:]
	if string(chunks[:4]) == "VP8X" {
		chunks = chunks[chunkHeader+vp8xSize:]
	}
	frame := []byte{5, 0, 0, 3, 0, 0, byte(width - 1), 0, 0, byte(height - 1), 0, 0, 100, 0, 0, 0}
	frame = append(frame, chunks...)
	body := append([]byte("WEBPVP8X\x0a\x00\x00\x00"), animatedFlag|alphaFlag, 0, 0, 0, 63, 0, 0, 47, 0, 0)
	body = append(body, "ANIM\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	body = binary.LittleEndian.AppendUint32(append(body, "ANMF"...), uint32(len(frame)))
	body = append(body, frame...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func TestDecodePutsFirstFrameOfAnimationOnItsScreen(t *testing.T) {
	s := start(t)
	m := scene(40, 30, 200)
	for name, still := range map[string][]byte{"lossless": lossless(t, m), "lossy with alpha": encoded(t, s, m, 90), "lossy": encoded(t, s, scene(40, 30, 255), 90)} {
		t.Run(name, func(t *testing.T) {
			got, err := s.Decode(t.Context(), &webppb.DecodeRequest{Data: animation(still, 40, 30)})
			require.NoError(t, err)
			require.Equal(t, [2]int32{64, 48}, [2]int32{got.Width, got.Height})
			canvas := &image.NRGBA{Pix: got.Rgba, Stride: 64 * 4, Rect: image.Rect(0, 0, 64, 48)}
			assert.Equal(t, color.NRGBA{}, canvas.NRGBAAt(9, 6))
			assert.Equal(t, color.NRGBA{}, canvas.NRGBAAt(50, 20))
			inside := canvas.NRGBAAt(49, 35)
			assert.InDelta(t, 250, inside.R, 3)
			assert.InDelta(t, 255, inside.A, 3)
		})
	}
}

func TestDecodeNamesFileThatIsBroken(t *testing.T) {
	s := start(t)
	good := encoded(t, s, scene(40, 30, 255), 90)
	noFrame := animation(good, 40, 30)[:riffHeader+chunkHeader+vp8xSize]
	for name, data := range map[string][]byte{"text": []byte("hello"), "empty": nil, "short": good[:len(good)/2], "no frame": noFrame} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Decode(t.Context(), &webppb.DecodeRequest{Path: "a.webp", Data: data})
			assert.Equal(t, codes.InvalidArgument, status.Code(err))
			assert.ErrorContains(t, err, "a.webp: cannot decode WebP: ")
		})
	}
}

func TestHugePictureIsKept(t *testing.T) {
	const side = 16383 - 1
	head := append(binary.LittleEndian.AppendUint32([]byte{0x2f}, side|side<<14), 0)
	data := append([]byte("RIFF\x12\x00\x00\x00WEBPVP8L\x06\x00\x00\x00"), head...)
	got, err := start(t).Decode(t.Context(), &webppb.DecodeRequest{Path: "a.webp", Data: data})
	require.NoError(t, err)
	assert.Contains(t, got.Kept, "megapixels allowed")
}

func FuzzDecodeNeverPanics(f *testing.F) {
	var file bytes.Buffer
	require.NoError(f, wasm.Encode(&file, scene(8, 8, 100), wasm.Options{Quality: 50}))
	f.Add(file.Bytes())
	f.Add(animation(file.Bytes(), 8, 8))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decode(data); err == nil && len(m.Pix) != m.Rect.Dx()*m.Rect.Dy()*4 {
			t.Fatalf("%d bytes for %v", len(m.Pix), m.Rect)
		}
	})
}

func TestEncodeRefusesWhatIsNoPicture(t *testing.T) {
	s := start(t)
	for want, req := range map[string]*webppb.EncodeRequest{
		"2 x 3 pixels need 24 bytes of RGBA, got 23": {Pixels: &webppb.Pixels{Width: 2, Height: 3, Rgba: make([]byte, 23)}, Quality: 80},
		"0 x 0 pixels has no area":                   {Quality: 80},
		"WebP has no more than 16383 a side":         {Pixels: &webppb.Pixels{Width: 20000, Height: 1}, Quality: 80},
		"50 megapixels":                              {Pixels: &webppb.Pixels{Width: 16000, Height: 16000}, Quality: 80},
		"quality 0 is not between 1 and 100":         request(scene(2, 2, 255), 0),
		"quality 101 is not":                         request(scene(2, 2, 255), 101),
	} {
		_, err := s.Encode(t.Context(), req)
		assert.Equal(t, codes.InvalidArgument, status.Code(err))
		assert.ErrorContains(t, err, want)
	}
}

func TestEncodeGivesSameBytesEveryTimeAndConcurrently(t *testing.T) {
	s := start(t)
	m := scene(200, 150, 255)
	want := encoded(t, s, m, 82)
	assert.NotEqual(t, want, encoded(t, s, m, 30), "quality must count")
	var calls sync.WaitGroup
	for range 6 {
		calls.Go(func() {
			response, err := s.Encode(t.Context(), request(m, 82))
			if assert.NoError(t, err) {
				assert.True(t, bytes.Equal(want, response.Data))
			}
		})
	}
	calls.Wait()
}

func TestEncodeEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := start(t).Encode(ctx, request(scene(20, 20, 255), 80))
	assert.Equal(t, codes.Canceled, status.Code(err))
}

func TestPhotographIsGoodAndSmall(t *testing.T) {
	s := start(t)
	for name, m := range fixture.Photographs(t) {
		data := encoded(t, s, m, 82)
		assert.Less(t, len(data), 250_000, name)
		got, err := s.Decode(t.Context(), &webppb.DecodeRequest{Data: data})
		require.NoError(t, err, name)
		assert.Greater(t, psnr(m.Pix, got.Rgba), 36.0, name)
	}
}

// BenchmarkEncodePhotograph reports, besides the time, the longest gap in a
// ticker of 10 ms: with -cpu 1 it shows whether an encode keeps the process
// from receiving.
func BenchmarkEncodePhotograph(b *testing.B) {
	s := start(b)
	m := fixture.Photograph(1920, 1280)
	encoded(b, s, m, 82)
	stop, gaps := make(chan struct{}), make(chan time.Duration)
	go func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		var longest time.Duration
		for last := time.Now(); ; last = time.Now() {
			select {
			case <-ticker.C:
				longest = max(longest, time.Since(last))
			case <-stop:
				gaps <- longest
				return
			}
		}
	}()
	for b.Loop() {
		encoded(b, s, m, 82)
	}
	close(stop)
	b.ReportMetric(float64((<-gaps).Milliseconds()), "longest-gap-ms")
}

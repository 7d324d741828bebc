package webp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/webp"

	"ddc/internal/icc"
)

func decode(data []byte) (*image.NRGBA, error) {
	if animated(data) {
		return decodeAnimation(data)
	}
	config, err := webp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if err := checkSize(config.Width, config.Height); err != nil {
		return nil, err
	}
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return toNRGBA(m, nil, 0), nil
	case *image.NYCbCrA:
		return toNRGBA(&m.YCbCr, m.A, m.AStride), nil
	case *image.NRGBA: // lossless
		return m, nil
	}
	return nil, fmt.Errorf("the decoder returned a %T", m)
}

// A WebP file is "RIFF", a length, "WEBP" and chunks. In an animation the first
// chunk is VP8X, with the size of the screen. Each frame is an ANMF chunk,
// whose own chunks are those of a still picture.
const (
	riffHeader   = 12
	chunkHeader  = 8
	vp8xSize     = 10
	frameHeader  = 16
	alphaFlag    = 1 << 4
	animatedFlag = 1 << 1
)

func animated(data []byte) bool {
	const flags = riffHeader + chunkHeader
	return len(data) >= flags+vp8xSize && string(data[riffHeader:riffHeader+4]) == "VP8X" && data[flags]&animatedFlag != 0
}

// decodeAnimation makes the first frame into the file of a still picture, since
// the decoder knows no animations. It puts the decoded frame on a transparent
// screen.
func decodeAnimation(data []byte) (*image.NRGBA, error) {
	screen := data[riffHeader+chunkHeader+4:]
	width, height := uint24(screen)+1, uint24(screen[3:])+1
	if err := checkSize(width, height); err != nil {
		return nil, err
	}
	frame, ok := firstChunk(data[riffHeader:], "ANMF")
	if !ok || len(frame) < frameHeader {
		return nil, errors.New("an animation without a frame")
	}
	at := image.Pt(2*uint24(frame), 2*uint24(frame[3:]))
	picture, err := decode(still(frame))
	if err != nil {
		return nil, fmt.Errorf("first frame: %w", err)
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, width, height))
	area := picture.Rect.Add(at).Intersect(canvas.Rect)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		from := picture.PixOffset(area.Min.X-at.X, y-at.Y)
		copy(canvas.Pix[canvas.PixOffset(area.Min.X, y):], picture.Pix[from:from+4*area.Dx()])
	}
	return canvas, nil
}

// still wraps the chunks of a frame as a file of their own, with the VP8X
// header that transparency needs.
func still(frame []byte) []byte {
	chunks := frame[frameHeader:]
	var file []byte
	if _, transparent := firstChunk(chunks, "ALPH"); transparent {
		file = binary.LittleEndian.AppendUint32([]byte("VP8X"), vp8xSize)
		file = append(file, alphaFlag, 0, 0, 0)
		file = append(file, frame[6:12]...)
	}
	file = append(file, chunks...)
	head := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(file)+4))
	return append(append(head, "WEBP"...), file...)
}

func firstChunk(chunks []byte, name string) ([]byte, bool) {
	for len(chunks) >= chunkHeader {
		size := int64(binary.LittleEndian.Uint32(chunks[4:]))
		if chunkHeader+size > int64(len(chunks)) {
			return nil, false
		}
		if string(chunks[:4]) == name {
			return chunks[chunkHeader : chunkHeader+size], true
		}
		chunks = chunks[min(chunkHeader+size+size%2, int64(len(chunks))):]
	}
	return nil, false
}

// toSRGB brings a picture's colours to sRGB, if its file has a profile.
func toSRGB(m *image.NRGBA, data []byte) error {
	profile, has := firstChunk(data[min(riffHeader, len(data)):], "ICCP")
	if !has {
		return nil
	}
	t, err := icc.Of(profile, false)
	if t != nil {
		t.Apply(m.Pix)
	}
	return err
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// toNRGBA converts what WebP holds: 4:2:0 samples of ITU-R BT.601 with limited
// range. It interpolates chroma between the centres of its blocks of 2 x 2
// pixels. alpha may be nil.
func toNRGBA(src *image.YCbCr, alpha []byte, alphaStride int) *image.NRGBA {
	width, height := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewNRGBA(image.Rect(0, 0, width, height))
	lastX, lastY := (width-1)/2, (height-1)/2
	for y := range height {
		near, far := y/2*src.CStride, neighbour(y, lastY)*src.CStride
		row := dst.Pix[y*dst.Stride : (y+1)*dst.Stride]
		for x := range width {
			nearX, farX := x/2, neighbour(x, lastX)
			blue := interpolate(src.Cb, near, far, nearX, farX)
			red := interpolate(src.Cr, near, far, nearX, farX)
			toRGB(row[4*x:4*x+3:4*x+3], int(src.Y[y*src.YStride+x]), blue, red)
			row[4*x+3] = 255
			if alpha != nil {
				row[4*x+3] = alpha[y*alphaStride+x]
			}
		}
	}
	return dst
}

// neighbour is the second nearest sample of chroma in one direction: the one
// before for even pixels, the one after for odd.
func neighbour(pixel, last int) int {
	if pixel%2 == 0 {
		return max(pixel/2-1, 0)
	}
	return min(pixel/2+1, last)
}

func interpolate(plane []byte, near, far, nearX, farX int) int {
	return (9*int(plane[near+nearX]) + 3*int(plane[near+farX]) + 3*int(plane[far+nearX]) + int(plane[far+farX]) + 8) >> 4
}

// toRGB converts in 16 bit fixed point: 76309 is 255/219, the others are
// BT.601's factors times 255/224.
func toRGB(rgb []byte, y, cb, cr int) {
	const half = 1 << 15
	luma := 76309*(y-16) + half
	cb, cr = cb-128, cr-128
	rgb[0] = clamp(luma + 104597*cr)
	rgb[1] = clamp(luma - 25675*cb - 53279*cr)
	rgb[2] = clamp(luma + 132201*cb)
}

func clamp(fixed int) byte { return byte(min(max(fixed>>16, 0), 255)) }

package image

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"

	"ddc/plugins/image/imagepb"
)

// encode writes a picture as a PNG, or as a JPEG of a quality from 1 to 100.
func encode(src *image.NRGBA, format string, quality int) ([]byte, error) {
	var file bytes.Buffer
	var err error
	switch format {
	case "png":
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		err = encoder.Encode(&file, src)
	case "jpeg":
		if quality < 1 || quality > 100 {
			return nil, fmt.Errorf("a quality of %d is not from 1 to 100", quality)
		}
		err = jpeg.Encode(&file, onWhite(src), &jpeg.Options{Quality: quality})
	default:
		return nil, fmt.Errorf("%q is neither png nor jpeg", format)
	}
	if err != nil {
		return nil, fmt.Errorf("write the %s: %w", format, err)
	}
	return file.Bytes(), nil
}

// onWhite lays a picture with transparent parts on white. The result is
// labelled as what the JPEG encoder has a fast path for.
func onWhite(src *image.NRGBA) *image.RGBA {
	if src.Opaque() {
		return &image.RGBA{Pix: src.Pix, Stride: src.Stride, Rect: src.Rect}
	}
	dst := image.NewRGBA(src.Rect)
	draw.Draw(dst, dst.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(dst, dst.Rect, src, src.Rect.Min, draw.Over)
	return dst
}

// measure reads a picture's header.
func measure(data []byte) (*imagepb.MeasureResponse, error) {
	f, config, err := readHeader(data)
	if err != nil && !(config.Width > 0 && errors.Is(err, errOutOfReach)) { // one that is too large to be decoded has a size
		return nil, err
	}
	turned := 1
	switch f.short {
	case "png":
		turned = pngOrientation(data)
	case "jpeg":
		turned = orientation(data)
	}
	width, height := config.Width, config.Height
	if turned > 4 { // a quarter turn
		width, height = height, width
	}
	return &imagepb.MeasureResponse{Width: int32(width), Height: int32(height), Format: f.short}, nil
}

package image

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"ddc/plugins/image/imagepb"
)

// fromMessage checks a picture of the wire and views it as an image, without
// copying.
func fromMessage(p *imagepb.Pixels) (*image.NRGBA, error) {
	width, height := int(p.GetWidth()), int(p.GetHeight())
	if err := checkSize(width, height); err != nil {
		return nil, err
	}
	if want := width * height * 4; len(p.GetRgba()) != want {
		return nil, fmt.Errorf("%d x %d pixels need %d bytes of RGBA, got %d", width, height, want, len(p.GetRgba()))
	}
	return &image.NRGBA{Pix: p.GetRgba(), Stride: width * 4, Rect: image.Rect(0, 0, width, height)}, nil
}

func toMessage(m *image.NRGBA) *imagepb.Pixels {
	return &imagepb.Pixels{Rgba: m.Pix, Width: int32(m.Rect.Dx()), Height: int32(m.Rect.Dy())}
}

func checkSize(width, height int) error {
	if width <= 0 || height <= 0 {
		return fmt.Errorf("a picture of %d x %d pixels has no area", width, height)
	}
	if int64(width)*int64(height) > maxPixels {
		return fmt.Errorf("%w: %d x %d pixels are more than the %d megapixels allowed", errOutOfReach, width, height, maxPixels/1_000_000)
	}
	return nil
}

// toNRGBA copies any picture that the decoders return to 8 bits a sample with
// straight alpha. Kinds that can be transparent are copied by hand: image/draw
// would go through premultiplied alpha, and lose the colour of nearly
// transparent pixels.
func toNRGBA(src image.Image) *image.NRGBA {
	bounds := src.Bounds()
	dst := image.NewNRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	switch src := src.(type) {
	case *image.NRGBA:
		for y := range bounds.Dy() {
			from := src.PixOffset(bounds.Min.X, bounds.Min.Y+y)
			copy(dst.Pix[y*dst.Stride:(y+1)*dst.Stride], src.Pix[from:])
		}
	case *image.NRGBA64:
		for y := range bounds.Dy() {
			from := src.Pix[src.PixOffset(bounds.Min.X, bounds.Min.Y+y):]
			row := dst.Pix[y*dst.Stride : (y+1)*dst.Stride]
			for i := range row {
				row[i] = from[2*i]
			}
		}
	case *image.Paletted:
		copyPaletted(dst, image.Point{}, src)
	default:
		// Opaque from here on, so premultiplied and straight are the same.
		opaque := &image.RGBA{Pix: dst.Pix, Stride: dst.Stride, Rect: dst.Rect}
		draw.Draw(opaque, opaque.Rect, src, bounds.Min, draw.Src)
	}
	return dst
}

// copyPaletted puts src on dst, its upper left corner at the given point, cut
// off at dst's edges.
func copyPaletted(dst *image.NRGBA, at image.Point, src *image.Paletted) {
	var palette [256]color.NRGBA
	for i, c := range src.Palette {
		palette[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	area := image.Rectangle{Min: at, Max: at.Add(src.Rect.Size())}.Intersect(dst.Rect)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		from := src.Pix[src.PixOffset(src.Rect.Min.X+area.Min.X-at.X, src.Rect.Min.Y+y-at.Y):]
		for x := area.Min.X; x < area.Max.X; x++ {
			dst.SetNRGBA(x, y, palette[from[x-area.Min.X]])
		}
	}
}

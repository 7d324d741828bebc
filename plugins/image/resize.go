package image

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"math"

	"github.com/galdor/go-thumbhash"
	"golang.org/x/image/draw"
)

// resize scales a part of src with a Lanczos filter of three lobes. A height of
// 0 is the one that keeps the part's ratio.
func resize(src *image.NRGBA, part image.Rectangle, width, height int) (*image.NRGBA, error) {
	if height == 0 {
		height = max(1, int(math.Round(float64(width)*float64(part.Dy())/float64(part.Dx()))))
	}
	if err := checkSize(width, height); err != nil {
		return nil, err
	}
	if part == src.Rect && part.Size() == image.Pt(width, height) {
		return src, nil
	}
	lanczos3 := draw.Kernel{Support: 3, At: func(t float64) float64 { return sinc(t) * sinc(t/3) }}
	return scale(src, part, width, height, &lanczos3), nil
}

func sinc(t float64) float64 {
	if t == 0 {
		return 1
	}
	return math.Sin(math.Pi*t) / (math.Pi * t)
}

// scale must weight colours by their alpha, and it does: the library
// premultiplies what it reads from an NRGBA. It divides again only for
// destinations without a fast path; that is slow, but exact. An opaque picture
// needs no division, and takes the fast path.
func scale(src *image.NRGBA, part image.Rectangle, width, height int, filter draw.Scaler) *image.NRGBA {
	dst := image.NewNRGBA(image.Rect(0, 0, width, height))
	var to draw.Image = dst
	if src.Opaque() {
		to = &image.RGBA{Pix: dst.Pix, Stride: dst.Stride, Rect: dst.Rect}
	}
	filter.Scale(to, dst.Rect, src, part, draw.Src, nil)
	return dst
}

// placeholder shrinks src to fit 100 x 100, as the hash demands, hashes it and
// draws the hash. The hash knows the ratio of a picture by no more than whole
// numbers up to seven, so its drawing is brought to that of src: a page shows
// it behind the picture, where it must not stand out.
func placeholder(src *image.NRGBA) (string, error) {
	const side = 100
	size := blurredSize(src.Rect.Dx(), src.Rect.Dy())
	if w, h := src.Rect.Dx(), src.Rect.Dy(); w > side || h > side {
		ratio := float64(side) / float64(max(w, h))
		fit := func(n int) int { return max(1, int(math.Round(float64(n)*ratio))) }
		src = scale(src, src.Rect, fit(w), fit(h), draw.BiLinear)
	}
	// The library draws what it gets onto an RGBA, and then reads that as if it
	// were not premultiplied. Straight samples labelled RGBA pass through
	// untouched. An NRGBA would come out too dark.
	straight := &image.RGBA{Pix: src.Pix, Stride: src.Stride, Rect: src.Rect}
	blurred, err := thumbhash.DecodeImage(thumbhash.EncodeImage(straight))
	if err != nil {
		return "", fmt.Errorf("drawing the hash: %w", err)
	}
	if blurred.Bounds().Size() != size {
		sized := image.NewRGBA(image.Rectangle{Max: size})
		draw.BiLinear.Scale(sized, sized.Rect, blurred, blurred.Bounds(), draw.Src, nil)
		blurred = sized
	}
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&file, blurred); err != nil {
		return "", fmt.Errorf("writing the PNG: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes()), nil
}

// blurredSize is of at most 32 pixels a side, and comes nearest to the ratio.
func blurredSize(width, height int) image.Point {
	const most, least = 32, 16
	ratio := float64(min(width, height)) / float64(max(width, height))
	var best image.Point
	off := math.Inf(1)
	for long := most; long >= least; long-- {
		short := max(1, int(math.Round(float64(long)*ratio)))
		if o := math.Abs(float64(short)/float64(long) - ratio); o < off {
			best, off = image.Pt(long, short), o
		}
	}
	if width < height {
		best.X, best.Y = best.Y, best.X
	}
	return best
}

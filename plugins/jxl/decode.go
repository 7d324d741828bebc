package jxl

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"

	"ddc/internal/icc"
	"ddc/internal/tool"
)

// decode asks djxl for a PNG, the one format in which it writes grey, colour,
// transparency and animations. djxl chooses the format by the name of its
// output file, so that file is a link to its standard output.
func decode(ctx context.Context, data []byte) (picture *image.NRGBA, animated bool, err error) {
	var file []byte
	err = tool.InFolder(func(folder string) error {
		output := filepath.Join(folder, "picture.png")
		if err := os.Symlink("/dev/stdout", output); err != nil {
			return fmt.Errorf("name djxl's output: %w", err)
		}
		var err error
		file, err = tool.Command{
			Program: djxl,
			Args:    []string{"/dev/stdin", output, "--quiet", "--num_threads=1", "--bits_per_sample=8", "--color_space=RGB_D65_SRG_Rel_SRG"},
			Input:   data,
		}.Run(ctx)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	decoded, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, false, fmt.Errorf("read djxl's PNG: %w", err)
	}
	picture = toNRGBA(decoded)
	// djxl converts only what was encoded with a loss.
	transform, err := icc.OfPNG(file)
	if err != nil {
		return nil, false, err
	}
	if transform != nil {
		transform.Apply(picture.Pix)
	}
	return picture, isAnimation(file), nil
}

// isAnimation says whether a PNG has more than one frame: then its chunk acTL
// comes before its pixels.
func isAnimation(file []byte) (animated bool) {
	icc.VisitPNG(file, func(kind string, data []byte) bool {
		animated = kind == "acTL" && len(data) >= 4 && binary.BigEndian.Uint32(data) > 1
		return animated || kind == "IDAT"
	})
	return animated
}

// toNRGBA copies what the PNG decoder returns to 8 bits a sample with straight
// alpha. Kinds that can be transparent are copied by hand, since image/draw
// would go through premultiplied alpha.
func toNRGBA(src image.Image) *image.NRGBA {
	switch src := src.(type) {
	case *image.NRGBA:
		return src
	case *image.NRGBA64:
		dst := image.NewNRGBA(src.Rect)
		for i := range dst.Pix {
			dst.Pix[i] = src.Pix[2*i]
		}
		return dst
	}
	bounds := src.Bounds()
	dst := image.NewNRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	opaque := &image.RGBA{Pix: dst.Pix, Stride: dst.Stride, Rect: dst.Rect}
	draw.Draw(opaque, opaque.Rect, src, bounds.Min, draw.Src)
	return dst
}

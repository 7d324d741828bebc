package site

import (
	"context"
	"fmt"

	"ddc/site/asset"
)

// Work that needs much memory is admitted by bytes, not by count. While a piece
// lasts, it takes from Options.Memory what it is estimated to need in all
// processes together; it waits until that much is free. A piece that would not
// fit by itself is not begun: a variant is left out, or a picture is copied as
// it is, and a warning says so.
//
// The estimates, in bytes a pixel, were measured with photographs of 24
// megapixels (make chaos, the memory limit's test) and rounded up. They count
// the copies that calls make: a message in pieces is put together and then
// unmarshalled, at both ends.
const (
	// heldPerPixel: RGBA, held by the host as long as it works on a picture.
	heldPerPixel = 4
	// decodePerPixel: samples and RGBA in the plugin, the reply at both ends.
	decodePerPixel = 3 + 4 + 4 + 4
	// resizePerPixel is of the original: the request at both ends. The scaler's
	// own rows come on top, 32 bytes for each pixel of (new width x old
	// height).
	resizePerPixel = 4 + 4 + 4
	rowPerPixel    = 32
	// resizedPerPixel is of the resized picture, at both ends.
	resizedPerPixel = 4 + 4 + 4
	// webpPerPixel: the request at both ends, and libwebp, whose memory grows
	// by copying.
	webpPerPixel = 4 + 30
	// jxlPerPixel: the request at both ends, the file for cjxl, and cjxl.
	jxlPerPixel = 4 + 8 + 3 + 57
)

// A font is read, cut and packed by programs that take a fixed amount, and some
// for each byte. A packed font is some three times as large unpacked.
const (
	fontFixed    = 32 << 20
	fontPerByte  = 12
	fontUnpacked = 3
)

func fontCost(unpacked int) int64 { return fontFixed + fontPerByte*int64(unpacked) }

// defaultMemory holds if Options.Memory is 0: most of 4 GiB.
const defaultMemory = 3 << 30

// defaultMessage holds if Options.Message is 0.
const defaultMessage = 256 << 20

// pictureCost is what working on a picture takes, by step.
type pictureCost struct{ width, height int64 }

func (c pictureCost) pixels() int64 { return c.width * c.height }
func (c pictureCost) held() int64   { return heldPerPixel * c.pixels() }
func (c pictureCost) decode() int64 { return decodePerPixel * c.pixels() }

// variant is the number of pixels of the variant of a width.
func (c pictureCost) variant(width int64) int64 {
	return width * max(1, c.height*width/max(1, c.width))
}

func (c pictureCost) resize(width int64) int64 {
	if width == c.width {
		return 0
	}
	return resizePerPixel*c.pixels() + rowPerPixel*width*c.height + resizedPerPixel*c.variant(width)
}

func (c pictureCost) webp(width int64) int64 {
	return (c.own(width) + webpPerPixel) * c.variant(width)
}

func (c pictureCost) jxl(width int64) int64 {
	return (c.own(width) + jxlPerPixel) * c.variant(width)
}

// own is what the host itself holds of a variant.
func (c pictureCost) own(width int64) int64 {
	if width == c.width {
		return 0 // it is the picture itself
	}
	return heldPerPixel
}

// most is what a picture takes at most. Only steps that fit into limit count,
// since the others are not made.
func (c pictureCost) most(limit int64) int64 {
	most := c.decode()
	for _, w := range asset.Widths(int(c.width)) {
		width := int64(w)
		for _, step := range []int64{c.resize(width), c.webp(width), c.jxl(width), c.webp(width) + c.jxl(width)} {
			if c.held()+step <= limit {
				most = max(most, step)
			}
		}
	}
	return c.held() + most
}

// fits tells whether a step of a picture may be made at all.
func (b *build) fits(c pictureCost, step int64) bool { return c.held()+step <= b.options.Memory }

// tooLarge warns that something is left out.
func (n *notes) tooLarge(name, what string, need int64) {
	n.warn(Problem{File: name, Message: fmt.Sprintf("%s: that takes some %d MB of memory", what, need/1e6),
		Hint: "scale the picture down, or allow more with --memory-limit"})
}

// weigh runs f once its bytes fit beside those of the work under way. Only then
// does f wait for the slots of its calls: a piece of work that took its slot
// first would keep it idle while it waits for memory. Once all slots were held
// that way, no work could go on.
func (b *build) weigh(ctx context.Context, bytes int64, f func(context.Context) error) error {
	bytes = min(bytes, b.options.Memory)
	if err := b.memory.Acquire(ctx, bytes); err != nil {
		return err
	}
	defer b.memory.Release(bytes)
	return f(ctx)
}

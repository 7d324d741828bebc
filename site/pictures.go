package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"ddc/plugins/html/htmlpb"
	"ddc/plugins/image/imagepb"
	"ddc/plugins/jxl/jxlpb"
	"ddc/plugins/webp/webppb"
	"ddc/site/asset"
)

const (
	webpQuality = 82
	jxlQuality  = 80
)

// pictures makes the variants of every picture. The original is left out if the
// pages show only variants; see renamed.
func (b *build) pictures(ctx context.Context) error {
	return beside(ctx, b, b.staticsOf(asset.Picture), b.inBudget)
}

// inBudget works on a picture once there is memory for it, unless its variants are
// remembered.
func (b *build) inBudget(ctx context.Context, s *static) error {
	data, err := b.bytes(s.file)
	if err != nil {
		return err
	}
	s.digits = asset.Hash(data)
	if asset.Animated(data) {
		return nil // without variants it is copied
	}
	width, height := asset.Size(data)
	cost := pictureCost{int64(width), int64(height)}
	bytes := b.options.Memory // where the header doesn't tell, it travels alone
	if cost.pixels() > 0 {
		if !b.fits(cost, cost.decode()) {
			b.tooLarge(s.name(), "is copied without variants", cost.held()+cost.decode())
			return nil
		}
		bytes = cost.most(b.options.Memory)
	}
	made, err := b.rememberedPicture(ctx, data, func(ctx context.Context) (made *variants, err error) {
		err = b.weigh(ctx, bytes, func(ctx context.Context) (err error) {
			made, err = b.encodeAll(ctx, s, data)
			return err
		})
		return made, err
	})
	if err != nil || made == nil {
		return err
	}
	return b.writeVariants(s, made)
}

// variants are what is made of a picture.
type variants struct {
	Width, Height int32
	Placeholder   string
	Encoded       []variant
	// partial says that some were left out, for want of a tool or of memory.
	partial bool
}

// variant is a picture in one format and width.
type variant struct {
	Format string // jxl or webp
	Width  int32
	Data   []byte
}

// encodeAll decodes a picture and encodes it at every width. Nil is for one that
// cannot be decoded here.
func (b *build) encodeAll(ctx context.Context, s *static, data []byte) (*variants, error) {
	own, err := b.decodePicture(ctx, s.name(), data)
	if missing, err := b.without(err, "its pictures are copied as they are"); missing || err != nil {
		return nil, err
	}
	hash, err := call(ctx, b, "image", s.name(), b.Image.Thumbhash, &imagepb.ThumbhashRequest{Pixels: own})
	if err != nil {
		return nil, err
	}
	made := &variants{Width: own.Width, Height: own.Height, Placeholder: hash.DataUrl}
	cost := pictureCost{int64(own.Width), int64(own.Height)}
	for _, width := range asset.Widths(int(own.Width)) {
		pixels := own
		if resize := cost.resize(int64(width)); !b.fits(cost, resize) {
			b.tooLarge(s.name(), fmt.Sprintf("has no variants of width %d", width), cost.held()+resize)
			made.partial = true
			continue
		} else if resize > 0 {
			if pixels, err = call(ctx, b, "image", s.name(), b.Image.Resize, &imagepb.ResizeRequest{Pixels: own, Width: int32(width)}); err != nil {
				return nil, err
			}
		}
		if err := b.encode(ctx, s, cost, pixels, made); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// encode makes both formats of one width: at once, if there is memory for both.
func (b *build) encode(ctx context.Context, s *static, cost pictureCost, pixels *imagepb.Pixels, made *variants) error {
	width := int64(pixels.Width)
	formats := []struct {
		name   string
		need   int64
		encode func(context.Context, string, *imagepb.Pixels) ([]byte, error)
	}{{"jxl", cost.jxl(width), b.encodeJxl}, {"webp", cost.webp(width), b.encodeWebp}}
	encoded := make([][]byte, len(formats))
	g, ctx := errgroup.WithContext(ctx)
	if !b.fits(cost, cost.jxl(width)+cost.webp(width)) {
		g.SetLimit(1)
	}
	for i, f := range formats {
		if !b.fits(cost, f.need) {
			b.tooLarge(s.name(), fmt.Sprintf("has no image/%s variant of width %d", f.name, width), cost.held()+f.need)
			continue
		}
		g.Go(func() error {
			data, err := f.encode(ctx, s.name(), pixels)
			encoded[i] = data
			return b.unencoded(f.name, width, err)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, f := range formats {
		if encoded[i] == nil {
			made.partial = true
			continue
		}
		made.Encoded = append(made.Encoded, variant{f.name, pixels.Width, encoded[i]})
	}
	return nil
}

// unencoded lets a site go without a variant, for want of the encoder's tool, or
// beyond what the format can hold.
func (b *build) unencoded(format string, width int64, err error) error {
	var unfit Errors
	if errors.As(err, &unfit) {
		for _, p := range unfit {
			p.Message = fmt.Sprintf("has no image/%s variant of width %d: %s", format, width, p.Message)
			b.warn(p)
		}
		return nil
	}
	_, err = b.without(err, "pictures have no image/"+format+" variants")
	return err
}

// writeVariants writes the variants of a picture, and puts it together: best format
// first; the <img> shows the largest WebP, or, where there is none, the original
// (see pictureMap). A picture of no format is copied.
func (b *build) writeVariants(s *static, made *variants) error {
	p := &htmlpb.Picture{Width: made.Width, Height: made.Height, Placeholder: made.Placeholder}
	for _, format := range []string{"jxl", "webp"} {
		source := &htmlpb.Picture_Source{Type: "image/" + format}
		for _, v := range made.Encoded {
			if v.Format != format {
				continue
			}
			name := asset.Hashed(asset.Variant(s.path, int(v.Width), int(made.Width), format), asset.Hash(v.Data))
			source.Variants = append(source.Variants, &htmlpb.Picture_Variant{Url: asset.URL(name), Width: v.Width})
			if err := b.writeHashed(name, s.name(), v.Data); err != nil {
				return err
			}
		}
		if n := len(source.Variants); n > 0 {
			p.Sources = append(p.Sources, source)
			if format == "webp" {
				p.Fallback = source.Variants[n-1].Url
			}
		}
	}
	if len(p.Sources) > 0 {
		s.picture = p
	}
	return nil
}

// decodePicture goes by the first bytes, not by the name.
func (b *build) decodePicture(ctx context.Context, name string, data []byte) (*imagepb.Pixels, error) {
	switch {
	case len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		p, err := call(ctx, b, "webp", name, b.Webp.Decode, &webppb.DecodeRequest{Path: name, Data: data})
		if err != nil {
			return nil, err
		}
		return &imagepb.Pixels{Rgba: p.Rgba, Width: p.Width, Height: p.Height}, nil
	case bytes.HasPrefix(data, []byte{0xff, 0x0a}), bytes.HasPrefix(data, []byte("\x00\x00\x00\x0cJXL \r\n\x87\n")):
		p, err := call(ctx, b, "jxl", name, b.Jxl.Decode, &jxlpb.DecodeRequest{Path: name, Data: data})
		if err != nil {
			return nil, err
		}
		return &imagepb.Pixels{Rgba: p.Rgba, Width: p.Width, Height: p.Height}, nil
	default:
		return call(ctx, b, "image", name, b.Image.Decode, &imagepb.DecodeRequest{Path: name, Data: data})
	}
}

func (b *build) encodeWebp(ctx context.Context, name string, p *imagepb.Pixels) ([]byte, error) {
	out, err := call(ctx, b, "webp", name, b.Webp.Encode,
		&webppb.EncodeRequest{Pixels: &webppb.Pixels{Rgba: p.Rgba, Width: p.Width, Height: p.Height}, Quality: webpQuality})
	return out.GetData(), err
}

func (b *build) encodeJxl(ctx context.Context, name string, p *imagepb.Pixels) ([]byte, error) {
	out, err := call(ctx, b, "jxl", name, b.Jxl.Encode,
		&jxlpb.EncodeRequest{Pixels: &jxlpb.Pixels{Rgba: p.Rgba, Width: p.Width, Height: p.Height}, Quality: jxlQuality})
	return out.GetData(), err
}

// pictureMap maps every address of an original to its picture.
func (b *build) pictureMap() map[string]*htmlpb.Picture {
	m := map[string]*htmlpb.Picture{}
	for _, s := range b.statics {
		if s.picture == nil {
			continue
		}
		if s.picture.Fallback == "" {
			s.picture.Fallback = markOf(s)
		}
		for _, name := range asset.Names(s.path) {
			m[name] = s.picture
		}
	}
	return m
}

package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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

// pictures makes the variants of every picture. The original is written only if
// something that cannot have a variant names it; see writeReferenced.
func (b *build) pictures(ctx context.Context) error {
	return beside(ctx, b, b.staticsOf(asset.Picture), b.inBudget)
}

// inBudget works on a picture once there is memory for it.
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
	return b.weigh(ctx, bytes, func(ctx context.Context) error { return b.variants(ctx, s, data) })
}

// variants decodes a picture and encodes it at every width.
func (b *build) variants(ctx context.Context, s *static, data []byte) error {
	own, err := b.decodePicture(ctx, s.name(), data)
	if missing, err := b.without(err, "its pictures are copied as they are"); missing || err != nil {
		return err
	}
	hash, err := call(ctx, b, "image", s.name(), b.Image.Thumbhash, &imagepb.ThumbhashRequest{Pixels: own})
	if err != nil {
		return err
	}
	cost := pictureCost{int64(own.Width), int64(own.Height)}
	jxl, webp := &htmlpb.Picture_Source{Type: "image/jxl"}, &htmlpb.Picture_Source{Type: "image/webp"}
	for _, width := range asset.Widths(int(own.Width)) {
		pixels := own
		if resize := cost.resize(int64(width)); !b.fits(cost, resize) {
			b.tooLarge(s.name(), fmt.Sprintf("has no variants of width %d", width), cost.held()+resize)
			continue
		} else if resize > 0 {
			if pixels, err = call(ctx, b, "image", s.name(), b.Image.Resize, &imagepb.ResizeRequest{Pixels: own, Width: int32(width)}); err != nil {
				return err
			}
		}
		if err := b.encode(ctx, s, cost, pixels, jxl, webp); err != nil {
			return err
		}
	}
	s.picture = assemble(own, hash.DataUrl, jxl, webp)
	return nil
}

// encode makes both formats of one width, at once if there is memory for both.
func (b *build) encode(ctx context.Context, s *static, cost pictureCost, pixels *imagepb.Pixels, jxl, webp *htmlpb.Picture_Source) error {
	width := int(pixels.Width)
	name := func(extension string) string { return asset.Variant(s.path, width, int(cost.width), extension) }
	g, ctx := errgroup.WithContext(ctx)
	if !b.fits(cost, cost.jxl(int64(width))+cost.webp(int64(width))) {
		g.SetLimit(1)
	}
	encode := func(source *htmlpb.Picture_Source, extension string, need int64, encoder func(context.Context, string, *imagepb.Pixels) ([]byte, error)) {
		if !b.fits(cost, need) {
			b.tooLarge(s.name(), fmt.Sprintf("has no %s variant of width %d", source.Type, width), cost.held()+need)
			return
		}
		g.Go(func() error {
			data, err := encoder(ctx, s.name(), pixels)
			return b.variant(s, source, name(extension), width, data, err)
		})
	}
	encode(jxl, "jxl", cost.jxl(int64(width)), b.encodeJxl)
	encode(webp, "webp", cost.webp(int64(width)), b.encodeWebp)
	return g.Wait()
}

// assemble puts a picture together, the best format first. The <img> shows the
// largest WebP, or, if there is none, the original (see pictureMap). It gives
// nil if no format could be made.
func assemble(own *imagepb.Pixels, placeholder string, jxl, webp *htmlpb.Picture_Source) *htmlpb.Picture {
	p := &htmlpb.Picture{Width: own.Width, Height: own.Height, Placeholder: placeholder}
	for _, source := range []*htmlpb.Picture_Source{jxl, webp} {
		if len(source.Variants) > 0 {
			p.Sources = append(p.Sources, source)
		}
	}
	if n := len(webp.Variants); n > 0 {
		p.Fallback = webp.Variants[n-1].Url
	}
	if len(p.Sources) == 0 {
		return nil
	}
	return p
}

// variant writes one variant and adds it to its source. The site does without
// it if the encoder's tool is missing, or the picture is larger than the format
// can hold.
func (b *build) variant(s *static, source *htmlpb.Picture_Source, name string, width int, data []byte, err error) error {
	var unfit Errors
	if errors.As(err, &unfit) {
		for _, p := range unfit {
			p.Message = fmt.Sprintf("has no %s variant of width %d: %s", source.Type, width, p.Message)
			b.warn(p)
		}
		return nil
	}
	if missing, err := b.without(err, "pictures have no "+source.Type+" variants"); missing || err != nil {
		return err
	}
	name = asset.Hashed(name, asset.Hash(data))
	source.Variants = append(source.Variants, &htmlpb.Picture_Variant{Url: asset.URL(name), Width: int32(width)})
	return b.writeHashed(name, s.name(), data)
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
			s.picture.Fallback = asset.URL(s.output)
		}
		for _, name := range asset.Names(s.path) {
			m[name] = s.picture
		}
	}
	return m
}

// writeReferenced copies the original of each picture that something without
// variants names: a style sheet, a script, or, if no WebP could be made, a
// page. texts are the texts of all the site's files.
func (b *build) writeReferenced(texts []string) error {
	for _, s := range b.statics {
		if s.kind != asset.Picture || s.picture == nil || s.stable {
			continue
		}
		address := asset.URL(s.output)
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, address) }) {
			if err := b.claim(s.output, s.name()); err != nil {
				return err
			}
			if err := b.copyFile(s); err != nil {
				return err
			}
		}
	}
	return nil
}

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

// pictures makes the variants of every picture. The original itself is written
// only where something names it that gets no variant; see writeReferenced.
func (b *build) pictures(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.options.Jobs)
	for _, s := range b.statics {
		if s.kind == asset.Picture {
			g.Go(func() error { return b.collect(b.inBudget(ctx, s)) })
		}
	}
	return g.Wait()
}

// inBudget waits until a picture's pixels, twice (as decoded and as resized), fit beside
// those that are in flight, and then for a slot: never the other way round, since the slot would be idle meanwhile.
func (b *build) inBudget(ctx context.Context, s *static) error {
	data, err := b.bytes(s.file)
	if err != nil {
		return err
	}
	s.digits = asset.Hash(data)
	if asset.Animated(data) {
		return nil // without variants it is copied
	}
	weight := int64(pixelBudget)
	if pixels := asset.Pixels(data); pixels > 0 {
		weight = min(weight, 2*4*pixels)
	}
	if err := b.pixels.Acquire(ctx, weight); err != nil {
		return err
	}
	defer b.pixels.Release(weight)
	return each(ctx, b, []*static{s}, func(ctx context.Context, s *static) error { return b.variants(ctx, s, data) })
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
	jxl, webp := &htmlpb.Picture_Source{Type: "image/jxl"}, &htmlpb.Picture_Source{Type: "image/webp"}
	for _, width := range asset.Widths(int(own.Width)) {
		pixels := own
		if width != int(own.Width) {
			if pixels, err = call(ctx, b, "image", s.name(), b.Image.Resize, &imagepb.ResizeRequest{Pixels: own, Width: int32(width)}); err != nil {
				return err
			}
		}
		name := func(extension string) string { return asset.Variant(s.path, width, int(own.Width), extension) }
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error {
			data, err := b.encodeJxl(ctx, s.name(), pixels)
			return b.variant(s, jxl, name("jxl"), width, data, err)
		})
		g.Go(func() error {
			data, err := b.encodeWebp(ctx, s.name(), pixels)
			return b.variant(s, webp, name("webp"), width, data, err)
		})
		if err := g.Wait(); err != nil {
			return err
		}
	}
	s.picture = assemble(own, hash.DataUrl, jxl, webp)
	return nil
}

// assemble puts a picture together: best format first; the <img> shows the
// largest WebP, or, where there is none, the original (see pictureMap). nil
// where no format came out.
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

// variant writes one variant and adds it to its source. Without the encoder's
// tool, or beyond what the format can hold, the site does without.
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

// pictureMap has the pictures by every address of their originals.
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

// writeReferenced copies the original of each picture that is named by what gets
// no variant: a style sheet, a script, or, where no WebP came out, a page. texts
// are all that the site's files say.
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

package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"ddc/internal/query"
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

// picture is a picture's file and what is made of it.
type picture struct {
	digits string // of the file
	// shown is what a page has instead of it; nil if the file is copied. Its
	// fallback is empty if that is the file itself.
	shown *htmlpb.Picture
	// width and height are those of a picture that is copied, upright: a page
	// leaves room for it. They are 0 if nothing tells.
	width, height int32
	// files are the variants by their names below the output folder. They wait
	// in the site's spill.
	files []string
	// sums are digests of the variants.
	sums     []query.Fingerprint
	warnings []Problem
}

func (p *picture) code(c *coder) {
	c.text(&p.digits)
	some := p.shown != nil
	c.flag(&some)
	if some {
		if c.reading {
			p.shown = &htmlpb.Picture{}
		}
		c.message(p.shown)
	}
	number(c, &p.width)
	number(c, &p.height)
	c.texts(&p.files)
	list(c, &p.sums, c.sum)
	c.problems(&p.warnings)
}

// encoding is a picture while its variants are made.
type encoding struct {
	*staticPhase
	file *static
	// width and height are told by decoding alone, as of a JPEG XL.
	width, height int32
	notes
}

// encodePicture makes the variants of a picture once there is memory for it,
// unless its variants are remembered. The original is left out if the pages
// show only variants; see renaming.
func (s *staticPhase) encodePicture(ctx context.Context, ask *query.Ask, key string) (*picture, error) {
	f, _, err := s.static(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	data, err := s.contents(ctx, ask, f)
	if err != nil {
		return nil, err
	}
	e := &encoding{staticPhase: s, file: f}
	p := &picture{digits: asset.Hash(data)}
	made, err := e.inBudget(ctx, data)
	if err != nil {
		return nil, err
	}
	if made != nil {
		err = e.complete(ctx, p, made)
	}
	if err == nil && p.shown == nil {
		p.width, p.height, err = e.room(ctx, data)
	}
	if p.warnings = e.notes.warnings(); p.warnings != nil {
		ask.Brief() // a tool may be there next time
	}
	return p, err
}

// headBytes is where a picture's header has ended. A moving picture may be
// large, and is not read for its size.
const headBytes = 1 << 20

// room is the size of a picture that is copied. One that cannot be measured is
// copied all the same.
func (e *encoding) room(ctx context.Context, data []byte) (width, height int32, err error) {
	if isJxl(data) {
		return e.width, e.height, nil
	}
	m, err := e.headed(ctx, e.file.name, data[:min(len(data), headBytes)])
	if errors.As(err, &Errors{}) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	return int32(m.width), int32(m.height), nil
}

// inBudget makes a picture's variants; nil if there are to be none.
func (e *encoding) inBudget(ctx context.Context, data []byte) (made *variants, err error) {
	if asset.Animated(data) || asset.IsAVIF(data) {
		return nil, nil // without variants it is copied
	}
	width, height := asset.Size(data)
	cost := pictureCost{int64(width), int64(height)}
	bytes := e.options.Memory // where the header doesn't tell, it travels alone
	if cost.pixels() > 0 {
		if !e.fits(cost, cost.decode()) {
			e.tooLarge(e.file.name, "is copied without variants", cost.held()+cost.decode())
			return nil, nil
		}
		bytes = cost.most(e.options.Memory)
	}
	return e.rememberedPicture(ctx, data, func(ctx context.Context) (made *variants, err error) {
		err = e.weigh(ctx, bytes, func(ctx context.Context) (err error) {
			made, err = e.encodeAll(ctx, data)
			return err
		})
		return made, err
	})
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

// encodeAll decodes a picture and encodes it at every width. Nil is for one
// that cannot be decoded here.
func (e *encoding) encodeAll(ctx context.Context, data []byte) (*variants, error) {
	own, err := e.decodePicture(ctx, e.file.name, data)
	if missing, err := e.without(err, "its pictures are copied as they are"); missing || err != nil {
		return nil, err
	}
	e.width, e.height = own.Width, own.Height
	if own.Kept != "" {
		e.warn(Problem{File: e.file.name, Message: "is copied without variants: " + own.Kept, Hint: "write it anew: a PNG, JPEG or WebP in sRGB, of less than 100 megapixels"})
		return nil, nil
	}
	if own.Animated {
		e.warn(Problem{File: e.file.name, Message: "is copied without variants: it is an animation, of which they would be a still", Hint: "write it as WebP for the browsers that do not show JPEG XL"})
		return nil, nil
	}
	made := &variants{Width: own.Width, Height: own.Height}
	if isOpaque(own.Rgba) { // the placeholder stays behind the picture, and would show through
		hash, err := call(ctx, e.build, "image", e.file.name, e.Image.Thumbhash, &imagepb.ThumbhashRequest{Pixels: own})
		if err != nil {
			return nil, err
		}
		made.Placeholder = hash.DataUrl
	}
	cost := pictureCost{int64(own.Width), int64(own.Height)}
	for _, width := range asset.Widths(int(own.Width)) {
		pixels := own
		if resize := cost.resize(int64(width)); !e.fits(cost, resize) {
			e.tooLarge(e.file.name, fmt.Sprintf("has no variants of width %d", width), cost.held()+resize)
			made.partial = true
			continue
		} else if resize > 0 {
			if pixels, err = call(ctx, e.build, "image", e.file.name, e.Image.Resize, &imagepb.ResizeRequest{Pixels: own, Width: int32(width)}); err != nil {
				return nil, err
			}
		}
		if err := e.encode(ctx, cost, pixels, made); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func isOpaque(rgba []byte) bool {
	for i := 3; i < len(rgba); i += 4 {
		if rgba[i] != 255 {
			return false
		}
	}
	return true
}

// encode makes both formats of one width: at once, if there is memory for both.
func (e *encoding) encode(ctx context.Context, cost pictureCost, pixels *imagepb.Pixels, made *variants) error {
	width := int64(pixels.Width)
	formats := []struct {
		name    string
		need    int64
		quality int
		encode  func(context.Context, string, *imagepb.Pixels, int) ([]byte, error)
	}{{"jxl", cost.jxl(width), jxlQuality, e.encodeJxl}, {"webp", cost.webp(width), webpQuality, e.encodeWebp}}
	encoded := make([][]byte, len(formats))
	g, ctx := errgroup.WithContext(ctx)
	if !e.fits(cost, cost.jxl(width)+cost.webp(width)) {
		g.SetLimit(1)
	}
	for i, f := range formats {
		if !e.fits(cost, f.need) {
			e.tooLarge(e.file.name, fmt.Sprintf("has no image/%s variant of width %d", f.name, width), cost.held()+f.need)
			continue
		}
		g.Go(func() error {
			data, err := f.encode(ctx, e.file.name, pixels, f.quality)
			encoded[i] = data
			return e.unencoded(f.name, width, err)
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

// unencoded lets a site go without a variant, for want of the encoder's tool,
// or beyond what the format can hold.
func (e *encoding) unencoded(format string, width int64, err error) error {
	var unfit Errors
	if errors.As(err, &unfit) {
		for _, p := range unfit {
			p.Message = fmt.Sprintf("has no image/%s variant of width %d: %s", format, width, p.Message)
			e.warn(p)
		}
		return nil
	}
	_, err = e.without(err, "pictures have no image/"+format+" variants")
	return err
}

// complete names the variants of a picture by their content, and puts the
// picture together: best format first; the <img> shows the largest WebP, or,
// where there is none, the original. A picture of no format is copied.
func (e *encoding) complete(ctx context.Context, p *picture, made *variants) error {
	shown := &htmlpb.Picture{Width: made.Width, Height: made.Height, Placeholder: made.Placeholder}
	for _, format := range []string{"jxl", "webp"} {
		source := &htmlpb.Picture_Source{Type: "image/" + format}
		for _, v := range made.Encoded {
			if v.Format != format {
				continue
			}
			name := asset.Hashed(asset.Variant(e.file.path, int(v.Width), int(made.Width), format), asset.Hash(v.Data))
			source.Variants = append(source.Variants, &htmlpb.Picture_Variant{Url: e.cfg.Site.Base.Prefix + asset.URL(name), Width: v.Width})
			if err := e.staticPhase.keep(ctx, name, v.Data); err != nil {
				return fmt.Errorf("keep a variant of %s: %w", e.file.name, err)
			}
			p.files, p.sums = append(p.files, name), append(p.sums, query.Digest(v.Data))
		}
		if n := len(source.Variants); n > 0 {
			shown.Sources = append(shown.Sources, source)
			if format == "webp" {
				shown.Fallback = source.Variants[n-1].Url
			}
		}
	}
	if len(shown.Sources) > 0 {
		p.shown = shown
	}
	return nil
}

// variant opens a variant of a picture. If the picture was remembered, nobody
// has made its variants yet.
func (s *staticPhase) variant(ctx context.Context, ask *query.Ask, path, name string) (*os.File, error) {
	file, err := s.kept(name)
	if !errors.Is(err, errNotSpilt) {
		return file, err
	}
	if _, err := s.encodePicture(ctx, ask.Aside(), path); err != nil {
		return nil, err
	}
	return s.kept(name)
}

// decodePicture goes by the first bytes, not by the name.
func (b *build) decodePicture(ctx context.Context, name string, data []byte) (*imagepb.Pixels, error) {
	switch {
	case isWebp(data):
		p, err := call(ctx, b, "webp", name, b.Webp.Decode, &webppb.DecodeRequest{Path: name, Data: data})
		if err != nil {
			return nil, err
		}
		return &imagepb.Pixels{Rgba: p.Rgba, Width: p.Width, Height: p.Height, Kept: p.Kept}, nil
	case isJxl(data):
		p, err := call(ctx, b, "jxl", name, b.Jxl.Decode, &jxlpb.DecodeRequest{Path: name, Data: data})
		if err != nil {
			return nil, err
		}
		return &imagepb.Pixels{Rgba: p.Rgba, Width: p.Width, Height: p.Height, Kept: p.Kept, Animated: p.Animated}, nil
	default:
		return call(ctx, b, "image", name, b.Image.Decode, &imagepb.DecodeRequest{Path: name, Data: data})
	}
}

func isWebp(data []byte) bool {
	return len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

func isJxl(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0xff, 0x0a}) || bytes.HasPrefix(data, []byte("\x00\x00\x00\x0cJXL \r\n\x87\n"))
}

func (b *build) encodeWebp(ctx context.Context, name string, p *imagepb.Pixels, quality int) ([]byte, error) {
	out, err := call(ctx, b, "webp", name, b.Webp.Encode,
		&webppb.EncodeRequest{Pixels: &webppb.Pixels{Rgba: p.Rgba, Width: p.Width, Height: p.Height}, Quality: int32(quality)})
	return out.GetData(), err
}

func (b *build) encodeJxl(ctx context.Context, name string, p *imagepb.Pixels, quality int) ([]byte, error) {
	out, err := call(ctx, b, "jxl", name, b.Jxl.Encode,
		&jxlpb.EncodeRequest{Pixels: &jxlpb.Pixels{Rgba: p.Rgba, Width: p.Width, Height: p.Height}, Quality: int32(quality)})
	return out.GetData(), err
}

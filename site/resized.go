package site

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strings"

	"ddc/internal/query"
	"ddc/internal/slug"
	"ddc/plugins/image/imagepb"
	"ddc/site/asset"
	"ddc/site/config"
	"ddc/site/template"
)

// resizedFolder is where the pictures are that templates have resized.
const resizedFolder = "processed_images/"

// resized is a picture that a template has asked for. Its file waits in the
// site's spill.
type resized struct {
	name                string // below the output folder
	width, height       int32
	ownWidth, ownHeight int32 // of the picture that it is made of
	sum                 query.Fingerprint
}

func (r *resized) code(c *coder) {
	c.text(&r.name)
	for _, n := range []*int32{&r.width, &r.height, &r.ownWidth, &r.ownHeight} {
		number(c, n)
	}
	c.sum(&r.sum)
}

// resizedUse is a resized picture that a page has asked for: its call, which is
// the key of its value, and its file.
type resizedUse struct{ call, name string }

// resizedUses are those of a page, or of all.
type resizedUses struct{ list []resizedUse }

func (r *resizedUses) code(c *coder) { c.uses(&r.list) }

// resizeImage is the templates' function resize_image.
func (v *view) resizeImage(asked template.Resize) (any, error) {
	file, err := v.pictureFile(asked.Path)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(path.Ext(file), ".svg") {
		return nil, &template.Refusal{Message: fmt.Sprintf("%q is a drawing, which is sharp at any size", asked.Path),
			Hint: fmt.Sprintf(`write <img src="%s" width="%d">`, asked.Path, cmp.Or(asked.Width, asked.Height))}
	}
	asked.Path = file
	key, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("write the call: %w", err)
	}
	if !v.sizes.add(file, string(key), v.cfg.MaxResized) {
		return nil, &template.Refusal{Message: fmt.Sprintf("this page has more than %d sizes and formats made of %q", v.cfg.MaxResized, asked.Path),
			Hint: "ask for fewer, or allow more with max_resized in " + config.Name}
	}
	made, err := v.resizes.Get(v.ctx, v.ask, string(key))
	if err != nil {
		return nil, single(err)
	}
	v.resized = append(v.resized, resizedUse{string(key), made.name})
	return map[string]any{"url": "/" + made.name, "static_path": made.name, "width": int64(made.width), "height": int64(made.height),
		"orig_width": int64(made.ownWidth), "orig_height": int64(made.ownHeight)}, nil
}

// resizedSizes are the calls of resize_image that a page has made so far, with
// those of its shortcodes, by the picture's file. Each is work of up to a
// second, which no step of the template pays for. A call that was made before
// costs nothing.
type resizedSizes map[string]map[string]bool

// add notes a call, unless there are so many of the picture already.
func (r resizedSizes) add(file, call string, most int) bool {
	calls := r[file]
	switch {
	case calls[call]:
		return true
	case len(calls) >= most:
		return false
	case calls == nil:
		calls = map[string]bool{}
		r[file] = calls
	}
	calls[call] = true
	return true
}

// pictureFile finds a picture for a template.
func (v *view) pictureFile(name string) (string, error) {
	file, err := v.findFile(name, "static/")
	if errors.Is(err, fs.ErrNotExist) {
		return "", &template.Refusal{Message: fmt.Sprintf("there is no file %q", name),
			Hint: "paths count from the project's folder, from static/ or from the content folder; page.colocated_path is that of a page's folder"}
	}
	return file, err
}

// makeResized makes a picture of another: key is a template.Resize with the
// path of its file, as JSON.
func (s *renderPhase) makeResized(ctx context.Context, ask *query.Ask, key string) (*resized, error) {
	var asked template.Resize
	if err := json.Unmarshal([]byte(key), &asked); err != nil {
		return nil, fmt.Errorf("read a call of resize_image: %w", err)
	}
	data, err := s.bytes(asked.Path)
	if err != nil {
		ask.Brief() // it may be too large to be read, and is not digested either
		return nil, err
	}
	if _, err := s.digests.Get(ctx, ask, asked.Path); err != nil {
		return nil, err
	}
	made, err := s.rememberedResize(ctx, asked, data)
	var missing *missingTool
	if errors.As(err, &missing) {
		ask.Brief() // it may be there next time
		return nil, Errors{{File: asked.Path, Message: "can't be resized: " + missing.Error(), Hint: `write format="webp"`}}
	}
	if err != nil {
		return nil, err
	}
	stem := strings.TrimSuffix(path.Base(asked.Path), path.Ext(asked.Path))
	name := asset.Hashed(resizedFolder+cmp.Or(slug.Of(stem), "picture")+"."+made.Format, asset.Hash(made.Data))
	if err := s.keep(ctx, name, made.Data); err != nil {
		return nil, fmt.Errorf("keep a smaller %s: %w", asked.Path, err)
	}
	return &resized{name, made.Width, made.Height, made.OwnWidth, made.OwnHeight, query.Digest(made.Data)}, nil
}

// resizedData is a resized picture as it is remembered.
type resizedData struct {
	Width, Height, OwnWidth, OwnHeight int32
	Format                             string // its extension
	Data                               []byte
}

// rememberedResize has a picture resized, unless that was done in an earlier
// build.
func (b *build) rememberedResize(ctx context.Context, asked template.Resize, data []byte) (*resizedData, error) {
	do := func(ctx context.Context) (*resizedData, error) { return b.resize(ctx, asked, data) }
	how := fmt.Sprintf("resized to %d x %d, %s, %s, %d", asked.Width, asked.Height, asked.Op, asked.Format, asked.Quality)
	key, ok := b.options.Answers.pictureKey(how, data)
	if !ok {
		return do(ctx)
	}
	encode := func(made *resizedData) ([]byte, error) {
		var text bytes.Buffer
		err := gob.NewEncoder(&text).Encode(made)
		return text.Bytes(), err
	}
	decode := func(encoded []byte) (*resizedData, error) {
		made := new(resizedData)
		return made, gob.NewDecoder(bytes.NewReader(encoded)).Decode(made)
	}
	made, _, err := recall(ctx, b, b.options.Answers.pictures, key, do, encode, decode)
	return made, err
}

// resize resizes a picture once there is memory for it.
func (b *build) resize(ctx context.Context, asked template.Resize, data []byte) (made *resizedData, err error) {
	width, height := asset.Size(data)
	need := b.options.Memory // where the header doesn't tell, it travels alone
	if cost := (pictureCost{int64(width), int64(height)}); cost.pixels() > 0 {
		_, w, h := frame(asked, width, height)
		if need = cost.framed(int64(w), int64(h)); need > b.options.Memory {
			return nil, Errors{{File: asked.Path, Message: fmt.Sprintf("can't be resized: that takes some %d MB of memory", need/1e6),
				Hint: "scale the picture down, or allow more with --memory-limit"}}
		}
	}
	err = b.weigh(ctx, need, func(ctx context.Context) (err error) {
		made, err = b.resizeNow(ctx, asked, data)
		return err
	})
	return made, err
}

// framed is what it takes to make a picture of some size of one.
func (c pictureCost) framed(width, height int64) int64 {
	pixels := width * height
	return c.held() + max(c.decode(), resizePerPixel*c.pixels()+rowPerPixel*width*c.height+resizedPerPixel*pixels, (heldPerPixel+jxlPerPixel)*pixels)
}

func (b *build) resizeNow(ctx context.Context, asked template.Resize, data []byte) (*resizedData, error) {
	own, err := b.decodePicture(ctx, asked.Path, data)
	if err != nil {
		return nil, err
	}
	if own.Kept != "" {
		return nil, Errors{{File: asked.Path, Message: "can't be resized: " + own.Kept, Hint: "write it anew: a PNG, JPEG or WebP in sRGB, of less than 100 megapixels"}}
	}
	part, width, height := frame(asked, int(own.Width), int(own.Height))
	pixels := own
	if part.Width != own.Width || part.Height != own.Height || width != int(own.Width) || height != int(own.Height) {
		pixels, err = call(ctx, b, "image", asked.Path, b.Image.Resize, &imagepb.ResizeRequest{Pixels: own, Width: int32(width), Height: int32(height), Part: part})
		if err != nil {
			return nil, err
		}
	}
	made := &resizedData{Width: pixels.Width, Height: pixels.Height, OwnWidth: own.Width, OwnHeight: own.Height, Format: asked.Format}
	if made.Format == "auto" {
		made.Format = formatOf(data)
	}
	made.Data, err = b.encodeAs(ctx, asked.Path, made.Format, asked.Quality, pixels)
	return made, err
}

// encodeAs encodes a picture in a format, by its extension.
func (b *build) encodeAs(ctx context.Context, name, format string, quality int, p *imagepb.Pixels) ([]byte, error) {
	switch format {
	case "webp":
		return b.encodeWebp(ctx, name, p, quality)
	case "jxl":
		return b.encodeJxl(ctx, name, p, quality)
	case "jpg":
		format = "jpeg"
	}
	out, err := call(ctx, b, "image", name, b.Image.Encode, &imagepb.EncodeRequest{Pixels: p, Format: format, Quality: int32(quality)})
	return out.GetData(), err
}

// formatOf is the format that keeps what a picture has, as an extension.
func formatOf(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return "jpg"
	case isWebp(data):
		return "webp"
	case isJxl(data):
		return "jxl"
	}
	return "png" // of a GIF too: it is one frame
}

// frame says which part of a picture is shown, and how large.
func frame(asked template.Resize, width, height int) (part *imagepb.Part, w, h int) {
	scaled := func(side, by, of int) int { return max(1, int(math.Round(float64(side)*float64(by)/float64(of)))) }
	part = &imagepb.Part{Width: int32(width), Height: int32(height)}
	switch asked.Op {
	case "fit_width":
		return part, asked.Width, scaled(asked.Width, height, width)
	case "fit_height":
		return part, scaled(asked.Height, width, height), asked.Height
	case "fit":
		switch {
		case width <= asked.Width && height <= asked.Height:
			return part, width, height
		case width*asked.Height > height*asked.Width:
			return part, asked.Width, scaled(asked.Width, height, width)
		}
		return part, scaled(asked.Height, width, height), asked.Height
	case "fill":
		if width*asked.Height > height*asked.Width { // the sides are cut off
			part.Width = int32(scaled(height, asked.Width, asked.Height))
			part.X = (int32(width) - part.Width) / 2
		} else {
			part.Height = int32(scaled(width, asked.Height, asked.Width))
			part.Y = (int32(height) - part.Height) / 2
		}
	}
	return part, asked.Width, asked.Height
}

// resizedOf are the resized pictures of a page.
func (s *renderPhase) resizedOf(ctx context.Context, ask *query.Ask, key string) (*resizedUses, error) {
	p, err := s.pages.Get(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	return &resizedUses{p.resized}, nil
}

// resizedOfAll are the resized pictures of all pages and texts, by name.
func (s *renderPhase) resizedOfAll(ctx context.Context, ask *query.Ask, _ string) (*resizedUses, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	pages, err := s.resizedBy.All(ctx, ask, t.keys())
	if err != nil {
		return nil, err
	}
	texts, err := s.madeTexts.All(ctx, ask, t.textNames())
	if err != nil {
		return nil, err
	}
	var all []resizedUse
	for _, p := range pages {
		all = append(all, p.list...)
	}
	for _, t := range texts {
		all = append(all, t.resized...)
	}
	slices.SortFunc(all, func(a, b resizedUse) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.call, b.call))
	})
	return &resizedUses{slices.CompactFunc(all, func(a, b resizedUse) bool { return a.name == b.name })}, nil
}

// uses writes what pages have resized.
func (c *coder) uses(all *[]resizedUse) {
	list(c, all, func(u *resizedUse) {
		c.text(&u.call)
		c.text(&u.name)
	})
}

// resizedFile is the file of a resized picture.
func (s *Site) resizedFile(ctx context.Context, ask *query.Ask, name string) (*File, error) {
	all, err := s.allResized.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	for _, use := range all.list {
		if use.name != name {
			continue
		}
		if err := s.resizes.Touch(ctx, ask, use.call); err != nil {
			return nil, err
		}
		data, err := contentsOf(s.resizedKept(ctx, ask, use.call, name))
		return &File{Name: name, Hashed: true, Data: data}, err
	}
	return s.staticFile(ctx, ask, name)
}

// resizedKept opens the file of a resized picture. If the picture was
// remembered, nobody has made it yet.
func (s *renderPhase) resizedKept(ctx context.Context, ask *query.Ask, call, name string) (*os.File, error) {
	file, err := s.kept(name)
	if !errors.Is(err, errNotSpilt) {
		return file, err
	}
	if _, err := s.makeResized(ctx, ask.Aside(), call); err != nil {
		return nil, err
	}
	return s.kept(name)
}

// placeResized says where the resized pictures go.
func (r *making) placeResized(ctx context.Context, w *whole) error {
	all, err := r.allResized.Get(ctx, r.ask, "")
	if err != nil {
		return err
	}
	for _, use := range all.list {
		made, err := r.resizes.Get(ctx, r.ask, use.call)
		if err != nil {
			return err
		}
		if err := r.add(w, product{name: use.name, source: "resize_image", kind: resizedProduct, key: use.call, sum: made.sum}); err != nil {
			return err
		}
	}
	return nil
}

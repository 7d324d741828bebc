package site

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"

	"ddc/internal/query"
	"ddc/plugins/image/imagepb"
	"ddc/site/asset"
)

// measured is what get_image_metadata says of a picture.
type measured struct {
	width, height int64
	format        string
}

func (m *measured) code(c *coder) {
	number(c, &m.width)
	number(c, &m.height)
	c.text(&m.format)
}

// mimes by format.
var mimes = map[string]string{"avif": "image/avif", "gif": "image/gif", "jpg": "image/jpeg", "jxl": "image/jxl", "png": "image/png", "svg": "image/svg+xml", "webp": "image/webp"}

// imageMetadata is the templates' function get_image_metadata.
func (v *view) imageMetadata(name string, required bool) (any, error) {
	if !required {
		if _, err := v.findFile(name, "static/"); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	file, err := v.pictureFile(name)
	if err != nil {
		return nil, err
	}
	m, err := v.measures.Get(v.ctx, v.ask, file)
	if err != nil {
		return nil, single(err)
	}
	return map[string]any{"width": m.width, "height": m.height, "format": m.format, "mime": mimes[m.format]}, nil
}

// measure measures a picture of the project by its name.
func (s *renderPhase) measure(ctx context.Context, ask *query.Ask, name string) (*measured, error) {
	if strings.EqualFold(path.Ext(name), ".svg") {
		text, err := s.texts.Get(ctx, ask, name)
		if err != nil {
			return nil, err
		}
		width, height, err := drawingSize(text)
		if err != nil {
			return nil, Errors{{File: name, Message: err.Error(), Hint: "give its svg element a width and a height, or a viewBox"}}
		}
		return &measured{width, height, "svg"}, nil
	}
	data, err := s.bytes(name)
	if err != nil {
		ask.Brief() // it may be too large to be read, and is not digested either
		return nil, err
	}
	if _, err := s.digests.Get(ctx, ask, name); err != nil {
		return nil, err
	}
	if isJxl(data) {
		var p *imagepb.Pixels
		err := s.weigh(ctx, s.options.Memory, func(ctx context.Context) (err error) {
			p, err = s.decodePicture(ctx, name, data)
			return err
		})
		var missing *missingTool
		if errors.As(err, &missing) {
			ask.Brief() // it may be there next time
			return nil, Errors{{File: name, Message: "can't be measured: " + missing.Error(), Hint: "install it, or convert the picture"}}
		}
		if err != nil {
			return nil, err
		}
		if p.Kept != "" && p.Width == 0 {
			return nil, Errors{{File: name, Message: "can't be measured: " + p.Kept, Hint: "scale it down, or convert it to sRGB"}}
		}
		return &measured{int64(p.Width), int64(p.Height), "jxl"}, nil
	}
	return s.headed(ctx, name, data)
}

// headed measures a picture by its header: any but JPEG XL, whose header does
// not tell.
func (b *build) headed(ctx context.Context, name string, data []byte) (*measured, error) {
	if asset.IsAVIF(data) {
		if width, height := asset.AVIFSize(data); width > 0 {
			return &measured{int64(width), int64(height), "avif"}, nil
		}
		return nil, Errors{{File: name, Message: "is no AVIF that can be read", Hint: "write the file anew"}}
	}
	if isWebp(data) {
		if width, height := asset.Size(data); width > 0 {
			return &measured{int64(width), int64(height), "webp"}, nil
		}
		return nil, Errors{{File: name, Message: "is no WebP that can be read", Hint: "write the file anew"}}
	}
	m, err := call(ctx, b, "image", name, b.Image.Measure, &imagepb.MeasureRequest{Path: name, Data: data})
	if err != nil {
		return nil, err
	}
	format := m.Format
	if format == "jpeg" {
		format = "jpg"
	}
	return &measured{int64(m.Width), int64(m.Height), format}, nil
}

// drawingSize is the size of an SVG as its root element says it, in pixels.
func drawingSize(text string) (width, height int64, err error) {
	root, err := drawingRoot(text)
	if err != nil {
		return 0, 0, err
	}
	return sizeOf(root)
}

func drawingRoot(text string) (xml.StartElement, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	for {
		token, err := d.Token()
		if err != nil {
			return xml.StartElement{}, fmt.Errorf("is no SVG that can be read: %w", err)
		}
		root, is := token.(xml.StartElement)
		if !is {
			continue
		}
		if root.Name.Local != "svg" {
			return root, fmt.Errorf("is no SVG: its first element is %s", root.Name.Local)
		}
		return root, nil
	}
}

// sidesInStyle is a side that a drawing's own style sheet may give it.
var sidesInStyle = regexp.MustCompile(`(?i)<style[^>]*>(?s:.*?)(?:^|[^-\w])(?:width|height|all)\s*:`)

// drawingRatio is width by height of a drawing as browsers take them, such as
// "24/16.5", or empty where it may have no ratio of its own: then one that is
// given counts.
func drawingRatio(text string) string {
	root, err := drawingRoot(text)
	if err != nil || sidesInStyle.MatchString(text) {
		return ""
	}
	for _, a := range root.Attr {
		if a.Name.Local == "style" || a.Name.Local == "preserveAspectRatio" && strings.Contains(a.Value, "none") {
			return ""
		}
	}
	w, h, boxW, boxH := sidesOf(root)
	if w <= 0 || h <= 0 {
		w, h = boxW, boxH
	}
	if !(w > 0 && h > 0 && w < math.MaxInt32 && h < math.MaxInt32) {
		return ""
	}
	return strconv.FormatFloat(w, 'f', -1, 32) + "/" + strconv.FormatFloat(h, 'f', -1, 32)
}

// sizeOf takes a side that is missing, or a part of something else, from the
// viewBox.
func sizeOf(root xml.StartElement) (width, height int64, err error) {
	w, h, boxW, boxH := sidesOf(root)
	if boxW > 0 && boxH > 0 {
		switch {
		case w == 0 && h == 0:
			w, h = boxW, boxH
		case w == 0:
			w = h * boxW / boxH
		case h == 0:
			h = w * boxH / boxW
		}
	}
	if !(w > 0 && h > 0 && w < math.MaxInt32 && h < math.MaxInt32) {
		return 0, 0, errors.New("does not say how large it is")
	}
	return int64(math.Round(w)), int64(math.Round(h)), nil
}

// sidesOf are the sides and the viewBox of a drawing, in pixels; 0 for one that
// is missing or a part of something else.
func sidesOf(root xml.StartElement) (w, h, boxW, boxH float64) {
	for _, a := range root.Attr {
		switch a.Name.Local {
		case "width":
			w = pixelsOf(a.Value)
		case "height":
			h = pixelsOf(a.Value)
		case "viewBox":
			if box := strings.FieldsFunc(a.Value, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' }); len(box) == 4 {
				boxW, boxH = pixelsOf(box[2]), pixelsOf(box[3])
			}
		}
	}
	return w, h, boxW, boxH
}

// units of lengths in pixels, as CSS has them.
var units = map[string]float64{"": 1, "px": 1, "pt": 96. / 72, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4}

// pixelsOf is a length in pixels; 0 if it is none that stands for itself.
func pixelsOf(length string) float64 {
	length = strings.TrimSpace(length)
	number := strings.TrimRight(length, "abcdefghijklmnopqrstuvwxyz%")
	unit, known := units[length[len(number):]]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || n < 0 {
		return 0
	}
	return n * unit
}

package image

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"

	"ddc/internal/icc"
)

// A format is known by its first bytes. Its header is read before its pixels,
// so that too large a picture can be refused first.
type format struct {
	name   string
	short  string
	magic  string
	config func(io.Reader) (image.Config, error)
	decode func(data []byte, config image.Config) (*image.NRGBA, error)
}

func formats() []format {
	return []format{
		{"PNG", "png", "\x89PNG\r\n\x1a\n", png.DecodeConfig, decodePNG},
		{"JPEG", "jpeg", "\xff\xd8\xff", jpeg.DecodeConfig, decodeJPEG},
		{"GIF", "gif", "GIF8", gif.DecodeConfig, decodeGIF},
	}
}

func decode(data []byte) (*image.NRGBA, error) {
	f, config, err := readHeader(data)
	if err != nil {
		return nil, err
	}
	picture, err := f.decode(data, config)
	if err != nil {
		return nil, fmt.Errorf("cannot decode %s: %w", f.name, err)
	}
	return picture, nil
}

// readHeader says what a file is, and refuses a picture that is too large.
func readHeader(data []byte) (format, image.Config, error) {
	for _, f := range formats() {
		if !bytes.HasPrefix(data, []byte(f.magic)) {
			continue
		}
		config, err := f.config(bytes.NewReader(data))
		if err == nil {
			err = checkSize(config.Width, config.Height)
		}
		if err != nil {
			return f, config, fmt.Errorf("cannot decode %s: %w", f.name, err)
		}
		return f, config, nil
	}
	if other := otherFormat(data); other != "" {
		return format{}, image.Config{}, fmt.Errorf("%w: it is %s", errOutOfReach, other)
	}
	return format{}, image.Config{}, fmt.Errorf("not a PNG, JPEG or GIF file (%d bytes, starting %q)", len(data), data[:min(len(data), 8)])
}

// errOutOfReach is wrapped by the errors of pictures that browsers may show,
// and this package does not read.
var errOutOfReach = errors.New("beyond this decoder")

// isOutOfReach says whether a picture may be sound, though it was not decoded.
func isOutOfReach(err error) bool {
	var inJPEG jpeg.UnsupportedError
	var inPNG png.UnsupportedError
	return errors.Is(err, icc.ErrUnsupported) || errors.Is(err, errOutOfReach) || errors.As(err, &inJPEG) || errors.As(err, &inPNG)
}

// otherFormat names a picture of a format that browsers know too, whatever its
// file is called; empty if it is none.
func otherFormat(data []byte) string {
	if len(data) >= 12 && string(data[4:8]) == "ftyp" {
		if slices.Contains([]string{"avif", "avis", "mif1", "heic"}, string(data[8:12])) {
			return "AVIF or HEIF"
		}
	}
	for name, magic := range map[string]string{"BMP": "BM", "an icon": "\x00\x00\x01\x00", "TIFF": "II*\x00"} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return name
		}
	}
	return ""
}

func decodePNG(data []byte, _ image.Config) (*image.NRGBA, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	picture := toNRGBA(m)
	transform, err := icc.OfPNG(data)
	if err != nil {
		return nil, err
	}
	if transform != nil {
		transform.Apply(picture.Pix)
	}
	return upright(picture, pngOrientation(data)), nil
}

func decodeJPEG(data []byte, _ image.Config) (*image.NRGBA, error) {
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	picture := toNRGBA(m)
	_, grey := m.(*image.Gray)
	if err := toSRGB(picture, jpegProfile(data), grey); err != nil {
		return nil, err
	}
	return upright(picture, orientation(data)), nil
}

// decodeGIF puts the first frame on a transparent picture of the file's size:
// the frame may be smaller.
func decodeGIF(data []byte, config image.Config) (*image.NRGBA, error) {
	m, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	frame, ok := m.(*image.Paletted)
	if !ok {
		return nil, fmt.Errorf("first frame is a %T", m)
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, config.Width, config.Height))
	copyPaletted(canvas, frame.Rect.Min, frame)
	return canvas, nil
}

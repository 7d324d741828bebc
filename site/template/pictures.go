package template

import (
	"fmt"
	"strconv"
	"strings"

	"ddc/internal/suggest"
)

// Resize is what resize_image is asked for. Width and Height are in pixels, 0
// where they are not given.
type Resize struct {
	Path          string
	Width, Height int
	// Op is one of scale, fit_width, fit_height, fit and fill.
	Op string
	// Format is one of jpg, png, webp and jxl; "auto" is that of the file
	// itself.
	Format string
	// Quality is 1 to 100.
	Quality int
}

// DefaultQuality is that of a resized picture.
const DefaultQuality = 75

// The choices of resize_image, with what each needs.
var (
	resizeOps     = []string{"fill", "fit", "fit_height", "fit_width", "scale"}
	resizeFormats = []string{"auto", "jpeg", "jpg", "jxl", "png", "webp"}
)

// maxSide bounds the sides of a resized picture.
const maxSide = 16383 // the most that WebP has

// pictureSteps is what it costs to have a picture resized.
const pictureSteps = 2000

func imageMetadata(r *render, args []value) (value, error) {
	path, err := r.pathOf(args[0])
	if err != nil {
		return undefined, err
	}
	missing, err := flagOr(args[1], "allow_missing", false)
	if err != nil {
		return undefined, err
	}
	if err := r.work(fileSteps); err != nil {
		return undefined, err
	}
	if r.funcs.ImageMetadata == nil {
		return undefined, errNoFunction
	}
	found, err := r.funcs.ImageMetadata(path, !missing)
	if err != nil {
		return undefined, err
	}
	return wrap(found, r.paths.call("get_image_metadata", strconv.Quote(path))), nil
}

func resizeImage(r *render, args []value) (value, error) {
	asked := Resize{}
	var err error
	if asked.Path, err = r.pathOf(args[0]); err != nil {
		return undefined, err
	}
	if asked.Width, err = sideOr(args[1], "width"); err != nil {
		return undefined, err
	}
	if asked.Height, err = sideOr(args[2], "height"); err != nil {
		return undefined, err
	}
	if asked.Op, err = choiceOr(args[3], "op", "fill", resizeOps); err != nil {
		return undefined, err
	}
	if asked.Format, err = choiceOr(args[4], "format", "auto", resizeFormats); err != nil {
		return undefined, err
	}
	if asked.Format == "jpeg" {
		asked.Format = "jpg"
	}
	quality, err := wholeOr(args[5], "quality", DefaultQuality)
	if err != nil {
		return undefined, err
	}
	if quality < 1 || quality > 100 {
		return undefined, fmt.Errorf("quality is to be 1 to 100, not %d", quality)
	}
	asked.Quality = int(quality)
	if err := asked.complete(); err != nil {
		return undefined, err
	}
	if err := r.work(pictureSteps); err != nil {
		return undefined, err
	}
	if r.funcs.ResizeImage == nil {
		return undefined, errNoFunction
	}
	made, err := r.funcs.ResizeImage(asked)
	if err != nil {
		return undefined, err
	}
	written := fmt.Sprintf("%q, width=%d, height=%d, op=%q, format=%q, quality=%d", asked.Path, asked.Width, asked.Height, asked.Op, asked.Format, asked.Quality)
	return wrap(made, r.paths.call("resize_image", written)), nil
}

// complete says which side is missing, or one too many.
func (a Resize) complete() error {
	switch {
	case a.Op == "fit_width":
		if a.Width == 0 || a.Height != 0 {
			return &missing{`op="fit_width" takes a width and no height`, `write width alone, or op="fit"`}
		}
	case a.Op == "fit_height":
		if a.Height == 0 || a.Width != 0 {
			return &missing{`op="fit_height" takes a height and no width`, `write height alone, or op="fit"`}
		}
	case a.Width == 0 || a.Height == 0:
		return &missing{fmt.Sprintf("op=%q takes a width and a height", a.Op), `write both, or op="fit_width" or op="fit_height"`}
	}
	return nil
}

// sideOr is a side of a picture, or 0.
func sideOr(arg value, name string) (int, error) {
	if arg.absent() {
		return 0, nil
	}
	side, err := wholeOr(arg, name, 0)
	if err == nil && (side < 1 || side > maxSide) {
		err = fmt.Errorf("%s is to be 1 to %d pixels, not %d", name, maxSide, side)
	}
	return int(side), err
}

// choiceOr is one of some texts.
func choiceOr(arg value, name, otherwise string, choices []string) (string, error) {
	chosen, err := textOr(arg, name, otherwise)
	if err != nil {
		return "", err
	}
	for _, c := range choices {
		if c == chosen {
			return c, nil
		}
	}
	hint := "there are " + strings.Join(choices, ", ")
	if near := suggest.Nearest(chosen, choices); near != "" {
		hint = "did you mean " + strconv.Quote(near) + "?"
	}
	return "", &missing{fmt.Sprintf("%s is not to be %q", name, chosen), hint}
}

package html

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"ddc/internal/markup"
)

// sizesOf says how wide an image is shown, as the attribute sizes does: what
// the author says there, else as wide as the author's width, in a style or an
// attribute, and else as the picture, or as the window if that is narrower.
//
// A picture that a style sheet gives its natural size (width:auto) is as wide
// as this says. Where an author gives both sides and object-fit cuts something
// off, the side that is kept whole counts.
func sizesOf(a markup.Attributes, width, height int32) string {
	if own := a.Value("sizes"); own != "" {
		return own
	}
	shown := float64(width)
	style := declared(a.Value("style"))
	if most, unit := length(style["max-width"]); unit == "px" {
		shown = min(shown, most)
	}
	if style["width"] != "" {
		switch n, unit := length(style["width"]); unit {
		case "px":
			return pixels(min(n, shown))
		case "%", "vw":
			return upTo(n, shown)
		}
		return upTo(100, shown)
	}
	w, unit := length(a.Value("width"))
	switch {
	case unit == "%":
		return upTo(w, shown)
	case unit == "px" && w < shown:
		if h, unit := length(a.Value("height")); unit == "px" {
			w = max(w, h*float64(width)/float64(height))
		}
		return pixels(min(w, shown))
	case unit == "":
		if h, unit := length(a.Value("height")); unit == "px" && h < float64(height) {
			return pixels(h * float64(width) / float64(height))
		}
	}
	return upTo(100, shown)
}

func pixels(n float64) string { return strconv.Itoa(max(1, int(math.Ceil(n)))) + "px" }

// upTo is a part of the window, but no more than a number of pixels: what the
// picture stands in is mostly no wider than the window.
func upTo(percent, most float64) string {
	if percent <= 0 {
		return pixels(most)
	}
	return fmt.Sprintf("(max-width:%s) %svw, %s", pixels(most*100/percent), strconv.FormatFloat(percent, 'f', -1, 64), pixels(most))
}

// lengthOf is a number with its unit: pixels, if an attribute has none.
var lengthOf = regexp.MustCompile(`^\s*(\d{1,6}(?:\.\d{1,6})?)\s*(px|%|vw)?\s*(?:!\s*important)?\s*$`)

// length is that of an attribute or a declaration. Its unit is px, % or vw, and
// empty where it is none of these.
func length(text string) (n float64, unit string) {
	found := lengthOf.FindStringSubmatch(strings.ToLower(text))
	if found == nil {
		return 0, ""
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil || n <= 0 {
		return 0, ""
	}
	if found[2] == "" {
		return n, "px"
	}
	return n, found[2]
}

// declared are the declarations of a style attribute that have a plain value.
func declared(style string) map[string]string {
	all := map[string]string{}
	for one := range strings.SplitSeq(style, ";") {
		if name, value, ok := strings.Cut(one, ":"); ok {
			all[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
		}
	}
	return all
}

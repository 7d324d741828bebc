package html

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"ddc/internal/markup"
	"ddc/plugins/html/htmlpb"
)

// image rewrites an <img>. If a picture is known for its src, image puts it
// into a <picture> with a <source> for each type, and adds the size, lazy
// loading (not for the page's first picture) and the placeholder. Attributes
// that the author wrote win.
//
// The placeholder is a background that the loaded image covers, however it fits
// its box: no handler has to take it away, which a page's policy may forbid.
//
// An image that is already in a <picture> gets its sources there, after the
// author's own. An image with a srcset of its own gets none, since a browser
// would choose a source before the srcset. An image that ends an <svg> gets
// none either, since a <picture> means nothing inside an <svg>.
func (r *rewriter) image(t markup.Token, inPicture bool) {
	r.references(t)
	src := t.Attributes.Value("src")
	if ratio, ok := lookup(r.base, r.GetRatios(), src); ok && !inPicture {
		if replaced, is := r.newURL(src); is {
			src = replaced
		}
		r.drawings.show(t.Attributes, src, ratio.value)
		return
	}
	found, ok := lookup(r.base, r.GetPictures(), src)
	if !ok {
		return
	}
	picture := found.value
	if sources := sourceTags(picture, t.Attributes); sources != "" && !t.Attributes.Has("srcset") && !t.BrokeOut {
		if inPicture {
			r.page.Insert(t.Start, sources)
		} else {
			r.page.Insert(t.Start, "<picture>"+sources)
			r.page.Insert(t.End, "</picture>")
		}
	}
	r.size(t.Attributes, int(picture.GetWidth()), int(picture.GetHeight()))
	if len(picture.GetSources()) == 0 {
		return
	}
	if r.shown && !t.Attributes.Has("loading") {
		r.page.AddAttribute(t.Attributes, "loading", "lazy")
	}
	r.shown = true
	if !t.Attributes.Has("decoding") {
		r.page.AddAttribute(t.Attributes, "decoding", "async")
	}
	if picture.GetPlaceholder() != "" && !t.Attributes.Has("style") {
		r.page.AddAttribute(t.Attributes, "style", "background:url("+escapeCSSURL.Replace(picture.GetPlaceholder())+") center/contain no-repeat content-box")
	}
}

// escapeCSSURL escapes a URL so that it can stand in an unquoted url().
var escapeCSSURL = strings.NewReplacer(`"`, "%22", "'", "%27", "(", "%28", ")", "%29", " ", "%20", "\n", "", `\`, "%5C")

// size adds width and height. If the author gave one of them, the other follows
// from the picture's ratio.
//
// A width in the image's style leaves its height to the ratio, which a height
// that is added would not: then the height fits that width or, where it is not
// of pixels, the ratio itself is added.
func (r *rewriter) size(a markup.Attributes, width, height int) {
	if width <= 0 || height <= 0 {
		return
	}
	switch hasWidth, hasHeight := a.Has("width"), a.Has("height"); {
	case !hasWidth && !hasHeight:
		style := declared(a.Value("style"))
		if style["height"] == "" && (style["width"] != "" || style["max-width"] != "") {
			r.styled(a, style, width, height)
			return
		}
		if n, unit := length(style["height"]); unit == "px" && style["width"] == "" {
			width, height = max(1, int(math.Round(n*float64(width)/float64(height)))), max(1, int(math.Round(n)))
		}
		r.page.AddAttribute(a, "width", strconv.Itoa(width))
		r.page.AddAttribute(a, "height", strconv.Itoa(height))
	case !hasHeight:
		r.scaled(a, "height", a.Value("width"), float64(height)/float64(width))
	case !hasWidth:
		r.scaled(a, "width", a.Value("height"), float64(width)/float64(height))
	}
}

// styled adds the sizes of an image whose style has a width or bounds it.
func (r *rewriter) styled(a markup.Attributes, style map[string]string, width, height int) {
	shown, unit := length(style["width"])
	if style["width"] == "" {
		shown, unit = float64(width), "px"
	}
	if style["max-width"] != "" {
		most, of := length(style["max-width"])
		if unit == "px" && of == "px" {
			shown = min(shown, most)
		} else {
			unit = "" // it depends on what is around it
		}
	}
	if unit == "px" {
		r.page.AddAttribute(a, "width", strconv.Itoa(max(1, int(math.Round(shown)))))
		r.page.AddAttribute(a, "height", strconv.Itoa(max(1, int(math.Round(shown*float64(height)/float64(width))))))
		return
	}
	if style["width"] == "" {
		r.page.AddAttribute(a, "width", strconv.Itoa(width))
	}
	if style["aspect-ratio"] == "" {
		own := a.Find("style")
		r.page.SetAttribute(own, strings.TrimRight(own.Value, "; \t\n")+fmt.Sprintf(";aspect-ratio:%d/%d", width, height))
	}
}

// scaled adds the side that other times ratio is, unless other is no number of
// pixels ("50%").
func (r *rewriter) scaled(a markup.Attributes, name, other string, ratio float64) {
	if pixels, err := strconv.Atoi(strings.TrimSpace(other)); err == nil && pixels > 0 {
		r.page.AddAttribute(a, name, strconv.Itoa(max(1, int(math.Round(float64(pixels)*ratio)))))
	}
}

// sourceTags are the <source> elements of a picture, in the request's order:
// best first.
//
// A style sheet may give the image its natural size, which depends on sizes:
// without sizes an icon would be as wide as the window. A picture with one
// variant needs no sizes, since it is shown as the file is.
func sourceTags(picture *htmlpb.Picture, of markup.Attributes) string {
	var out strings.Builder
	for _, source := range picture.GetSources() {
		if len(source.GetVariants()) == 0 {
			continue
		}
		fmt.Fprintf(&out, `<source srcset="%s"`, markup.Quoted(srcset(picture, source)))
		if of.Value("sizes") != "" || !isWhole(picture, source) {
			fmt.Fprintf(&out, ` sizes="%s"`, markup.Quoted(sizesOf(of, picture.GetWidth(), picture.GetHeight())))
		}
		fmt.Fprintf(&out, ` type="%s">`, markup.Quoted(source.GetType()))
	}
	return out.String()
}

func srcset(picture *htmlpb.Picture, source *htmlpb.Picture_Source) string {
	var variants []string
	for _, variant := range source.GetVariants() {
		address := strings.ReplaceAll(variant.GetUrl(), " ", "%20")
		if !isWhole(picture, source) {
			address = fmt.Sprintf("%s %dw", address, variant.GetWidth())
		}
		variants = append(variants, address)
	}
	return strings.Join(variants, ", ")
}

// isWhole says whether a source's only variant has the picture's own size.
func isWhole(picture *htmlpb.Picture, source *htmlpb.Picture_Source) bool {
	variants := source.GetVariants()
	return len(variants) == 1 && variants[0].GetWidth() == picture.GetWidth()
}

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
	found, ok := lookup(r.base, r.GetPictures(), t.Attributes.Value("src"))
	if !ok {
		return
	}
	picture := found.value
	if sources := sourceTags(picture, t.Attributes.Value("sizes")); sources != "" && !t.Attributes.Has("srcset") && !t.BrokeOut {
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
func (r *rewriter) size(a markup.Attributes, width, height int) {
	if width <= 0 || height <= 0 {
		return
	}
	switch hasWidth, hasHeight := a.Has("width"), a.Has("height"); {
	case !hasWidth && !hasHeight:
		r.page.AddAttribute(a, "width", strconv.Itoa(width))
		r.page.AddAttribute(a, "height", strconv.Itoa(height))
	case !hasHeight:
		r.scaled(a, "height", a.Value("width"), float64(height)/float64(width))
	case !hasWidth:
		r.scaled(a, "width", a.Value("height"), float64(width)/float64(height))
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
// variant needs no sizes, since it is shown as the file is. With several
// variants, sizes asks for one as wide as the window, but never wider than the
// picture.
func sourceTags(picture *htmlpb.Picture, sizes string) string {
	var out strings.Builder
	for _, source := range picture.GetSources() {
		if len(source.GetVariants()) == 0 {
			continue
		}
		fmt.Fprintf(&out, `<source srcset="%s"`, markup.Quoted(srcset(picture, source)))
		if sizes == "" && !isWhole(picture, source) {
			width := picture.GetWidth()
			fmt.Fprintf(&out, ` sizes="(max-width:%dpx) 100vw, %dpx"`, width, width)
		} else if sizes != "" {
			fmt.Fprintf(&out, ` sizes="%s"`, markup.Quoted(sizes))
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

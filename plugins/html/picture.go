package html

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"ddc/plugins/html/htmlpb"
)

// image rewrites an <img>. If a picture is known for its src, the image is put into a <picture> with a <source> for each type,
// and gets its size, lazy loading and the placeholder; attributes that the author wrote win.
//
// An image that already is in a <picture> gets its sources in there, behind the author's own. An image with a srcset of its own
// gets none, since a source would be chosen before it.
func (r *rewriter) image(t token, inPicture bool) {
	r.references(t)
	found, ok := lookup(r.base, r.pictures, t.attributes.value("src"))
	if !ok {
		return
	}
	picture := found.value
	if sources := sourceTags(picture, t.attributes.value("sizes")); sources != "" && !t.attributes.has("srcset") {
		if inPicture {
			r.page.insert(t.start, sources)
		} else {
			r.page.insert(t.start, "<picture>"+sources)
			r.page.insert(t.end, "</picture>")
		}
	}
	r.size(t.attributes, int(picture.GetWidth()), int(picture.GetHeight()))
	for _, wanted := range [][2]string{{"loading", "lazy"}, {"decoding", "async"}} {
		if !t.attributes.has(wanted[0]) {
			r.page.addAttribute(t.attributes, wanted[0], wanted[1])
		}
	}
	if picture.GetPlaceholder() != "" && !t.attributes.has("style") {
		r.page.addAttribute(t.attributes, "style", "background:url("+escapeCSSURL.Replace(picture.GetPlaceholder())+") center/cover no-repeat")
		if !t.attributes.has("onload") {
			r.page.addAttribute(t.attributes, "onload", "this.style.background='none'")
		}
	}
}

// escapeCSSURL lets any URL stand in an unquoted url().
var escapeCSSURL = strings.NewReplacer(`"`, "%22", "'", "%27", "(", "%28", ")", "%29", " ", "%20", "\n", "", `\`, "%5C")

// size adds width and height. Where the author gave one of them, the other follows from the picture's ratio.
func (r *rewriter) size(a attributes, width, height int) {
	if width <= 0 || height <= 0 {
		return
	}
	switch hasWidth, hasHeight := a.has("width"), a.has("height"); {
	case !hasWidth && !hasHeight:
		r.page.addAttribute(a, "width", strconv.Itoa(width))
		r.page.addAttribute(a, "height", strconv.Itoa(height))
	case !hasHeight:
		r.scaled(a, "height", a.value("width"), float64(height)/float64(width))
	case !hasWidth:
		r.scaled(a, "width", a.value("height"), float64(width)/float64(height))
	}
}

// scaled adds the side that other times ratio is, unless other is no number of pixels ("50%").
func (r *rewriter) scaled(a attributes, name, other string, ratio float64) {
	if pixels, err := strconv.Atoi(strings.TrimSpace(other)); err == nil && pixels > 0 {
		r.page.addAttribute(a, name, strconv.Itoa(max(1, int(math.Round(float64(pixels)*ratio)))))
	}
}

// sourceTags are the <source> elements of a picture, best first as the request lists them.
func sourceTags(picture *htmlpb.Picture, sizes string) string {
	var out strings.Builder
	for _, source := range picture.GetSources() {
		var variants []string
		for _, variant := range source.GetVariants() {
			variants = append(variants, fmt.Sprintf("%s %dw", strings.ReplaceAll(variant.GetUrl(), " ", "%20"), variant.GetWidth()))
		}
		if len(variants) == 0 {
			continue
		}
		fmt.Fprintf(&out, `<source srcset="%s"`, escapeDouble.Replace(strings.Join(variants, ", ")))
		if sizes != "" {
			fmt.Fprintf(&out, ` sizes="%s"`, escapeDouble.Replace(sizes))
		}
		fmt.Fprintf(&out, ` type="%s">`, escapeDouble.Replace(source.GetType()))
	}
	return out.String()
}

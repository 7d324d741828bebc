package html

import (
	"slices"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// drawings gathers the images of a page that show a drawing, and writes a rule
// that gives each its ratio: with one side from a style sheet, it takes its
// place before it has come.
//
// Attributes width and height would do more, and too much: a drawing that a
// style sheet makes 24px high would be as wide as its file says. A ratio after
// auto counts only until the image has one of its own, so nothing is drawn in
// another way. The rule has no specificity, and stands in a layer before all
// others, so that whatever the author says of a ratio wins.
//
// A drawing that is shown in its own size is left alone: there is no rule for
// it that leaves one alone in a row (contain-intrinsic-size lets it shrink).
type drawings struct {
	ratios    []string
	addresses map[string][]string // by ratio
	at        int                 // where the rule goes; 0 is nowhere
	settled   bool
	policy    bool // the page says itself what it may load
}

// place finds where the rule goes: before the first style sheet, or after all
// that the head says of the page, since its encoding must come early.
func (d *drawings) place(t markup.Token, text string) {
	if d.settled || t.Foreign || t.Kind == html.CommentToken || t.Kind == html.DoctypeToken {
		return
	}
	start := t.Kind == html.StartTagToken
	switch t.Name {
	case "": // a text, which the body begins with
		d.settled = !t.RawText && strings.TrimSpace(text) != ""
	case "title":
		if !start {
			d.at = t.End
		}
	case "meta":
		d.policy = d.policy || strings.EqualFold(strings.TrimSpace(t.Attributes.Value("http-equiv")), "content-security-policy")
		if d.at > 0 {
			d.at = t.End
		}
	case "link":
		if slices.Contains(strings.Fields(strings.ToLower(t.Attributes.Value("rel"))), "stylesheet") {
			d.at, d.settled = t.Start, true
		}
	case "style", "noscript", "template":
		d.at, d.settled = t.Start, true
	case "html", "head", "base", "script":
		d.settled = t.Name == "head" && !start
	default:
		d.settled = true
	}
}

// show notes an image with what its address has become.
func (d *drawings) show(a markup.Attributes, address, ratio string) {
	if a.Has("width") && a.Has("height") || a.Has("srcset") {
		return
	}
	if d.addresses == nil {
		d.addresses = map[string][]string{}
	}
	if d.addresses[ratio] == nil {
		d.ratios = append(d.ratios, ratio)
	}
	if !slices.Contains(d.addresses[ratio], address) {
		d.addresses[ratio] = append(d.addresses[ratio], address)
	}
}

// rule is a <style>, or nothing.
func (d *drawings) rule() string {
	if len(d.ratios) == 0 || d.at == 0 || d.policy {
		return ""
	}
	var out strings.Builder
	out.WriteString("<style>@layer{")
	for _, ratio := range d.ratios {
		var images []string
		for _, address := range d.addresses[ratio] {
			images = append(images, `img[src="`+escapeCSSText.Replace(address)+`"]`)
		}
		out.WriteString(":where(" + strings.Join(images, ",") + "){aspect-ratio:auto " + ratio + "}")
	}
	out.WriteString("}</style>")
	return out.String()
}

// escapeCSSText escapes what ends a text of CSS, or a <style>.
var escapeCSSText = strings.NewReplacer(`"`, `\22 `, `\`, `\5c `, "<", `\3c `, "\n", `\a `, "\r", `\d `, "\f", `\c `)

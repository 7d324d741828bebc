package html

import (
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// reference is an attribute that holds a URL, or a list of them (srcset).
type reference struct {
	attribute *markup.Attribute
	list      bool
}

// references are the attributes of a start tag that refer to something. <base
// href> is not one: it says how to read the others.
func references(t markup.Token) []reference {
	if t.Kind != html.StartTagToken || t.Name == "base" {
		return nil
	}
	var found []reference
	for i := range t.Attributes.List {
		a := &t.Attributes.List[i]
		switch a.Name {
		case "href", "src", "poster", "xlink:href":
			found = append(found, reference{attribute: a})
		case "data":
			if t.Name == "object" {
				found = append(found, reference{attribute: a})
			}
		case "content":
			if t.Name == "meta" && isPreview(t.Attributes) {
				found = append(found, reference{attribute: a})
			}
		case "srcset", "imagesrcset":
			found = append(found, reference{attribute: a, list: true})
		}
	}
	return found
}

// isPreview reports whether a <meta> names an image, a film, a sound or a page,
// as link previews do.
func isPreview(of markup.Attributes) bool {
	for _, key := range []string{"property", "name", "itemprop"} {
		switch strings.ToLower(strings.TrimSpace(of.Value(key))) {
		case "og:image", "og:image:url", "og:image:secure_url", "og:video", "og:video:url", "og:video:secure_url",
			"og:audio", "og:audio:url", "og:audio:secure_url", "og:url",
			"twitter:image", "twitter:image:src", "twitter:player", "twitter:player:stream",
			"msapplication-tileimage", "image", "thumbnailurl", "contenturl":
			return true
		}
	}
	return false
}

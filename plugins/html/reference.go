package html

import (
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// reference is an attribute that refers to something, and how.
type reference struct {
	attribute *markup.Attribute
	form      form
	// quiet is set for what is rewritten, but is no link that can be dead: only
	// a script, or a server, knows what it means.
	quiet bool
}

// form is the way in which an attribute's value holds URLs.
type form int

const (
	oneURL    form = iota
	srcsetURL      // URLs with descriptors, between commas
	wordURLs       // URLs between spaces
	refresh        // "5; url=/x"
	document       // a page of its own (srcdoc)
	jsonData       // JSON, whose strings may be URLs
)

// references are the attributes of a start tag that refer to something. <base
// href> is not one: it says how to read the others.
func references(t markup.Token) []reference {
	if t.Kind != html.StartTagToken || t.Name == "base" {
		return nil
	}
	var found []reference
	for i := range t.Attributes.List {
		a := &t.Attributes.List[i]
		if f, quiet, ok := formOf(t, a); ok {
			found = append(found, reference{a, f, quiet})
		}
	}
	return found
}

func formOf(t markup.Token, a *markup.Attribute) (f form, quiet, ok bool) {
	switch a.Name {
	case "href", "src", "poster", "xlink:href":
		return oneURL, false, true
	case "data":
		return oneURL, false, t.Name == "object"
	case "srcset", "imagesrcset":
		return srcsetURL, false, true
	case "content":
		switch {
		case t.Name != "meta":
			return 0, false, false
		case strings.EqualFold(strings.TrimSpace(t.Attributes.Value("http-equiv")), "refresh"):
			return refresh, true, true
		}
		return oneURL, false, isPreview(t.Attributes)
	case "formaction", "action", "background", "cite", "longdesc":
		return oneURL, true, true
	case "ping":
		return wordURLs, true, true
	case "srcdoc":
		return document, true, t.Name == "iframe"
	}
	return dataForm(a)
}

// dataForm is how an attribute for scripts holds URLs. Those that load late
// ("data-src", "data-srcset", "data-bg") may be relative. In others only a
// path from the root is surely one.
func dataForm(a *markup.Attribute) (f form, quiet, ok bool) {
	name, isData := strings.CutPrefix(a.Name, "data-")
	value := strings.TrimSpace(a.Value)
	switch {
	case !isData || value == "":
		return 0, false, false
	case strings.HasSuffix(name, "srcset"):
		return srcsetURL, true, true
	case value[0] == '{' || value[0] == '[':
		return jsonData, true, true
	case value[0] == '/', loadsLate(name):
		return oneURL, true, true
	}
	return 0, false, false
}

func loadsLate(name string) bool {
	for _, part := range strings.Split(name, "-") {
		switch part {
		case "src", "href", "url", "bg", "background", "image", "img", "poster", "original", "lazy", "thumb", "full":
			return true
		}
	}
	return false
}

// isPreview reports whether a <meta> names an image, a film, a sound or a page,
// as link previews do, or a file of the kind that Windows asks for.
func isPreview(of markup.Attributes) bool {
	for _, key := range []string{"property", "name", "itemprop"} {
		switch name := strings.ToLower(strings.TrimSpace(of.Value(key))); name {
		case "og:image", "og:image:url", "og:image:secure_url", "og:video", "og:video:url", "og:video:secure_url",
			"og:audio", "og:audio:url", "og:audio:secure_url", "og:url",
			"twitter:image", "twitter:image:src", "twitter:player", "twitter:player:stream",
			"msapplication-tileimage", "msapplication-config", "image", "thumbnailurl", "contenturl":
			return true
		default:
			if strings.HasPrefix(name, "msapplication-") && strings.HasSuffix(name, "logo") {
				return true
			}
		}
	}
	return false
}

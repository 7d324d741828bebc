package html

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
	"ddc/plugins/html/htmlpb"
)

// rewriter replaces a page's URLs and images.
type rewriter struct {
	page     *markup.Page
	base     *url.URL
	urls     map[string]string
	pictures map[string]*htmlpb.Picture
}

func (r *rewriter) rewrite() string {
	inPicture := false
	r.page.Walk(func(t markup.Token) {
		switch {
		case t.Name == "picture":
			inPicture = t.Kind == html.StartTagToken
		case t.Kind == html.StartTagToken && t.Name == "img":
			r.image(t, inPicture)
		default:
			r.references(t)
		}
	})
	return r.page.Edited()
}

// references replaces the URLs of one start tag.
func (r *rewriter) references(t markup.Token) {
	for _, ref := range references(t) {
		if ref.list {
			r.page.SetAttribute(ref.attribute, mapSrcset(ref.attribute.Value, r.newURL))
		} else if replaced, found := r.newURL(ref.attribute.Value); found {
			r.page.SetAttribute(ref.attribute, replaced)
		}
	}
}

// newURL is what a URL becomes: the URL in urls, or the fallback of a picture,
// whose original is not part of the site.
func (r *rewriter) newURL(rawURL string) (string, bool) {
	if found, ok := lookup(r.base, r.urls, rawURL); ok {
		return found.with(found.value), true
	}
	if found, ok := lookup(r.base, r.pictures, rawURL); ok && found.value.GetFallback() != "" {
		return found.with(found.value.GetFallback()), true
	}
	return "", false
}

// match is what a URL stands for, and the parts of the URL that are kept.
type match[T any] struct {
	value  T
	origin string // "https://example.org" where the URL named the site's own host
	suffix string // query and fragment
}

// with is the new URL for a path. It escapes spaces, which would end the URL
// early in a srcset.
func (m match[T]) with(path string) string {
	path = strings.ReplaceAll(path, " ", "%20")
	if hasScheme(path) {
		return path
	}
	if strings.ContainsAny(path, "?#") {
		return m.origin + path
	}
	return m.origin + path + m.suffix
}

// lookup finds what is known of a URL: as written, without query and fragment,
// and as the path it leads to from base.
func lookup[T any](base *url.URL, known map[string]T, rawURL string) (match[T], bool) {
	rawURL = strings.TrimSpace(rawURL)
	if value, ok := known[rawURL]; ok {
		return match[T]{value: value}, true
	}
	before, suffix := split(rawURL)
	if before == "" {
		return match[T]{}, false
	}
	if value, ok := known[before]; ok {
		return match[T]{value: value, suffix: suffix}, true
	}
	origin := ""
	if !isLocal(before) {
		if base.Host == "" {
			return match[T]{}, false
		}
		origin = base.Scheme + "://" + base.Host
		local, ok := strings.CutPrefix(before, origin+"/")
		if !ok {
			return match[T]{}, false
		}
		before = "/" + local
	}
	path, ok := resolvePath(base, before)
	if !ok {
		return match[T]{}, false
	}
	for _, key := range []string{path, (&url.URL{Path: path}).EscapedPath()} {
		if value, ok := known[key]; ok {
			return match[T]{value: value, origin: origin, suffix: suffix}, true
		}
	}
	return match[T]{}, false
}

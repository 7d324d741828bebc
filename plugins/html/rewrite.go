package html

import (
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
	"ddc/plugins/html/htmlpb"
)

// rewriter replaces a page's URLs and images.
type rewriter struct {
	*htmlpb.RewriteRequest
	page *markup.Page
	base *url.URL
	// shown is set once the page has shown a picture: the first one is likely
	// to be in sight, and does not wait.
	shown bool
	depth int // of documents in documents

	inPicture bool
	inJSON    jsonKind
	drawings  drawings
}

// maxDocuments is how deep a page in the srcdoc of a page in a srcdoc is read.
const maxDocuments = 4

func (r *rewriter) rewrite() string {
	r.page.Walk(r.token)
	r.end()
	return r.page.Edited()
}

// end adds what takes the whole page to know.
func (r *rewriter) end() {
	if rule := r.drawings.rule(); rule != "" {
		r.page.Insert(r.drawings.at, rule)
	}
}

func (r *rewriter) token(t markup.Token) {
	r.drawings.place(t, r.page.Source[t.Start:t.End])
	switch {
	case t.Kind == html.TextToken && t.RawText && r.inJSON != noJSON:
		text := r.page.Source[t.Start:t.End]
		if replaced := r.json(text, r.inJSON); replaced != text {
			r.page.Replace(t.Start, t.End, replaced)
		}
	case t.Name == "picture":
		r.inPicture = t.Kind == html.StartTagToken
	case t.Kind == html.StartTagToken && t.Name == "img":
		r.image(t, r.inPicture)
	default:
		r.references(t)
	}
	if t.Kind != html.TextToken {
		r.inJSON = jsonKindOf(t)
	}
}

// references replaces the URLs of one start tag, and what it says of the files
// that they lead to. A link that saves a file stays, since the file's name is
// what it is saved as.
func (r *rewriter) references(t markup.Token) {
	if t.Attributes.Has("download") {
		if href := t.Attributes.Find("href"); href != nil && r.GetPrefix() != "" && r.lacksPrefix(strings.TrimSpace(href.Value)) {
			r.page.SetAttribute(href, r.GetPrefix()+strings.TrimSpace(href.Value))
		}
		return
	}
	newURL := r.newURL
	if strings.Contains(t.Attributes.Value("type"), "/") {
		newURL = r.original
	}
	for _, ref := range references(t) {
		value := ref.attribute.Value
		switch ref.form {
		case oneURL:
			if replaced, found := newURL(value); found {
				r.page.SetAttribute(ref.attribute, replaced)
				r.derived(t, replaced)
			}
		case srcsetURL:
			r.page.SetAttribute(ref.attribute, mapSrcset(value, newURL))
		case wordURLs:
			r.page.SetAttribute(ref.attribute, mapWords(value, newURL))
		case refresh:
			r.page.SetAttribute(ref.attribute, mapRefresh(value, newURL))
		case jsonData:
			r.page.SetAttribute(ref.attribute, r.json(value, plainJSON))
		case document:
			if r.depth < maxDocuments {
				inner := &rewriter{RewriteRequest: r.RewriteRequest, page: &markup.Page{Source: value}, base: r.base, depth: r.depth + 1}
				r.page.SetAttribute(ref.attribute, inner.rewrite())
			}
		}
	}
}

// lacksPrefix says whether an address is a path from the site's root.
func (r *rewriter) lacksPrefix(address string) bool {
	return strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") && !strings.HasPrefix(address+"/", r.GetPrefix()+"/")
}

// derived lets the attributes that are derived from a file's bytes follow them.
func (r *rewriter) derived(t markup.Token, address string) {
	if a := t.Attributes.Find("integrity"); a != nil {
		switch digest, changed := r.GetIntegrity()[address]; {
		case changed && digest == "":
			r.page.Replace(a.At, a.After, "")
		case changed:
			r.page.SetAttribute(a, digest)
		}
	}
	if a := t.Attributes.Find("type"); a != nil {
		if kind, changed := r.GetTypes()[address]; changed {
			r.page.SetAttribute(a, kind)
		}
	}
}

// newURL is what a URL becomes: the URL in urls, or the fallback of a picture,
// whose original is not part of the site.
func (r *rewriter) newURL(rawURL string) (string, bool) {
	if found, ok := lookup(r.base, r.GetUrls(), rawURL); ok {
		return found.with(found.value), true
	}
	if found, ok := lookup(r.base, r.GetPictures(), rawURL); ok && found.value.GetFallback() != "" {
		return found.with(found.value.GetFallback()), true
	}
	return "", false
}

// original is what a URL becomes where the file is to be of the type that it
// was written in.
func (r *rewriter) original(rawURL string) (string, bool) {
	if found, ok := lookup(r.base, r.GetOriginals(), rawURL); ok {
		return found.with(found.value), true
	}
	return r.newURL(rawURL)
}

var (
	word       = regexp.MustCompile(`[^ \t\n\f\r]+`)
	refreshURL = regexp.MustCompile(`(?is)^([^;,]*[;,]\s*url\s*=\s*)(?:"([^"]*)|'([^']*)|([^"'].*))`)
)

// mapWords replaces URLs between spaces.
func mapWords(value string, replace func(string) (string, bool)) string {
	return word.ReplaceAllStringFunc(value, func(one string) string {
		if replaced, found := replace(one); found {
			return replaced
		}
		return one
	})
}

// mapRefresh replaces the URL of a <meta http-equiv=refresh>.
func mapRefresh(value string, replace func(string) (string, bool)) string {
	at := refreshURL.FindStringSubmatchIndex(value)
	if at == nil {
		return value
	}
	for group := 2; group <= 4; group++ {
		start, end := at[2*group], at[2*group+1]
		if start < 0 {
			continue
		}
		if replaced, found := replace(value[start:end]); found {
			return value[:start] + replaced + value[end:]
		}
	}
	return value
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
		m.origin = ""
	}
	if strings.ContainsAny(path, "?#") {
		return m.origin + path
	}
	return m.origin + path + m.suffix
}

// lookup finds what is known of a URL: as written, without query and fragment,
// and as the path it leads to from base.
func lookup[T any](base *url.URL, known map[string]T, rawURL string) (match[T], bool) {
	if len(known) == 0 {
		return match[T]{}, false
	}
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

package site

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"ddc/plugins/html/htmlpb"
	"ddc/site/config"
)

// A site may lie below a folder of its host. All phases have its addresses as
// from the site's own root. Prefixes come where addresses are written: those of
// files with their names (statics.settle), and those of pages here.

// rebase says what becomes of the addresses on a page that name no file of the
// site's own: they get the prefix of the site. A whole address of a file of the
// site follows the file.
func rebase(base config.Base, t *tree, all *statics, p *page, text string, links []*htmlpb.Link, request *htmlpb.RewriteRequest) {
	for _, link := range links {
		raw := strings.TrimSpace(link.Url)
		if local, whole := ownPath(base, raw); whole {
			if f := all.at("/", local); f != nil {
				if i := strings.IndexAny(raw, "?#"); i >= 0 {
					raw = raw[:i]
				}
				request.Urls[raw] = base.Origin + f.mark()
			}
			continue
		}
		if base.Prefix != "" && strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") && all.at(p.base(), raw) == nil && !t.prefixed(base, raw) {
			request.Urls[raw] = base.Prefix + raw
		}
	}
	for _, raw := range rootPaths(base, text) {
		if t.has(raw) && all.at("/", raw) == nil && !t.prefixed(base, raw) {
			request.Urls[raw] = base.Prefix + raw
		}
	}
}

// prefixed says whether an address has the base's prefix already, as its author
// has written it.
func (t *tree) prefixed(base config.Base, address string) bool {
	rest, has := strings.CutPrefix(address, base.Prefix)
	return has && (rest == "" || rest[0] == '/') && !t.has(address) && t.has(rest)
}

// fromRoot is what is written like a path from the root, without query and
// fragment, and not the rest of a longer address.
var fromRoot = regexp.MustCompile(`(?:^|[^\w/.:<])(/(?:[^/\s"'<>&?#\\][^\s"'<>&?#\\]*)?)`)

// rootPaths are the paths from the root in a text, each once, if they have to
// get a prefix: what is no link of a page may be an address too, as in JSON, in
// what a form is sent to, or in a page within the page.
func rootPaths(base config.Base, text string) (found []string) {
	if base.Prefix == "" {
		return nil
	}
	texts := []string{text}
	if plain := strings.ReplaceAll(text, `\/`, "/"); plain != text {
		texts = append(texts, plain)
	}
	seen := map[string]bool{}
	for _, text := range texts {
		for _, at := range fromRoot.FindAllStringSubmatchIndex(text, -1) {
			if raw := text[at[2]:at[3]]; !seen[raw] {
				seen[raw] = true
				found = append(found, raw)
			}
		}
	}
	return found
}

// ownPath is the path from the site's root of a whole address of the site. It
// may be without a scheme (//example.org/a); neither in a scheme nor in a host
// do capitals count.
func ownPath(base config.Base, address string) (local string, own bool) {
	if !base.Known() {
		return "", false
	}
	rest, found := cutFold(address, base.Origin)
	if !found {
		rest, found = cutFold(address, hostOf(base))
	}
	rest, own = strings.CutPrefix(rest, base.Prefix)
	if !found || !own || rest != "" && !strings.ContainsAny(rest[:1], "/?#") {
		return "", false
	}
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	return rest, true
}

// hostOf is the origin of whole addresses without its scheme: //example.org.
func hostOf(base config.Base) string { return base.Origin[strings.Index(base.Origin, "//"):] }

// cutFold is strings.CutPrefix to which capitals do not count.
func cutFold(text, prefix string) (rest string, found bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return text, false
	}
	return text[len(prefix):], true
}

// wholeToo adds, to the addresses that a page may name, the same as whole
// addresses: the JSON of a page has those (linked data).
func wholeToo(base config.Base, text string, of map[string]string) {
	if !base.Known() || base.Prefix == "" {
		return // the html plugin knows the host itself
	}
	folder := hostOf(base) + base.Prefix + "/"
	if !strings.Contains(text, folder) && !strings.Contains(text, strings.ReplaceAll(folder, "/", `\/`)) {
		return
	}
	for _, name := range sortedKeys(of) {
		if strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "//") && strings.HasPrefix(of[name], beforeMark) {
			of[base.Origin+base.Prefix+name] = base.Origin + of[name]
		}
	}
}

// has says whether a page has an address.
func (t *tree) has(address string) bool {
	u, err := url.Parse(address)
	return err == nil && t.byRoute[path.Clean("/"+u.Path)] != nil
}

// inside is the address within the site of a link that names the site's own
// host, or the link itself.
func (t *targets) inside(target *url.URL) *url.URL {
	if t.base == (config.Base{}) {
		return target
	}
	if local, own := ownPath(t.base, target.String()); own {
		if inner, err := url.Parse(local); err == nil {
			inner.Scheme, inner.Host = "https", home
			return inner
		}
	}
	if rest, has := strings.CutPrefix(target.Path, t.base.Prefix+"/"); has && t.base.Prefix != "" && target.Host == home && !t.tree.has(target.Path) {
		inner := *target
		inner.Path, inner.RawPath = "/"+rest, ""
		return &inner
	}
	return target
}

// searchFiles are the files of the search that scripts load.
var searchFiles = []string{"pagefind.js", "pagefind-ui.js", "pagefind-modular-ui.js", "pagefind-highlight.js", "pagefind-ui.css", ""}

// resizedName finds the addresses of resized pictures.
var resizedName = regexp.MustCompile(`/` + resizedFolder + `[^/"'()\s\\?#]+`)

// withMade adds the addresses of what the build makes, the search and resized
// pictures, to those that a script or a style may name, where the site has a
// prefix.
func withMade(base config.Base, text string, urls map[string]string) map[string]string {
	if base.Prefix == "" {
		return urls
	}
	if strings.Contains(text, searchFolder) {
		for _, file := range searchFiles {
			urls[searchFolder+file] = base.Prefix + searchFolder + file
		}
	}
	for _, name := range resizedName.FindAllString(text, -1) {
		urls[name] = base.Prefix + name
	}
	return urls
}

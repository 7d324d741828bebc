package html

import (
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"

	"ddc/internal/markup"
)

// markDeadLinks adds data-dead to each <a> and <area> whose target is no known
// route, and lists these targets as written.
func markDeadLinks(source string, base *url.URL, knownRoutes []string) (string, []string) {
	known := make(map[string]bool, len(knownRoutes))
	for _, route := range knownRoutes {
		known[withoutSlash(route)] = true
	}
	p := &markup.Page{Source: source}
	var dead []string
	p.Walk(func(t markup.Token) {
		if t.Kind != html.StartTagToken || t.Name != "a" && t.Name != "area" {
			return
		}
		href := t.Attributes.Value("href")
		target, ok := routeOf(base, href)
		if !ok || known[withoutSlash(target)] {
			return
		}
		dead = append(dead, href)
		if !t.Attributes.Has("data-dead") {
			p.AddAttribute(t.Attributes, "data-dead", target)
		}
	})
	return p.Edited(), dead
}

func withoutSlash(route string) string { return "/" + strings.Trim(route, "/") }

// routeOf is the path that a link leads to, if that is a page of this site.
// Other sites, places on the same page, paths that the server answers itself
// ("/__...") and files that are assets by their extension are not.
func routeOf(base *url.URL, href string) (string, bool) {
	href = strings.TrimSpace(href)
	before, _ := split(href)
	if before == "" || !isLocal(href) {
		return "", false
	}
	target, ok := resolvePath(base, before)
	if !ok || strings.HasPrefix(target, "/__") || isAsset(target) {
		return "", false
	}
	return target, true
}

// isAsset says whether a target is a file that a site serves beside its pages.
// Markdown is not: a link to a source file that became no page leads nowhere.
func isAsset(target string) bool {
	switch strings.ToLower(path.Ext(target)) {
	case ".css", ".js", ".mjs", ".json", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp", ".jxl", ".avif",
		".woff", ".woff2", ".ttf", ".otf", ".eot", ".pdf", ".zip", ".tar", ".gz", ".xml", ".txt", ".wasm",
		".mp3", ".mp4", ".webm":
		return true
	}
	return false
}

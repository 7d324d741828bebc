package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"path"
	"slices"
	"sort"
	"strings"

	parser "golang.org/x/net/html"

	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/internal/suggest"
)

// page is one version of a page. It does not change.
type page struct {
	html string
	hash string
}

func newPage(text string) *page {
	sum := sha256.Sum256([]byte(text))
	return &page{html: text, hash: hex.EncodeToString(sum[:12])}
}

// version is what a browser gets to see of a page.
type version struct {
	page   *page // nil if there was never a good one
	faults diagnostic.Errors
	dead   []string // links of the page that lead nowhere, as they are written
	err    error    // of the machinery
}

// tag is an entity tag of a content.
func tag(content []byte) string {
	sum := sha256.Sum256(content)
	return fmt.Sprintf("\"%x\"", sum[:12])
}

// deadLinks are the links of a page to pages that are not there.
func (s *Server) deadLinks(ctx context.Context, name string, p *page) []string {
	base := s.baseOf(name)
	leads := map[string]string{} // by link
	var links, addresses []string
	for _, link := range linksOf(p.html) {
		to, within := base.resolve(link)
		if _, again := leads[link]; !within || again {
			continue
		}
		at := strings.TrimSuffix(to, "index.html")
		if extension := path.Ext(at); extension != "" && extension != ".html" {
			continue // a file: what the site has of those is known only once all are made
		}
		if !strings.HasSuffix(at, "/") {
			at += "/"
		}
		leads[link] = at
		links, addresses = append(links, link), append(addresses, at)
	}
	absent, err := ask(ctx, s, func(ctx context.Context) ([]string, error) { return s.site.Absent(ctx, addresses) })
	if err != nil || len(absent) == 0 {
		return nil
	}
	dead := map[string]bool{}
	for _, at := range absent {
		dead[at] = true
	}
	return slices.DeleteFunc(links, func(link string) bool { return !dead[leads[link]] })
}

// base is what a page's links are resolved against.
type base struct {
	url    *url.URL
	prefix string
}

func (s *Server) baseOf(name string) base {
	prefix := s.site.Prefix()
	return base{&url.URL{Scheme: "http", Host: "site.invalid", Path: prefix + addressOf(name)}, prefix}
}

// resolve gives the address in the site, without the prefix, that a link leads
// to.
func (b base) resolve(link string) (address string, within bool) {
	to, err := b.url.Parse(strings.TrimSpace(link))
	if err != nil || to.Host != b.url.Host || to.Scheme != b.url.Scheme {
		return "", false
	}
	address, within = strings.CutPrefix(to.Path, b.prefix)
	return address, within && strings.HasPrefix(address, "/")
}

// linksOf are the links of a page that a reader can follow.
func linksOf(text string) []string {
	var links []string
	tokens := parser.NewTokenizer(strings.NewReader(text))
	for {
		switch tokens.Next() {
		case parser.ErrorToken:
			return links
		case parser.StartTagToken, parser.SelfClosingTagToken:
			name, more := tokens.TagName()
			if string(name) != "a" && string(name) != "area" {
				continue
			}
			for more {
				var key, value []byte
				key, value, more = tokens.TagAttr()
				if string(key) == "href" {
					links = append(links, string(value))
				}
			}
		}
	}
}

const (
	// nearest bounds how many routes a page of a missing address offers.
	nearest = 5
	// mostMeant bounds how much of an address is compared with routes, in
	// bytes.
	mostMeant = 200
)

// missingPage is the page of an address where there is none, with the addresses
// that were most likely meant.
func (s *Server) missingPage(ctx context.Context, address *url.URL) string {
	routes, err := s.routes(ctx)
	if err != nil {
		routes = nil
	}
	meant := strings.TrimPrefix(address.Path, s.site.Prefix())
	meant = meant[:min(len(meant), mostMeant)]
	far := make(map[string]int, len(routes))
	for _, route := range routes {
		far[route.URL] = suggest.Distance(strings.ToLower(strings.TrimSuffix(meant, "/")), strings.ToLower(strings.TrimSuffix(route.URL, "/")))
	}
	sort.SliceStable(routes, func(i, j int) bool { return far[routes[i].URL] < far[routes[j].URL] })
	var list strings.Builder
	for _, route := range routes[:min(nearest, len(routes))] {
		to := url.URL{Path: s.site.Prefix() + route.URL}
		fmt.Fprintf(&list, "<li><a href=\"%s\">%s</a></li>\n", html.EscapeString(relativeTo(address.EscapedPath(), to.EscapedPath())), spelled(route.URL))
	}
	body := fmt.Sprintf("<h1>Not found</h1>\n<p>The site has no page <code>%s</code>. ", spelled(address.Path))
	if list.Len() > 0 {
		body += "The nearest are:</p>\n<ul>\n" + list.String() + "</ul>\n"
	} else {
		body += "</p>\n"
	}
	return plainPage("Not found", body)
}

// spelled is a name as a page shows it.
func spelled(name string) string { return html.EscapeString(printable.Line(name)) }

// relativeTo writes an absolute address so that it works from another one, also
// where a proxy puts a folder before both.
func relativeTo(from, to string) string {
	return "." + strings.Repeat("/..", max(strings.Count(from, "/")-1, 0)) + to
}

// faultPage is what is shown of a site, or a page, that was never good.
func faultPage(faults diagnostic.Errors) string {
	var list strings.Builder
	for _, p := range faults {
		fmt.Fprintf(&list, "<pre>%s</pre>\n", html.EscapeString(p.String()))
	}
	return plainPage("Fault", "<h1>The page can't be made yet</h1>\n"+list.String())
}

func plainPage(title, body string) string {
	return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\"><title>" + title +
		"</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:45rem;margin:3rem auto;padding:0 1rem}pre{white-space:pre-wrap}</style></head>\n<body>" + body + "</body></html>\n"
}

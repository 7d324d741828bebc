package html

import (
	"net/url"
	"path"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/markup"
)

// parseBase reads the URL of a page. An empty one is the site's root.
func parseBase(base string) (*url.URL, error) {
	if base == "" {
		base = "/"
	}
	parsed, err := url.Parse(base)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "base %q is no URL: %v", base, err)
	}
	return parsed, nil
}

// split cuts a URL before its query or fragment.
func split(rawURL string) (before, suffix string) {
	if i := strings.IndexAny(rawURL, "?#"); i >= 0 {
		return rawURL[:i], rawURL[i:]
	}
	return rawURL, ""
}

// hasScheme reports whether a URL names a scheme ("https:", "mailto:"), which
// makes it absolute.
func hasScheme(rawURL string) bool {
	for i := range len(rawURL) {
		switch c := rawURL[i]; {
		case c == ':':
			return i > 0
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return false
}

// isLocal reports whether a URL leads somewhere on the same site.
func isLocal(rawURL string) bool {
	return rawURL != "" && !strings.HasPrefix(rawURL, "//") && !hasScheme(rawURL)
}

// resolvePath is the absolute path that a local URL leads to from base.
// Percent-encoding is undone; ".", ".." and double slashes are resolved. A
// slash at the end stays.
func resolvePath(base *url.URL, rawURL string) (string, bool) {
	if markup.IsPlainPath(rawURL) {
		return rawURL, true
	}
	before, _ := split(rawURL)
	reference, err := url.Parse(before)
	if err != nil {
		return "", false
	}
	resolved := base.ResolveReference(reference).Path
	clean := path.Clean("/" + resolved)
	if strings.HasSuffix(resolved, "/") && clean != "/" {
		clean += "/"
	}
	return clean, true
}

// candidate is where the URL of one image stands in a srcset.
type candidate struct {
	start, end int
}

// srcsetCandidates finds the URLs of a srcset as the standard's parser does
// (4.8.4.2.2): a URL ends at whitespace and may hold commas, descriptors end at
// a comma outside parentheses.
func srcsetCandidates(value string) []candidate {
	var found []candidate
	for i := 0; ; {
		for i < len(value) && (markup.IsSpace(value[i]) || value[i] == ',') {
			i++
		}
		if i == len(value) {
			return found
		}
		start := i
		for i < len(value) && !markup.IsSpace(value[i]) {
			i++
		}
		end := start + len(strings.TrimRight(value[start:i], ","))
		found = append(found, candidate{start, end})
		if end < i {
			continue
		}
		for depth := 0; i < len(value) && (depth > 0 || value[i] != ','); i++ {
			switch value[i] {
			case '(':
				depth++
			case ')':
				depth = max(0, depth-1)
			}
		}
	}
}

// mapSrcset replaces the URLs of a srcset and keeps all else.
func mapSrcset(value string, replace func(string) (string, bool)) string {
	var out strings.Builder
	at := 0
	for _, c := range srcsetCandidates(value) {
		if replaced, found := replace(value[c.start:c.end]); found {
			out.WriteString(value[at:c.start])
			out.WriteString(replaced)
			at = c.end
		}
	}
	out.WriteString(value[at:])
	return out.String()
}

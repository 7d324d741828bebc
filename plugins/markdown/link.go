package markdown

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// linkResolver turns links to Markdown files into the URLs of their pages.
type linkResolver struct {
	folder string
	// known is searched as it came. Most pages have few such links, and a map
	// of a large site would cost each page more.
	known []string
	// asked counts the links that were looked up. After many, a map is made.
	asked int
	set   map[string]bool
	// suggested counts the suggestions looked for.
	suggested int
}

const (
	// fewLinks is how many links are looked up one by one.
	fewLinks = 16
	// mostSuggestions bounds the dead links of a page that get a suggestion:
	// each costs a comparison with every path.
	mostSuggestions = 20
	// longestGuess is the longest path that gets a suggestion.
	longestGuess = 256
)

func newLinkResolver(page string, known []string) *linkResolver {
	return &linkResolver{folder: path.Dir(page), known: known}
}

// isKnown reports whether there is a content file at that path.
func (l *linkResolver) isKnown(file string) bool {
	if l.asked++; l.asked <= fewLinks {
		return slices.Contains(l.known, file)
	}
	if l.set == nil {
		l.set = make(map[string]bool, len(l.known))
		for _, path := range l.known {
			l.set[path] = true
		}
	}
	return l.set[file]
}

// suggest finds the path that was probably meant, for the first dead links of a page.
func (l *linkResolver) suggest(file string) string {
	if l.suggested++; l.suggested > mostSuggestions || len(file) > longestGuess {
		return ""
	}
	return nearest(file, l.known)
}

// brokenLink says that a link leads to no file, and which path its author may have meant.
type brokenLink struct{ suggestion string }

// resolve returns the URL of a link. A path after "@/" is relative to the
// content folder, any other path to a .md file to the page's own folder.
// Anything else, such as a URL, an absolute path or a fragment, comes back as
// it is.
func (l *linkResolver) resolve(link string) (string, *brokenLink) {
	target, tail := cutTail(link)
	decoded, err := url.PathUnescape(target)
	if err != nil {
		decoded = target
	}
	var file string
	switch rooted, ok := strings.CutPrefix(decoded, "@/"); {
	case ok:
		file = path.Clean(rooted)
	case relativeMarkdown(decoded):
		file = path.Join(l.folder, decoded)
	default:
		return link, nil
	}
	if !l.isKnown(file) {
		return "", &brokenLink{l.suggest(file)}
	}
	return pageURL(file) + tail, nil
}

// cutTail takes the query and the fragment off a link.
func cutTail(link string) (target, tail string) {
	if i := strings.IndexAny(link, "?#"); i >= 0 {
		return link[:i], link[i:]
	}
	return link, ""
}

func relativeMarkdown(target string) bool {
	if !strings.HasSuffix(target, ".md") || strings.HasPrefix(target, "/") {
		return false
	}
	scheme, _, found := strings.Cut(target, ":")
	return !found || strings.Contains(scheme, "/")
}

// pageURL is where the site puts a content file: guide/intro.md at
// /guide/intro/, guide/_index.md at /guide/.
func pageURL(file string) string {
	name := strings.TrimSuffix(file, ".md")
	if name == "_index" || strings.HasSuffix(name, "/_index") {
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_index"), "/")
	}
	if name == "" {
		return "/"
	}
	return (&url.URL{Path: "/" + name + "/"}).EscapedPath()
}

// nearest finds the path that was probably meant by wanted: one of the same
// name in another folder, or else the one with the fewest edits, if they are
// few.
func nearest(wanted string, paths []string) string {
	best, least := "", len(wanted)/3+2
	sameName := false
	for _, candidate := range paths {
		same := path.Base(candidate) == path.Base(wanted) && path.Base(wanted) != "_index.md"
		if sameName && !same {
			continue
		}
		edits := distance(wanted, candidate)
		better := edits < least || edits == least && best != "" && candidate < best
		if same && !sameName || better {
			best, least, sameName = candidate, edits, same
		}
	}
	return best
}

// distance is the number of characters to insert, delete or change between a and b.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range to {
			change := diagonal
			if r != s {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}

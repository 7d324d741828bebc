package markdown

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// linkResolver turns links to files of the content folder into addresses.
type linkResolver struct {
	folder string
	// addresses by path below the content folder.
	addresses map[string]string
	// paths are the Markdown files among them. They are listed once one is
	// looked for.
	paths []string
	// suggested counts the suggestions looked for.
	suggested int
}

const (
	// mostSuggestions bounds the dead links of a page that get a suggestion:
	// each costs a comparison with every path.
	mostSuggestions = 20
	// longestGuess is the longest path that gets a suggestion.
	longestGuess = 256
)

func newLinkResolver(page string, addresses map[string]string) *linkResolver {
	return &linkResolver{folder: path.Dir(page), addresses: addresses}
}

// suggest finds the path that was probably meant, for the first dead links of a
// page.
func (l *linkResolver) suggest(file string) string {
	if l.suggested++; l.suggested > mostSuggestions || len(file) > longestGuess {
		return ""
	}
	if l.paths == nil {
		for name := range l.addresses {
			if strings.HasSuffix(name, ".md") {
				l.paths = append(l.paths, name)
			}
		}
		slices.Sort(l.paths)
	}
	return nearest(file, l.paths)
}

// brokenLink says that a link leads to no file, and which path its author may
// have meant.
type brokenLink struct{ suggestion string }

// resolve returns the URL of a link. A path after "@/" is relative to the
// content folder, any other relative path to the page's own folder, if there is
// such a file. Anything else, such as a URL, an absolute path or a fragment,
// comes back as it is.
func (l *linkResolver) resolve(link string) (string, *brokenLink) {
	target, tail := cutTail(link)
	decoded, err := url.PathUnescape(target)
	if err != nil {
		decoded = target
	}
	rooted, isRooted := strings.CutPrefix(decoded, "@/")
	file := path.Clean(rooted)
	switch {
	case isRooted:
	case relative(decoded):
		file = path.Join(l.folder, decoded)
	default:
		return link, nil
	}
	if address, known := l.addresses[file]; known {
		return address + tail, nil
	}
	if isRooted || strings.HasSuffix(decoded, ".md") {
		return "", &brokenLink{l.suggest(file)}
	}
	return link, nil
}

// cutTail takes the query and the fragment off a link.
func cutTail(link string) (target, tail string) {
	if i := strings.IndexAny(link, "?#"); i >= 0 {
		return link[:i], link[i:]
	}
	return link, ""
}

func relative(target string) bool {
	if target == "" || strings.HasPrefix(target, "/") {
		return false
	}
	scheme, _, found := strings.Cut(target, ":")
	return !found || strings.Contains(scheme, "/")
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

// distance is the number of characters to insert, delete or change between a
// and b.
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

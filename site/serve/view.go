package serve

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	parser "golang.org/x/net/html"

	"ddc/plugins/html_diff/html_diffpb"
	"ddc/site"
)

// showsNow notes that the page was told of a revision.
func (v *viewer) showsNow(revision uint64) {
	s := v.server
	s.mu.Lock()
	s.shows[v] = revision
	s.mu.Unlock()
	select {
	case s.caught <- struct{}{}:
	default:
	}
}

// headStart bounds how long the check of all pages waits for the open ones.
const headStart = 250 * time.Millisecond

// catchUp waits until the open pages were told of the newest revision: the
// check of all others would take the processors from what is on the way to the
// screen.
func (s *Server) catchUp(ctx context.Context) {
	timer := time.NewTimer(headStart)
	defer timer.Stop()
	for s.isBehind() {
		select {
		case <-s.caught:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// isBehind says whether an open page was not told of the newest revision.
func (s *Server) isBehind() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, revision := range s.shows {
		if revision < s.revision {
			return true
		}
	}
	return false
}

// swap finds what the page loads by a name without a hash, and whose content
// has changed since the page was told of it last. It fails if a script has.
func (v *viewer) swap(ctx context.Context, p *page) (swapped []string, ok bool) {
	before, first := v.assets, v.assets == nil
	v.assets = map[string]string{}
	for _, a := range assetsOf(v.server.baseOf(v.Name), p.html) {
		if site.IsSearch(a.name) {
			continue // it would be made of all pages, on the way to the screen
		}
		f, err := v.server.file(ctx, a.name)
		if err != nil || f.Hashed {
			continue
		}
		now := tagOfFile(f)
		v.assets[a.name] = now
		was, known := before[a.name]
		if first || !known || was == now {
			continue
		}
		if a.script {
			return nil, false
		}
		swapped = append(swapped, a.link)
	}
	return swapped, true
}

func tagOfFile(f *site.File) string {
	if f.Path == "" {
		return tag(f.Data)
	}
	info, err := os.Stat(f.Path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// asset is a file that a page loads.
type asset struct {
	link   string // as the page has it
	name   string
	script bool
}

// assetsOf are the files that a page loads: style sheets, pictures and scripts,
// each once.
func assetsOf(page base, text string) []asset {
	var assets []asset
	seen := map[string]bool{}
	tokens := parser.NewTokenizer(strings.NewReader(text))
	for {
		kind := tokens.Next()
		if kind == parser.ErrorToken {
			return assets
		}
		if kind != parser.StartTagToken && kind != parser.SelfClosingTagToken {
			continue
		}
		t := tokens.Token()
		wanted := map[string]string{"link": "href", "img": "src", "source": "src", "script": "src"}[t.Data]
		for _, a := range t.Attr {
			if wanted == "" || a.Key != wanted || seen[a.Val] {
				continue
			}
			seen[a.Val] = true
			if to, within := page.resolve(a.Val); within && !isPage(nameOf(to)) {
				assets = append(assets, asset{a.Val, nameOf(to), t.Data == "script"})
			}
		}
	}
}

// diffs finds patches, once for all who look at the same page.
type diffs struct {
	differ html_diffpb.HtmlDiffClient

	mu    sync.Mutex
	found *recent[[]patch]
}

// mostDiffs bounds what is remembered, in bytes.
const mostDiffs = 4 << 20

func newDiffs(differ html_diffpb.HtmlDiffClient) *diffs {
	return &diffs{differ: differ, found: newRecent(mostDiffs, func(patches []patch) int {
		size := 0
		for _, p := range patches {
			size += overhead + len(p.HTML) + len(p.Value)
		}
		return size
	})}
}

// of is the patches from one version to another. Two who ask at once may both
// work them out.
func (d *diffs) of(ctx context.Context, from, to *page) ([]patch, error) {
	if d.differ == nil {
		return nil, errNoDiffer
	}
	key := from.hash + to.hash
	d.mu.Lock()
	patches, ok := d.found.get(key)
	d.mu.Unlock()
	if ok {
		return patches, nil
	}
	answer, err := d.differ.Diff(ctx, &html_diffpb.DiffRequest{OldHtml: from.html, NewHtml: to.html})
	if err != nil {
		return nil, fmt.Errorf("compare two versions of a page: %w", err)
	}
	patches = shown(answer.Patches)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found.put(key, patches)
	return patches, nil
}

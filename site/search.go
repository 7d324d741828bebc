package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/printable"
	"ddc/internal/query"
	"ddc/plugins/pagefind/pagefindpb"
	"ddc/site/config"
)

// index is the files of the search.
type index struct {
	files    []*pagefindpb.IndexFile
	warnings []Problem
}

func (x *index) code(c *coder) {
	messages(c, &x.files)
	c.problems(&x.warnings)
}

// IsSearch says whether a file of the output, by its path, is one of the
// search. To ask for it makes every page.
func IsSearch(name string) bool { return strings.HasPrefix("/"+name, searchFolder) }

// hasSearch says whether the site is to have an index.
func (b *build) hasSearch() bool { return b.cfg.Site.Search && !b.options.NoSearch }

// searchTooLarge is the fault of a site whose index needs more memory than
// there is. Pagefind holds the words of all pages, beside all that a build
// holds.
func (b *build) searchTooLarge(pages int, err error) error {
	limit := ""
	if b.options.Limit > 0 {
		limit = ", of which the build may take " + printable.Size(b.options.Limit) + " in all"
	}
	why := err.Error()
	if s, ok := status.FromError(errors.Unwrap(err)); ok {
		why = s.Message()
	}
	return Errors{{Message: fmt.Sprintf("the search of %d pages needs more memory than there is%s: %s", pages, limit, why),
		Hint: "build without it (--no-search, or search #false in " + config.Name + "), or allow more with --memory-limit"}}
}

// makeIndex makes the index over the final pages. Its files keep their names:
// the site's own pages load /pagefind/pagefind-ui.js. It has none if the site
// is to have no search.
func (s *finalPhase) makeIndex(ctx context.Context, ask *query.Ask, _ string) (*index, error) {
	if !s.hasSearch() {
		return &index{}, nil
	}
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	final, err := s.final.All(ctx, ask, t.keys())
	if err != nil {
		return nil, err
	}
	var pages []*pagefindpb.Page
	names := map[*pagefindpb.Page]string{}
	for i, p := range t.pages {
		if !p.written && p.made != nil || p.made != nil && p.made.alone || p.InSearchIndex != nil && !*p.InSearchIndex {
			continue
		}
		one := &pagefindpb.Page{Url: p.URL(), Html: final[i]}
		pages, names[one] = append(pages, one), p.name
	}
	slices.SortFunc(pages, func(x, y *pagefindpb.Page) int { return cmp.Compare(x.Url, y.Url) })
	var n notes
	answer, err := callStream(ctx, s.build, "pagefind", s.Pagefind.BuildIndex, pages, func(i int) string { return names[pages[i]] })
	if status.Code(err) == codes.ResourceExhausted {
		ask.Brief() // with more memory it would not be one
		return nil, s.searchTooLarge(len(pages), err)
	}
	if missing, err := n.without(err, "the site has no search"); !missing && err != nil {
		return nil, err
	}
	if n.list != nil {
		ask.Brief()
	}
	return &index{answer.GetFiles(), n.list}, nil
}

package site

import (
	"cmp"
	"context"
	"slices"

	"ddc/plugins/pagefind/pagefindpb"
)

// search writes the index over the final pages. Its files keep their names: the
// site's own pages load /pagefind/pagefind-ui.js.
func (b *build) search(ctx context.Context) error {
	request := &pagefindpb.BuildIndexRequest{}
	for _, p := range b.pages {
		request.Pages = append(request.Pages, &pagefindpb.Page{Url: p.URL(), Html: p.html})
	}
	slices.SortFunc(request.Pages, func(x, y *pagefindpb.Page) int { return cmp.Compare(x.Url, y.Url) })
	answer, err := call(ctx, b, "pagefind", "", b.Pagefind.BuildIndex, request)
	if missing, err := b.without(err, "the site has no search"); missing || err != nil {
		return err
	}
	for _, f := range answer.Files {
		if err := b.writeFile(f.Path, "the search index", f.Contents); err != nil {
			return err
		}
	}
	return nil
}

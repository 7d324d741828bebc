package site

import (
	"cmp"

	"ddc/site/content"
)

// configValue is what templates see of the configuration.
func (v *values) configValue(home *page) map[string]any {
	s := v.cfg.Site
	taxonomies := []any{}
	for _, t := range s.Taxonomies {
		taxonomies = append(taxonomies, map[string]any{"name": t.Name, "paginate_by": int64(t.PaginateBy), "feed": t.Feed})
	}
	return map[string]any{
		"title": cmp.Or(s.Title, home.title), "description": cmp.Or(s.Description, home.GetDescription()),
		"base_url": s.Base.String(), "base_path": s.Base.Prefix, "author": orNone(s.Author), "default_language": s.Language, "languages": map[string]any{}, "feed_filenames": []any{feedName},
		"generate_feeds": s.Feed, "build_search_index": v.search, "taxonomies": taxonomies, "extra": fromKDL(s.Extra),
		// what templates for Zola ask for, as it is here
		"markdown": map[string]any{
			"highlight_code": true, "highlight_theme": nil, "smart_punctuation": s.Markdown.SmartPunctuation, "render_emoji": false,
			"external_links_target_blank": false, "external_links_no_follow": false, "external_links_no_referrer": false, "bottom_footnotes": true, "lazy_async_image": true,
		},
	}
}

// neighbours tells each page of a section of those before (lower) and after it
// (higher), in the section's order.
func (v *values) neighbours(section *content.Node) {
	for i, n := range section.Pages {
		value := v.pages[n]
		value["lower"], value["higher"] = nil, nil
		if i > 0 {
			value["lower"] = v.brief(section.Pages[i-1])
		}
		if i < len(section.Pages)-1 {
			value["higher"] = v.brief(section.Pages[i+1])
		}
	}
}

// brief is what one page shows of another. It names no further ones, so that no
// value holds itself.
func (v *values) brief(n *content.Node) map[string]any {
	whole := v.pages[n]
	brief := map[string]any{}
	for _, key := range []string{"title", "description", "permalink", "path", "url", "slug", "date", "updated", "weight", "extra", "taxonomies", "authors", "draft", "word_count", "reading_time", "summary"} {
		brief[key] = whole[key]
	}
	return brief
}

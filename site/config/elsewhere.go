package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// elsewhere are settings of other generators, and what to write instead.
var elsewhere = map[string]string{
	"baseURL":              "write base_url",
	"build_search_index":   "write search",
	"compile_sass":         "leave it out: sass/main.scss, and what lies beside it, is compiled",
	"copyright":            "put it into extra { }, and ask for config.extra.copyright",
	"default_language":     "write language",
	"feed_filenames":       "feeds lie in atom.xml; a template of that name makes them otherwise",
	"generate_feed":        "write feed",
	"generate_feeds":       "write feed",
	"generate_robots_txt":  "leave it out: a site with a base_url has a robots.txt, and templates/robots.txt makes another",
	"generate_sitemap":     "leave it out: a site with a base_url has a sitemap.xml",
	"hard_link_static":     "leave it out",
	"highlight_code":       "leave it out: code whose language is named is highlighted",
	"highlight_theme":      "write syntax-highlight { light-theme \"..\"; dark-theme \"..\" }",
	"ignored_content":      "take the files out of the content folder",
	"ignored_static":       "take the files out of the static folder",
	"languageCode":         "write language",
	"languages":            "make a site of each language: one site has one",
	"link_checker":         "write link_check { skip_domain \"..\" }",
	"markup":               "write markdown { } and syntax-highlight { }",
	"menu":                 "put it into data/menu.toml, and ask for data.menu",
	"minify_html":          "leave it out: pages are minified",
	"output_dir":           "write output",
	"paginate":             "write paginate_by in a section's front matter, or at a taxonomy",
	"params":               "write extra { }, and ask for config.extra",
	"permalinks":           "write slug or path in the front matter",
	"render_emoji":         "write the emoji themselves",
	"search_index":         "write search",
	"slugify":              "write slug or path in the front matter where an address should be another",
	"smart_punctuation":    "write markdown { smart_punctuation #true }",
	"taxonomy":             "write taxonomies",
	"theme":                "copy the theme's templates, sass and static folders into the site: they are the site's own then",
	"translations":         "put the texts into data/, and ask for data.NAME",
	"external_links_class": "style them: a[href^=http]",
}

// Elsewhere lists settings of other generators, with what to write instead, by
// name.
func Elsewhere() []Entry {
	var all []Entry
	for _, name := range slices.Sorted(maps.Keys(elsewhere)) {
		all = append(all, Entry{name, elsewhere[name]})
	}
	return all
}

// foreign finds the configuration of another generator in a folder, and gives
// its name and whose it is.
func foreign(folder string) (name, of string) {
	for _, other := range [][2]string{{"zola.toml", "Zola"}, {"config.toml", "Zola or Hugo"}, {"hugo.toml", "Hugo"}, {"hugo.yaml", "Hugo"}, {"_config.yml", "Jekyll"}} {
		if info, err := os.Stat(filepath.Join(folder, other[0])); err == nil && info.Mode().IsRegular() {
			return other[0], other[1]
		}
	}
	return "", ""
}

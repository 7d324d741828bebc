package markdown

import (
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"ddc/internal/diagnostic"
	"ddc/internal/notation"
	"ddc/internal/suggest"
	"ddc/plugins/markdown/markdownpb"
)

// fields is what a page's front matter says.
type fields struct {
	*markdownpb.FrontMatter
	extra map[string]any
}

// key is what front matter may say: a line for the reference, and how it is
// set. set returns what is wanted instead, or "".
type key struct {
	doc string
	set func(f *fields, v any) (wanted string)
}

// keys by name. It is never changed.
var keys = map[string]key{
	"title":               {"the title; if not given, one made of the file's name", func(f *fields, v any) string { return setText(v, &f.Title) }},
	"description":         {"what the page is about, in a sentence", func(f *fields, v any) string { return setOptional(v, &f.Description, setText) }},
	"weight":              {"where the page stands among others, the lightest first (0)", func(f *fields, v any) string { return setNumber(v, math.MinInt32, &f.Weight) }},
	"date":                {"when it was written: 2024-05-01 or 2024-05-01T10:00:00Z", func(f *fields, v any) string { return setDate(v, &f.Date) }},
	"updated":             {"when it was last changed, as date", func(f *fields, v any) string { return setDate(v, &f.Updated) }},
	"draft":               {"whether only a build with --drafts shows it (false)", func(f *fields, v any) string { return setBool(v, &f.Draft) }},
	"slug":                {"the last part of the address, instead of the file's name", func(f *fields, v any) string { return setSlug(v, &f.Slug) }},
	"path":                {"the whole address, instead of the file's path", func(f *fields, v any) string { return setAddress(v, &f.Address) }},
	"aliases":             {"other addresses, which lead here", func(f *fields, v any) string { return setTexts(v, &f.Aliases) }},
	"template":            {"the template, instead of page.html or section.html", func(f *fields, v any) string { return setOptional(v, &f.Template, setText) }},
	"page_template":       {"of a section: the template of its pages", func(f *fields, v any) string { return setText(v, &f.PageTemplate) }},
	"sort_by":             {"of a section: how its pages are sorted: " + inText(sortings) + "; if not given, by weight and then title", setSorting},
	"paginate_by":         {"of a section: how many pages are shown at once (0, all)", func(f *fields, v any) string { return setNumber(v, 0, &f.PaginateBy) }},
	"insert_anchor_links": {"of a section: where the headings of its pages get a link to themselves: " + inText(anchors), setAnchors},
	"redirect_to":         {"of a section: an address that it leads to, instead of being shown", func(f *fields, v any) string { return setText(v, &f.RedirectTo) }},
	"feed":                {"of a section: whether it has an Atom feed (false); generate_feeds is the same", func(f *fields, v any) string { return setBool(v, &f.Feed) }},
	"generate_feeds":      {"the same as feed", func(f *fields, v any) string { return setBool(v, &f.Feed) }},
	"taxonomies":          {"the terms of the page, by taxonomy: [taxonomies] tags = [\"a\", \"b\"]", setTaxonomies},
	"tags":                {"the same as taxonomies.tags", setTags},
	"authors":             {"who wrote the page", func(f *fields, v any) string { return setTexts(v, &f.Authors) }},
	"in_search_index":     {"whether the search finds it (true)", func(f *fields, v any) string { return setOptional(v, &f.InSearchIndex, setBool) }},
	"code_execution":      {"whether its code samples are run (true)", func(f *fields, v any) string { return setOptional(v, &f.CodeExecution, setBool) }},
	"extra":               {"a table of whatever the site's own templates want to know", setExtra},
}

var (
	sortings = []string{"date", "update_date", "title", "weight", "slug", "none"}
	anchors  = []string{"left", "right", "heading", "none"}
)

// elsewhere are keys of other generators, and what to write instead.
var elsewhere = map[string]string{
	"categories":        "write [taxonomies] categories = [..], and name it in the configuration's taxonomies",
	"keywords":          "write [taxonomies] tags = [..], or put it into [extra]",
	"author":            "write authors = [..]",
	"lastmod":           "write updated",
	"publishDate":       "write date",
	"expiryDate":        "a page does not go by itself: write draft = true when it shall",
	"published":         "write draft = true where it would be false",
	"linkTitle":         "put it into [extra], and ask for page.extra.linkTitle",
	"type":              "write template, or page_template in the section",
	"series":            "write [taxonomies] series = [..], and name it in the configuration's taxonomies",
	"cascade":           "write it in each page; page_template is for all pages of a section",
	"headless":          "write template, or put what is in it into data/",
	"lang":              "leave it out: one site has one language",
	"translationKey":    "leave it out: one site has one language",
	"url":               "write path",
	"permalink":         "write path",
	"layout":            "write template",
	"redirect_from":     "write aliases",
	"generate_feed":     "write feed",
	"anchors":           "write insert_anchor_links",
	"render":            "write draft = true, or put what is in it into data/",
	"transparent":       "list the pages of the section inside: get_section(path=..).pages",
	"paginate_path":     "the pages of a list lie at page/2/ and so on",
	"paginate_reversed": "write sort_by, or | reverse in the template",
	"toc":               "put it into [extra], and ask for page.extra.toc",
	"image":             "put it into [extra], and ask for page.extra.image",
	"cover":             "put it into [extra], and ask for page.extra.cover",
	"summary":           "write description, or <!-- more --> behind the text's first part",
}

// Key is one key of front matter, as the reference lists it.
type Key struct{ Name, Doc string }

// Keys lists all keys by name.
func Keys() []Key {
	var all []Key
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		all = append(all, Key{name, keys[name].doc})
	}
	return all
}

// Elsewhere lists keys of other generators, with what to write instead, by
// name.
func Elsewhere() []Key {
	var all []Key
	for _, name := range slices.Sorted(maps.Keys(elsewhere)) {
		all = append(all, Key{name, elsewhere[name]})
	}
	return all
}

// take sets the fields from a table. null counts as missing. language is TOML
// or YAML. The places in what it returns count from the table's first line.
func (f *fields) take(table notation.Table, language string) ([]*markdownpb.Warning, error) {
	var unknown []*markdownpb.Warning
	for _, name := range slices.Sorted(maps.Keys(table.Values)) {
		value := table.Values[name]
		k, known := keys[name]
		if !known {
			unknown = append(unknown, unknownKey(name, table.Keys[name]))
			continue
		}
		if text, scalar := value.(notation.Text); value == nil || scalar && text.Value == nil {
			continue
		}
		if wanted := k.set(f, value); wanted != "" {
			at := table.Places[name]
			return nil, &diagnostic.Problem{Line: at.Line, Col: at.Col,
				Message: fmt.Sprintf("front matter is not valid %s: %s stands where %s is wanted", language, kindOf(value), wanted)}
		}
	}
	return unknown, nil
}

func unknownKey(name string, at notation.Place) *markdownpb.Warning {
	hint := elsewhere[name]
	if near := suggest.Nearest(name, slices.Sorted(maps.Keys(keys))); hint == "" && near != "" {
		hint = "did you mean " + near + "?"
	}
	if hint == "" {
		hint = "what templates want to know goes into [extra]"
	}
	return &markdownpb.Warning{Message: fmt.Sprintf("unknown key %q in the front matter", name), Hint: hint,
		Place: &markdownpb.Place{Line: int32(at.Line), Column: int32(at.Col), Length: int32(utf8.RuneCountInString(name))}}
}

// setOptional sets a field that may be missing.
func setOptional[T any](v any, into **T, set func(any, *T) string) (wanted string) {
	*into = new(T)
	return set(v, *into)
}

// setText takes a number or a date of YAML as well, as it is written.
func setText(v any, into *string) (wanted string) {
	text, ok := v.(notation.Text)
	if !ok {
		return "text"
	}
	*into = text.Written
	return ""
}

func setTexts(v any, into *[]string) (wanted string) {
	const want = "a list of texts"
	list, ok := v.([]any)
	if !ok {
		return want
	}
	for _, item := range list {
		text, is := item.(string)
		if !is {
			return want
		}
		*into = append(*into, text)
	}
	return ""
}

// scalar is a value without how it was written.
func scalar(v any) any {
	if text, is := v.(notation.Text); is {
		return text.Value
	}
	return v
}

func setBool(v any, into *bool) (wanted string) {
	is, ok := scalar(v).(bool)
	if !ok {
		return "true or false"
	}
	*into = is
	return ""
}

func setNumber(v any, least int64, into *int32) (wanted string) {
	n, ok := scalar(v).(int64)
	switch {
	case !ok && least == 0:
		return "a whole number from 0"
	case !ok:
		return "a whole number"
	case n < least || n > math.MaxInt32:
		return fmt.Sprintf("a whole number from %d to %d", least, math.MaxInt32)
	}
	*into = int32(n)
	return ""
}

// setSlug takes one part of an address.
func setSlug(v any, into *string) (wanted string) {
	const want = `one part of an address, as in "my-page",`
	if setText(v, into) != "" || *into == "" || *into == "." || *into == ".." || strings.ContainsAny(*into, "/\\?#\x00") {
		return want
	}
	return ""
}

// setAddress takes the path of an address, with or without slashes around it.
func setAddress(v any, into *string) (wanted string) {
	if setText(v, into) != "" || strings.ContainsAny(*into, "\\?#\x00") || strings.Contains(*into, "://") {
		return `an address of this site, as in "blog/my-page",`
	}
	*into = path.Clean("/" + *into)
	return ""
}

func setSorting(f *fields, v any) (wanted string) {
	if setText(v, &f.SortBy); f.SortBy == "title_bytes" { // Zola's
		f.SortBy = "title"
	}
	return oneOf(f.SortBy, sortings)
}

func setAnchors(f *fields, v any) (wanted string) {
	setText(v, &f.InsertAnchorLinks)
	return oneOf(f.InsertAnchorLinks, anchors)
}

func oneOf(word string, of []string) (wanted string) {
	if slices.Contains(of, word) {
		return ""
	}
	if near := suggest.Nearest(word, of); near != "" {
		return near
	}
	return inText(of)
}

func inText(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func setTaxonomies(f *fields, v any) (wanted string) {
	const want = `a table of lists, as in: tags = ["a", "b"]`
	table, ok := v.(map[string]any)
	if !ok {
		return want
	}
	for name, terms := range table {
		if f.addTerms(name, terms) != "" {
			return want
		}
	}
	return ""
}

func setTags(f *fields, v any) (wanted string) { return f.addTerms("tags", v) }

func (f *fields) addTerms(taxonomy string, v any) (wanted string) {
	terms := &markdownpb.Terms{}
	if wanted := setTexts(v, &terms.Names); wanted != "" {
		return wanted
	}
	if f.Taxonomies == nil {
		f.Taxonomies = map[string]*markdownpb.Terms{}
	}
	if before := f.Taxonomies[taxonomy]; before != nil {
		terms.Names = append(before.Names, terms.Names...)
	}
	f.Taxonomies[taxonomy] = terms
	return ""
}

func setExtra(f *fields, v any) (wanted string) {
	table, ok := v.(map[string]any)
	if !ok {
		return "a table"
	}
	f.extra = table
	return ""
}

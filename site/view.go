package site

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ddc/internal/query"
	"ddc/internal/suggest"
	"ddc/site/template"
)

// view is what one rendering of a page's template sees of the site. The values
// are handed to it whole. Each that it reads is asked for by its path (see
// shownValue), and so becomes one of those that the page depends on: others may
// change.
type view struct {
	*renderPhase
	ctx    context.Context
	ask    *query.Ask
	page   *page
	values *values
	// section is the path of the page's section.
	section string
	// early says that it is of a shortcode: no page has a content yet.
	early bool
	// highlighted says that Markdown of the template has coloured code.
	highlighted bool
	// resized are the pictures that the template has had resized.
	resized []resizedUse
	sizes   resizedSizes
	// failure is what kept a value from being read.
	failure error
}

// newView records the section that a page lies in: that may become another.
func (s *renderPhase) newView(ctx context.Context, ask *query.Ask, p *page) (*view, error) {
	t, err := s.trees.Get(ctx, ask.Aside(), "")
	if err != nil {
		return nil, err
	}
	v := &view{renderPhase: s, ctx: ctx, ask: ask, page: p, values: t.values(), section: p.Path, sizes: resizedSizes{}}
	if !p.Section {
		if v.section, err = s.parents.Get(ctx, ask, p.Path); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// parent is the path of the section that a page lies in.
func (s *treePhase) parent(ctx context.Context, ask *query.Ask, key string) (string, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return "", err
	}
	if p := t.byPath[key]; p != nil && p.Parent != nil {
		return p.Parent.Path, nil
	}
	return "", nil
}

// vars are the variables of the page's template.
func (v *view) vars() (map[string]any, error) {
	data, err := v.dataOf.Get(v.ctx, v.ask.Aside(), "")
	if err != nil {
		return nil, err
	}
	return v.values.of(v.page, data.values), nil
}

// read records that the template has read a path. See package template for what
// paths there are. What functions give is recorded where they are.
func (v *view) read(path string) {
	root, rest := cutRoot(path)
	if v.early && root != "data" && root != "config" && strings.HasSuffix(rest, ".**") {
		_, err := v.trees.Get(v.ctx, v.ask, "") // contents are among them, which are to come
		v.note("", err)
		return
	}
	switch root {
	case "page":
		if v.page.Section {
			return // none, whatever else changes
		}
		root = "page " + v.page.Path
	case "section":
		root = "page " + v.section
	case "root":
		root = "page " + rootPath
	case "config", "data":
	case "paginator", "taxonomy", "term", "terms", "entries", "pages":
		_, err := v.trees.Get(v.ctx, v.ask, "")
		v.note("", err)
		return
	default:
		name, argument, ok := calledWith(root)
		switch {
		case name != "get_section" && name != "get_page":
			return
		case !ok: // more of them than are told apart
			_, err := v.trees.Get(v.ctx, v.ask, "")
			v.note("", err)
			return
		}
		root = "page " + strings.TrimPrefix(argument, "@/")
	}
	v.note("", v.shown.Touch(v.ctx, v.ask, root+"\x00"+rest))
}

// rootPath is the path of the home section.
const rootPath = "_index.md"

// note keeps the error of a read, which ends the rendering.
func (v *view) note(_ string, err error) {
	if v.failure == nil {
		v.failure = err
	}
}

// later makes a value that the template has touched.
func (v *view) later(l template.Later) any {
	if v.early && l.What != laterModified {
		return nil
	}
	if v.page.made != nil && v.page.made.abroad && (l.What == laterContent || l.What == laterSummary) {
		text, err := v.abroad.Get(v.ctx, v.ask, l.What+" "+l.Of)
		v.note("", err)
		return orNone(text)
	}
	value, err := v.make(v.ctx, v.ask, l)
	v.note("", err)
	return value
}

// make makes a value that was left for later.
func (s *renderPhase) make(ctx context.Context, ask *query.Ask, l template.Later) (any, error) {
	if l.What == laterModified {
		at, err := s.modified.Get(ctx, ask, s.pageName(l.Of))
		return at, err
	}
	b, err := s.bodies.Get(ctx, ask, l.Of)
	switch {
	case err != nil:
		return nil, err
	case l.What == laterOutline:
		return outline(b.headings), nil
	case l.What == laterSummary:
		return orNone(b.summary), nil
	case l.What == laterWords:
		return countWords(b.html), nil
	case l.What == laterMinutes:
		return minutesFor(countWords(b.html)), nil
	default:
		return b.html, nil
	}
}

// cutRoot splits a path after its first name or call.
func cutRoot(path string) (root, rest string) {
	depth, quoted := 0, false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && (c == '.' || c == '['):
			return path[:i], path[i:]
		}
	}
	return path, ""
}

// calledWith takes name("argument") apart; ok is false for anything else, which
// may still be a call.
func calledWith(root string) (name, argument string, ok bool) {
	name, rest, called := strings.Cut(root, "(")
	if !called {
		return root, "", false
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil || rest[len(quoted):] != ")" {
		return name, "", false
	}
	argument, err = strconv.Unquote(quoted)
	return name, argument, err == nil
}

// funcs are what the page's template can call.
func (v *view) funcs() template.Funcs {
	return template.Funcs{
		GetURL: v.getURL, Fingerprint: v.fingerprint, GetSection: v.values.section, GetPage: v.getPage,
		LoadData: v.loadData, GetTaxonomy: v.getTaxonomy, GetTaxonomyTerm: v.getTerm, GetTaxonomyURL: v.getTermURL,
		ImageMetadata: v.imageMetadata, ResizeImage: v.resizeImage,
		Markdown: v.markdownOf,
		Now:      v.getNow,
		Language: v.cfg.Site.Language,
		Call:     v.call,
	}
}

func (v *view) getNow() time.Time {
	at, err := v.times.Get(v.ctx, v.ask, "")
	v.note("", err)
	return at
}

// getURL is the templates' function get_url. It gives the address of a page
// ("@/guide/intro.md" or its path alone), and for anything else the path from
// the site's root.
func (v *view) getURL(name string) (string, error) {
	source, isPage := strings.CutPrefix(name, "@/")
	if !isPage {
		return "/" + strings.TrimPrefix(name, "/"), nil
	}
	tail := ""
	if i := strings.IndexAny(source, "?#"); i >= 0 {
		source, tail = source[:i], source[i:]
	}
	switch url, err := v.urls.Get(v.ctx, v.ask, source); {
	case err != nil:
		return "", err
	case url == aDraft:
		return "", &template.Refusal{Message: fmt.Sprintf("%q is a draft", name), Hint: draftHint}
	case url == "":
		return "", fmt.Errorf("%q leads to no page", name)
	default:
		return url + tail, nil
	}
}

// getPage is the templates' function get_page.
func (v *view) getPage(path string) (any, error) {
	path = strings.TrimPrefix(path, "@/")
	if value, known := v.values.others[path]; known {
		return value, nil
	}
	refusal := &template.Refusal{Message: fmt.Sprintf("there is no page %q", path), Hint: "paths count from the content folder, as in \"guide/intro.md\""}
	if _, isSection := v.values.sections[path]; isSection {
		refusal.Hint = "it is a section: write get_section"
	} else if near := suggest.Nearest(path, sortedKeys(v.values.others)); near != "" {
		refusal.Hint = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, refusal
}

// markdownOf is the templates' filter markdown: HTML of a text, as of a page's
// body.
func (v *view) markdownOf(text string) (string, error) {
	known, err := v.known.Get(v.ctx, v.ask, "")
	if err != nil {
		return "", err
	}
	made, err := v.markdown(v.ctx, v.ask, v.page, text, 1, known.named(text))
	if broken, ok := errors.AsType[*brokenLinks](err); ok {
		message, hint := known.leadsNowhere(v.page.Path, broken.list[0])
		return "", &template.Refusal{Message: message, Hint: hint}
	}
	if err != nil {
		return "", err
	}
	v.highlighted = v.highlighted || made.highlighted
	return made.html, nil
}

// shownValue digests what stands at a path that a template has read: key is
// whose value it is, and the path below that.
func (s *renderPhase) shownValue(ctx context.Context, ask *query.Ask, key string) (string, error) {
	root, rest, _ := strings.Cut(key, "\x00")
	var of any
	if root == "data" {
		data, err := s.dataOf.Get(ctx, ask, "")
		if err != nil {
			return "", err
		}
		of = data.values
	} else {
		t, err := s.trees.Get(ctx, ask, "")
		if err != nil {
			return "", err
		}
		of = t.values().at(root)
	}
	var failure error
	c := &canon{later: func(l template.Later) any {
		value, err := s.make(ctx, ask, l)
		if failure == nil {
			failure = err
		}
		return value
	}}
	c.at(of, rest)
	if failure != nil {
		return "", failure
	}
	return string(c.out), c.err
}

// at is what a root of shownValue stands for.
func (v *values) at(root string) any {
	switch path, isPage := strings.CutPrefix(root, "page "); {
	case !isPage:
		return v.site["config"]
	case v.sections[path] != nil:
		return v.sections[path]
	case v.others[path] != nil:
		return v.others[path]
	}
	return nil
}

// at writes what stands at a path below a value. Later values that the template
// has touched are asked for by themselves; they count here only as a part of
// all that lies below.
func (c *canon) at(v any, path string) {
	switch {
	case path == "":
		later := c.later
		c.later = nil
		c.shallow(v)
		c.later = later
	case path == ".**":
		c.deep(v)
	case strings.HasPrefix(path, "[*]"):
		c.items(v, path[len("[*]"):])
	default:
		name, rest, err := cutField(path)
		if err != nil {
			c.fail(err)
			return
		}
		fields, _ := v.(map[string]any)
		field, there := fields[name]
		if !there {
			c.out = append(c.out, 'a') // absent
			return
		}
		c.at(field, rest)
	}
}

func (c *canon) items(v any, rest string) {
	switch v := v.(type) {
	case []any:
		c.number(int64(len(v)))
		for _, item := range v {
			c.at(item, rest)
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			c.text(key)
			c.at(v[key], rest)
		}
	default:
		c.out = append(c.out, 'a')
	}
}

// cutField takes the first field off a path.
func cutField(path string) (name, rest string, err error) {
	if name, dotted := strings.CutPrefix(path, "."); dotted {
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			return name, "", nil
		}
		return name[:end], name[end:], nil
	}
	if quoted, err := strconv.QuotedPrefix(strings.TrimPrefix(path, "[")); err == nil {
		if rest, closed := strings.CutPrefix(path[1+len(quoted):], "]"); closed {
			name, err = strconv.Unquote(quoted)
			return name, rest, err
		}
	}
	return "", "", fmt.Errorf("read the path %q of a template: it is no field", path)
}

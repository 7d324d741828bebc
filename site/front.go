package site

import (
	"context"
	"fmt"
	"path"
	"strings"

	"ddc/internal/query"
	"ddc/internal/slug"
	"ddc/plugins/markdown/markdownpb"
	"ddc/site/asset"
	"ddc/site/content"
)

// draftHint says what to do about a link to a draft.
const draftHint = "take draft out of its front matter, or build with --drafts"

// nodeOf makes a page's node of its path and of what the front matter says.
func (m *meta) nodeOf(key, file string) (*content.Node, error) {
	n := content.NewNode(key)
	n.Title, n.Weight = m.title, int(m.Weight)
	if m.Date != "" {
		n.Date = m.Date // else that of the file's name
	}
	n.Updated, n.SortBy = m.Updated, m.SortBy
	before := n.Route
	n.Move(m.Address, m.Slug)
	if n.Route == "/" && before != "/" {
		return nil, Errors{m.at(file, "path", "the home page is written in _index.md, in the content folder itself", "choose another address")}
	}
	if before == "/" && n.Route != "/" {
		return nil, Errors{m.at(file, "path", "the home page has the address /", "leave path out")}
	}
	if why := slug.Trouble(n.Output()); why != "" && (m.Address != "" || m.Slug != "") {
		key := "slug"
		if m.Address != "" {
			key = "path"
		}
		return nil, Errors{m.at(file, key, why, "choose a shorter one")}
	}
	return n, nil
}

// at is a problem with a key of a file's front matter.
func (m *meta) at(file, key, message, hint string) Problem {
	problem := Problem{File: file, Message: message, Hint: hint}
	if at := m.keys[key]; at != nil {
		problem.Line, problem.Col, problem.Length = int(at.Line), int(at.Column), int(at.Length)
	}
	return problem
}

// clash is the fault of two pages with one address, told where the second says
// its address.
func (t *tree) clash(first, second *content.Node) Problem {
	p := t.bySource[second.Path]
	key := ""
	for _, k := range []string{"slug", "path"} {
		if p.keys[k] != nil {
			key = k
		}
	}
	return p.at(p.name, key, fmt.Sprintf("has the same address as %s: %s", first.Path, second.URL()), "rename one of the two, or give one a slug")
}

func (b *build) leftOut(m *meta) bool { return m.Draft && !b.options.Drafts }

// aside is a file in the content folder that is no page.
type aside struct {
	name string // for people, and to read it by
	path string // below the output folder
}

// addBeside finds the files that lie in the content folder beside
// pages. Each goes where the page or section goes that its folder is of, and
// keeps the rest of its path.
func (t *tree) addBeside(s *treePhase, folder listing) {
	t.asides = map[string]aside{}
	owners := map[string]*page{}
	for _, key := range sortedKeys(t.bySource) {
		if p := t.bySource[key]; p.Section || content.Bundle(p.Path) {
			if folder := path.Dir(p.Path); owners[folder] == nil || p.Section {
				owners[folder] = p
			}
		}
	}
	for i, file := range folder.Paths {
		if path.Ext(file) == ".md" {
			continue
		}
		folderOf := path.Dir(file)
		for owners[folderOf] == nil && folderOf != "." {
			folderOf = path.Dir(folderOf)
		}
		name, owner := file, owners[folderOf]
		if owner != nil {
			if owner.meta != nil && s.leftOut(owner.meta) {
				continue
			}
			name = path.Join(owner.Route[1:], relativeTo(folderOf, file))
			owner.beside = append(owner.beside, name)
		}
		t.asides[file] = aside{folder.Names[i], name}
	}
}

// relativeTo is a path below a folder.
func relativeTo(folder, name string) string {
	if folder == "." {
		return name
	}
	return name[len(folder)+1:]
}

// linkable is what Markdown may link to.
type linkable struct {
	*mentions // the paths below the content folder: of pages, and of the files beside them
	// addresses of all, by these paths.
	addresses map[string]string
	// drafts are the paths of pages that are left out.
	drafts map[string]bool
}

func (l *linkable) digest(c *canon) {
	for _, path := range sortedKeys(l.addresses) {
		c.text(path)
		c.text(l.addresses[path])
	}
	for _, path := range sortedKeys(l.drafts) {
		c.text(path)
	}
}

// findLinkable finds what Markdown may link to.
func (s *treePhase) findLinkable(ctx context.Context, ask *query.Ask, _ string) (*linkable, error) {
	t, err := s.trees.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	l := &linkable{addresses: map[string]string{}, drafts: t.drafts}
	for _, name := range t.paths {
		l.addresses[name] = asset.URL(content.NewNode(name).URL())
		if p := t.bySource[name]; p != nil && p.meta != nil {
			l.addresses[name] = p.base()
		}
	}
	for name, file := range t.asides {
		l.addresses[name] = asset.URL(file.path)
	}
	l.mentions = newMentions(sortedKeys(l.addresses))
	return l, nil
}

// named are the addresses that a text may lead to.
func (l *linkable) named(text string) map[string]string {
	some := map[string]string{}
	for _, name := range l.in(text) {
		some[name] = l.addresses[name]
	}
	return some
}

// leadsNowhere says why a link to a page is broken, and what to do about it.
// From is the path of the page that has the link.
func (l *linkable) leadsNowhere(from string, link *markdownpb.BrokenLink) (message, hint string) {
	target, _, _ := strings.Cut(link.Target, "#")
	rooted, isRooted := strings.CutPrefix(target, "@/")
	if !isRooted {
		rooted = path.Join(path.Dir(from), target)
	}
	if l.drafts[path.Clean(rooted)] {
		return fmt.Sprintf("the link %q leads to a draft", link.Target), draftHint
	}
	message, hint = fmt.Sprintf("the link %q leads to no page", link.Target), "check the path; it counts from the content folder after @/, else from the page's own"
	if link.Suggestion != "" {
		hint = fmt.Sprintf("did you mean %q?", "@/"+link.Suggestion)
	}
	return message, hint
}

// addressOfPage is the address of a page by the path of its source: "" if there
// is no such page, or aDraft.
func (s *treePhase) addressOfPage(ctx context.Context, ask *query.Ask, key string) (string, error) {
	t, err := s.trees.Get(ctx, ask, "")
	switch {
	case err != nil:
		return "", err
	case t.byPath[key] != nil:
		return t.byPath[key].base(), nil
	case t.drafts[key]:
		return aDraft, nil
	}
	return "", nil
}

const aDraft = "draft"

package site

import (
	"context"
	"fmt"
	"path"
	"strings"

	"ddc/plugins/markdown/markdownpb"
	"ddc/site/asset"
	"ddc/site/content"
)

// draftHint says what to do about a link to a draft.
const draftHint = "take draft out of its front matter, or build with --drafts"

// fronts reads the front matter of all pages, and then knows where the files
// beside them go. The pages' faults are kept for the end of the next phase.
func (b *build) fronts(ctx context.Context) error {
	for _, w := range b.cfg.Warnings {
		b.doubt(w)
	}
	if err := each(ctx, b, b.pages, b.frontMatter); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	b.bySource = make(map[string]*page, len(b.pages))
	for _, p := range b.pages {
		b.bySource[p.Path] = p
	}
	b.addBeside()
	return nil
}

// settle gives a page's node what the front matter says of it.
func (p *page) settle(front *markdownpb.FrontMatter) error {
	if front.Title == "" {
		front.Title = content.TitleOf(p.Path)
	}
	if front.Date == "" {
		front.Date = p.Date // of the file's name
	}
	p.Title, p.Weight = front.Title, int(front.Weight)
	p.Date, p.Updated, p.SortBy = front.Date, front.Updated, front.SortBy
	before := p.Route
	p.Move(front.Address, front.Slug)
	if p.Route == "/" && before != "/" {
		return Errors{p.at("path", "the home page is written in _index.md, in the content folder itself", "choose another address")}
	}
	if before == "/" && p.Route != "/" {
		return Errors{p.at("path", "the home page has the address /", "leave path out")}
	}
	return nil
}

// at is a problem with a key of the page's front matter.
func (p *page) at(key, message, hint string) Problem {
	problem := Problem{File: p.file.Name, Message: message, Hint: hint}
	if at := p.keys[key]; at != nil {
		problem.Line, problem.Col, problem.Length = int(at.Line), int(at.Column), int(at.Length)
	}
	return problem
}

// clash is the fault of two pages with one address, told where the second says
// its address.
func (b *build) clash(first, second *content.Node) error {
	p := b.pageOf(second.Path)
	key := ""
	for _, k := range []string{"slug", "path"} {
		if p.keys[k] != nil {
			key = k
		}
	}
	return Errors{p.at(key, fmt.Sprintf("has the same address as %s: %s", first.Path, second.URL()), "rename one of the two, or give one a slug")}
}

// pageOf finds a page that is built, by the path of its source.
func (b *build) pageOf(source string) *page {
	if p := b.bySource[source]; p != nil && p.front != nil && !b.leftOut(p) {
		return p
	}
	return nil
}

// draft finds a page that is left out, by the path of its source.
func (b *build) draft(source string) *page {
	if p := b.bySource[source]; p != nil && p.front != nil && b.leftOut(p) {
		return p
	}
	return nil
}

func (b *build) leftOut(p *page) bool { return p.front.Draft && !b.options.Drafts }

// addBeside makes static files of those that lie in the content folder beside
// pages. Each goes where the page or section goes that its folder is of, and
// keeps the rest of its path.
func (b *build) addBeside() {
	b.asides = map[string]*static{}
	owners := map[string]*page{}
	for _, p := range b.pages {
		if p.Section || content.Bundle(p.Path) {
			if folder := path.Dir(p.Path); owners[folder] == nil || p.Section {
				owners[folder] = p
			}
		}
	}
	for _, f := range b.beside {
		folder := path.Dir(f.Path)
		for owners[folder] == nil && folder != "." {
			folder = path.Dir(folder)
		}
		name, owner := f.Path, owners[folder]
		if owner != nil {
			if owner.front != nil && b.leftOut(owner) {
				continue
			}
			name = path.Join(owner.Route[1:], relativeTo(folder, f.Path))
		}
		s := &static{file: f, path: name, kind: asset.KindOf(name)}
		b.addStatic(s)
		b.asides[f.Path] = s
		if owner != nil {
			owner.beside = append(owner.beside, name)
		}
	}
}

// relativeTo is a path below a folder.
func relativeTo(folder, name string) string {
	if folder == "." {
		return name
	}
	return name[len(folder)+1:]
}

// linkable are the paths below the content folder that a link may name: those of
// pages, and of the files beside them.
func (b *build) linkable(pages []string) *mentions {
	return newMentions(append(pages, sortedKeys(b.asides)...))
}

// addressesOf gives the addresses of such paths.
func (b *build) addressesOf(paths []string) map[string]string {
	addresses := make(map[string]string, len(paths))
	for _, name := range paths {
		if s := b.asides[name]; s != nil {
			addresses[name] = asset.URL(s.path)
		} else if p := b.bySource[name]; p != nil {
			addresses[name] = p.base()
		} else {
			addresses[name] = asset.URL(content.NewNode(name).URL())
		}
	}
	return addresses
}

// leadsNowhere says why a link to a page is broken, and what to do about it.
func (b *build) leadsNowhere(p *page, link *markdownpb.BrokenLink) (message, hint string) {
	target, _, _ := strings.Cut(link.Target, "#")
	rooted, isRooted := strings.CutPrefix(target, "@/")
	if !isRooted {
		rooted = path.Join(path.Dir(p.Path), target)
	}
	if b.draft(path.Clean(rooted)) != nil {
		return fmt.Sprintf("the link %q leads to a draft", link.Target), draftHint
	}
	message, hint = fmt.Sprintf("the link %q leads to no page", link.Target), "check the path; it counts from the content folder after @/, else from the page's own"
	if link.Suggestion != "" {
		hint = fmt.Sprintf("did you mean %q?", "@/"+link.Suggestion)
	}
	return message, hint
}

package site

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/query"
	"ddc/proto/sitepb"
	"ddc/site/config"
	"ddc/site/extension"
	"ddc/site/template"
)

// Extension is a plugin of the site's own, which serves ddc.site.v1 (see
// proto).
type Extension struct {
	config.Plugin
	// Files are what may change its Version: its program, and what else a
	// server is to watch. They may be folders.
	Files []string
	// Client is nil for a program that takes the place of one of ddc's plugins:
	// it is called as that one is.
	Client sitepb.SitePluginClient
	// Version tells its program, and how that is started, from any other.
	Version string
	// Open says that it may look at more than its requests, so that nothing
	// that it answers is remembered.
	Open bool
}

// Described is what a plugin of the site's own has said of itself.
type Described struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Stages  []string `json:"stages"`
}

// extensionPhase has the plugins of the site's own. All phases after it call
// them.
type extensionPhase struct {
	*sourcePhase
	programs  *query.Query[string]
	described *query.Query[*extensions]
	functions *query.Call[functionCall, template.Called]
}

func newExtensionPhase(from *sourcePhase) *extensionPhase {
	s := &extensionPhase{sourcePhase: from}
	s.programs = query.NewInput(s.engine, "extension programs", text, s.lookPrograms)
	s.described = query.New(s.engine, "extensions", byDigest[*extensions](), s.describe, query.Unkept)
	s.functions = query.NewCall(s.engine, "extension function", canonical[template.Called]{writeCalled}, functionCall.key, s.callFunction, query.Unkept)
	return s
}

// extensions are those of the site, in the order in which a page comes to them.
type extensions struct {
	list []*described
	// others are the programs that take the place of ddc's plugins.
	others []string
}

// described is a plugin with what it says of itself.
type described struct {
	Extension
	*extension.Description
}

func (e *extensions) digest(c *canon) {
	c.text(strings.Join(e.others, "\n"))
	for _, one := range e.list {
		c.text(one.Name)
		c.text(one.Extension.Version)
		c.flag(one.Open)
		c.text(one.Description.Version)
		c.text(strings.Join(one.Description.Stages, " "))
		c.text(strings.Join(one.Shortcodes, " "))
		for _, f := range one.Functions {
			c.text(f.Name)
			c.text(strings.Join(f.Parameters, " "))
			c.number(int64(f.Required))
		}
	}
}

// isReplaced says whether a program takes the place of one of ddc's plugins.
func (b *build) isReplaced(name string) bool {
	return slices.ContainsFunc(b.Extensions, func(e Extension) bool { return e.Client == nil && e.Name == name })
}

// lookPrograms says which programs there are.
func (s *extensionPhase) lookPrograms(context.Context, string) (string, error) {
	var c canon
	for _, e := range s.Extensions {
		c.text(e.Name)
		c.text(e.Version)
		c.flag(e.Open)
		c.text(strings.Join(e.Stages, " "))
	}
	return string(c.out), nil
}

// Reprogram says that plugins of the site's own are other programs now: what
// the old ones have made is made again. The list is that which the site was
// opened with, but for versions, and no program in the place of one of ddc's
// has changed: then the site is to be opened anew. It waits for those who ask
// the site at the moment.
func (s *Site) Reprogram(all []Extension) {
	s.engine.Revise(func() []query.ID {
		s.Extensions = all
		return []query.ID{s.programs.ID(""), s.times.ID("")}
	})
}

// extensionFault is a fault of a plugin, where the configuration names it.
func (b *build) extensionFault(e Extension, message, hint string) error {
	p := e.Fault("the plugin "+e.Name+" "+message, hint)
	p.File = b.configName()
	return Errors{p}
}

// describe asks each plugin what it does.
func (s *extensionPhase) describe(ctx context.Context, ask *query.Ask, _ string) (*extensions, error) {
	if _, err := s.programs.Get(ctx, ask, ""); err != nil {
		return nil, err
	}
	all := &extensions{}
	var found faults
	for _, e := range s.Extensions {
		if e.Client == nil {
			all.others = append(all.others, e.Name+" "+e.Version)
			continue
		}
		d, err := s.ask(ctx, e)
		if err := found.collect(err); err != nil {
			return nil, err
		}
		if d != nil {
			all.list = append(all.list, &described{e, d})
		}
	}
	slices.SortStableFunc(all.list, func(a, b *described) int { return cmp.Compare(a.Order, b.Order) })
	if err := found.collect(s.clashes(all)); err != nil {
		return nil, err
	}
	return all, found.err()
}

func (s *extensionPhase) ask(ctx context.Context, e Extension) (*extension.Description, error) {
	answer, err := call(ctx, s.build, e.Name, s.configName(), e.Client.Describe, &sitepb.DescribeRequest{Revision: extension.Revision})
	var d *extension.Description
	switch {
	case status.Code(err) == codes.Unimplemented:
		if d, err = extension.Undescribed(e.Stages); err != nil {
			return nil, s.extensionFault(e, err.Error(), "")
		}
		return d, nil
	case status.Code(err) == codes.Unavailable:
		return nil, fmt.Errorf("%w (to try it by itself: ddc plugin test %s)", err, cmp.Or(e.Command, "ddc-plugin-"+e.Name))
	case err != nil:
		return nil, err
	}
	if d, err = extension.Described(answer); err != nil {
		return nil, s.extensionFault(e, err.Error(), "")
	}
	if len(e.Stages) > 0 {
		if err := d.Only(e.Stages); err != nil {
			return nil, s.extensionFault(e, err.Error(), "take it out of stage, or the plugin out of the site")
		}
	}
	return d, nil
}

// clashes are names that two plugins have, or a plugin and a template function.
func (s *extensionPhase) clashes(all *extensions) error {
	owners := map[string]string{}
	var found Errors
	claim := func(e *described, what, name string) {
		key := what + " " + name
		if owner := owners[key]; owner != "" {
			p := e.Fault(fmt.Sprintf("the plugins %s and %s both have the %s", owner, e.Name, key), `leave one of them out with stage, as in: stage "html"`)
			p.File = s.configName()
			found = append(found, p)
		}
		owners[key] = e.Name
	}
	for _, e := range all.list {
		for _, name := range e.Shortcodes {
			claim(e, "shortcode", name)
		}
		for _, f := range e.Functions {
			if template.IsFunction(f.Name) {
				owners["function "+f.Name] = "ddc"
			}
			claim(e, "function", f.Name)
		}
	}
	if found == nil {
		return nil
	}
	return found
}

// having are the plugins that have a part in a stage. The caller calls them
// all.
func (s *extensionPhase) having(ctx context.Context, ask *query.Ask, stage string) ([]*described, error) {
	all, err := s.described.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	var some []*described
	for _, e := range all.list {
		if e.Does(stage) {
			some = append(some, e)
			if e.Open {
				ask.Brief()
			}
		}
	}
	return some, nil
}

// answered makes one call of a plugin. One that does not have what it says that
// it has is at fault.
func answered[Q, A any](ctx context.Context, s *extensionPhase, e *described, file, method string,
	of func(context.Context, *Q, ...grpc.CallOption) (*A, error), in *Q) (*A, error) {
	answer, err := call(ctx, s.build, e.Name, file, of, in)
	if status.Code(err) == codes.Unimplemented {
		hint := "take that stage out of its Describe, or write it"
		if len(e.Extension.Stages) > 0 {
			hint = "take that stage out of the configuration, and of its Describe if it has one, or write it"
		}
		return nil, s.extensionFault(e.Extension, "does not implement "+method, hint)
	}
	return answer, err
}

// pageOf is what plugins are told of a page.
func pageOf(p *page) *sitepb.Page {
	front := p.FrontMatter
	told := &sitepb.Page{Path: p.Path, Url: p.URL(), Title: p.title, Description: front.GetDescription(), Date: p.Node.Date, Updated: p.Node.Updated,
		Section: p.Section, Authors: front.GetAuthors(), ExtraJson: jsonOf(p.extra)}
	if p.written {
		told.File = p.name
	}
	if p.made != nil && !p.written {
		told.Section = false
	}
	for name, of := range front.GetTaxonomies() {
		if told.Taxonomies == nil {
			told.Taxonomies = map[string]*sitepb.Terms{}
		}
		told.Taxonomies[name] = &sitepb.Terms{Names: of.GetNames()}
	}
	return told
}

// jsonOf writes a value of front matter, whose keys come sorted.
func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // front matter has been JSON before
		return "{}"
	}
	return string(text)
}

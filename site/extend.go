package site

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"ddc/internal/notation"
	"ddc/internal/query"
	"ddc/plugins/markdown/markdownpb"
	"ddc/proto/sitepb"
	"ddc/site/content"
	"ddc/site/extension"
	"ddc/site/template"
)

// extendText has the plugins change the Markdown of a page.
func (s *bodyPhase) extendText(ctx context.Context, ask *query.Ask, p *page, f *front) (changed *front, doubts []Problem, err error) {
	all, err := s.having(ctx, ask, extension.Markdown)
	if err != nil || len(all) == 0 {
		return f, nil, err
	}
	text := f.body
	var found faults
	for _, e := range all {
		answer, err := answered(ctx, s.extensionPhase, e, p.name, "Markdown", e.Client.Markdown, &sitepb.MarkdownRequest{Page: pageOf(p), Text: text, Line: f.line})
		if err != nil {
			return nil, nil, err
		}
		source, err := s.writtenIn(ctx, ask, p)
		if err != nil {
			return nil, nil, err
		}
		warnings, errs := extension.Problems(e.Name, answer.Problems, p.name, source)
		doubts = append(doubts, warnings...)
		found.list = append(found.list, errs...)
		if answer.Text != nil {
			text = *answer.Text
		}
	}
	return &front{f.meta, text, f.line}, doubts, found.err()
}

// extendPage has the plugins change a page as its template has made it.
func (s *renderPhase) extendPage(ctx context.Context, ask *query.Ask, p *page, html string) (string, []Problem, error) {
	all, err := s.having(ctx, ask, extension.HTML)
	if err != nil || len(all) == 0 {
		return html, nil, err
	}
	var doubts []Problem
	var found faults
	source, err := s.writtenIn(ctx, ask, p)
	if err != nil {
		return "", nil, err
	}
	for _, e := range all {
		answer, err := answered(ctx, s.extensionPhase, e, p.name, "Html", e.Client.Html, &sitepb.HtmlRequest{Page: pageOf(p), Html: html})
		if err != nil {
			return "", nil, err
		}
		warnings, errs := extension.Problems(e.Name, answer.Problems, p.name, source)
		doubts = append(doubts, warnings...)
		found.list = append(found.list, errs...)
		if answer.Html != nil {
			html = *answer.Html
		}
	}
	return html, doubts, found.err()
}

// pluginShortcodes are the names of the shortcodes that plugins have.
func (s *renderPhase) pluginShortcodes(ctx context.Context, ask *query.Ask) (names []string, err error) {
	all, err := s.having(ctx, ask, extension.Shortcode)
	for _, e := range all {
		names = append(names, e.Shortcodes...)
	}
	return names, err
}

// extendShortcode has a plugin answer a shortcode.
func (s *renderPhase) extendShortcode(ctx context.Context, ask *query.Ask, c *shortcodeCall) (html string, err error) {
	all, err := s.having(ctx, ask, extension.Shortcode)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(e *described) bool { return slices.Contains(e.Shortcodes, c.Name) })
	if i < 0 {
		return "", fmt.Errorf("%s: nobody answers the shortcode %s", c.page.name, c.Name)
	}
	request := &sitepb.ShortcodeRequest{Page: pageOf(c.page), Name: c.Name, Line: c.Line, Column: c.Column}
	given := map[string]any{}
	for name, value := range c.vars {
		if text, isText := value.(string); name == "body" && isText && c.Body != nil {
			request.Body = &text
			continue
		}
		given[name] = value
	}
	arguments, err := json.Marshal(given)
	if err != nil {
		return "", fmt.Errorf("%s: arguments of the shortcode %s: %w", c.page.name, c.Name, err)
	}
	request.ArgumentsJson = string(arguments)
	answer, err := answered(ctx, s.extensionPhase, all[i], c.page.name, "Shortcode", all[i].Client.Shortcode, request)
	var refused Errors
	if errors.As(err, &refused) { // the plugin need not say where the call stands
		refused = slices.Clone(refused)
		for i := range refused {
			if refused[i].File == c.page.name && refused[i].Line == 0 {
				refused[i].Line, refused[i].Col = int(c.Line), int(c.Column)
			}
		}
		return "", refused
	}
	if err != nil {
		return "", err
	}
	source, err := s.writtenIn(ctx, ask, c.page)
	if err != nil {
		return "", err
	}
	warnings, errs := extension.Problems(all[i].Name, answer.Problems, c.page.name, source)
	if c.doubt != nil {
		c.doubt(warnings...)
	}
	if len(errs) > 0 {
		return "", errs
	}
	return answer.Html, nil
}

// functionCall is a call of a template's function that a plugin has.
type functionCall struct {
	plugin          *described
	name, arguments string
}

func (f functionCall) key() string {
	var c canon
	c.text(f.plugin.Name)
	c.text(f.plugin.Extension.Version)
	c.text(f.name)
	c.text(f.arguments)
	return string(c.out)
}

func writeCalled(c *canon, v template.Called) {
	c.flag(v.HTML)
	c.deep(v.Value)
}

// callFunction has a plugin answer a function.
func (s *extensionPhase) callFunction(ctx context.Context, f functionCall) (template.Called, error) {
	answer, err := answered(ctx, s, f.plugin, "", "Function", f.plugin.Client.Function, &sitepb.FunctionRequest{Name: f.name, ArgumentsJson: f.arguments})
	if err != nil || strings.TrimSpace(answer.ValueJson) == "" {
		return template.Called{}, err
	}
	value, err := notation.JSON(answer.ValueJson, notation.Data)
	if err != nil {
		return template.Called{}, s.extensionFault(f.plugin.Extension, fmt.Sprintf("answers the function %s with what is no JSON: %v", f.name, err), "")
	}
	return template.Called{Value: plain(value), HTML: answer.Html, Bytes: len(answer.ValueJson)}, nil
}

// call is the functions of plugins in the page's template.
func (v *view) call(name, arguments string) (template.Called, error) {
	all, err := v.having(v.ctx, v.ask, extension.Function)
	i := slices.IndexFunc(all, func(e *described) bool {
		return slices.ContainsFunc(e.Functions, func(f *sitepb.Signature) bool { return f.Name == name })
	})
	if err == nil && i < 0 {
		err = fmt.Errorf("no plugin has the function %s", name)
	}
	if err != nil {
		v.note("", err)
		return template.Called{}, err
	}
	answer, err := v.functions.Get(v.ctx, v.ask, functionCall{all[i], name, arguments})
	var refused Errors
	if errors.As(err, &refused) && len(refused) == 1 && refused[0].File == "" {
		return answer, &template.Refusal{Message: all[i].Name + ": " + refused[0].Message, Hint: refused[0].Hint}
	}
	if err != nil {
		v.note("", err)
	}
	return answer, err
}

// signatures are the functions of all plugins.
func (s *renderPhase) signatures(ctx context.Context, ask *query.Ask) ([]template.Signature, error) {
	all, err := s.described.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	var own []template.Signature
	for _, e := range all.list {
		for _, f := range e.Functions {
			own = append(own, template.Signature{Name: f.Name, Parameters: f.Parameters, Required: int(f.Required)})
		}
	}
	return own, nil
}

// extendTree adds the files and the pages that plugins make.
func (s *treePhase) extendTree(ctx context.Context, ask *query.Ask, t *tree) error {
	all, err := s.having(ctx, ask, extension.Files)
	if err != nil || len(all) == 0 {
		return err
	}
	request := &sitepb.FilesRequest{Title: s.cfg.Site.Title, BaseUrl: s.cfg.Site.Base.Origin + s.cfg.Site.Base.Prefix, Language: s.cfg.Site.Language}
	taken := map[string]string{}
	for _, p := range t.pages {
		taken[p.Output()] = p.name
		if p.made == nil || p.written {
			request.Pages = append(request.Pages, pageOf(p))
		}
	}
	for _, p := range t.texts {
		taken[p.made.output] = "a file that ddc makes"
	}
	for _, name := range s.scanned.folders["static"].Paths {
		taken[name] = name
	}
	for _, e := range all {
		answer, err := answered(ctx, s.extensionPhase, e, "", "Files", e.Client.Files, request)
		if err != nil {
			return err
		}
		if err := extension.Added(answer); err != nil {
			return s.extensionFault(e.Extension, err.Error(), "")
		}
		warnings, errs := extension.Problems(e.Name, answer.Problems, "", "")
		t.doubts = append(t.doubts, warnings...)
		t.faults = append(t.faults, errs...)
		if err := s.addAnswer(t, e, answer, taken); err != nil {
			return err
		}
	}
	return nil
}

// addAnswer adds what one plugin makes.
func (s *treePhase) addAnswer(t *tree, e *described, answer *sitepb.FilesResponse, taken map[string]string) error {
	claim := func(output string) bool {
		if owner, is := taken[output]; is {
			p := e.Fault(fmt.Sprintf("the plugin %s would write %s, as would %s", e.Name, output, owner), "one of the two is to have another name")
			p.File = s.configName()
			t.faults = append(t.faults, p)
			return false
		}
		taken[output] = "the plugin " + e.Name
		return true
	}
	for _, f := range answer.Files {
		if !claim(f.Path) {
			continue
		}
		n := &content.Node{Path: "#" + f.Path, Route: "/" + f.Path, Section: true, Parent: t.root}
		sum := sha256.Sum256(f.Contents)
		p := &page{Node: n, name: "the plugin " + e.Name, meta: &meta{FrontMatter: &markdownpb.FrontMatter{}, extra: map[string]any{}, node: n}, made: &made{output: f.Path, alone: true, contents: f.Contents, sum: string(sum[:])}}
		t.texts, t.byText[f.Path] = append(t.texts, p), p
	}
	for _, f := range answer.Pages {
		if err := s.addNewPage(t, e, f, claim); err != nil {
			return err
		}
	}
	return nil
}

func (s *treePhase) addNewPage(t *tree, e *described, f *sitepb.NewPage, claim func(output string) bool) error {
	route := strings.TrimSuffix(f.Url, "/")
	if !claim(route[1:] + "/index.html") {
		return nil
	}
	extra, err := decodeExtra([]byte(f.ExtraJson))
	if err != nil {
		return s.extensionFault(e.Extension, fmt.Sprintf("has for %s an extra_json that is none: %v", f.Url, err), "")
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(f)
	if err != nil {
		return fmt.Errorf("plugin %s, %s: %w", e.Name, f.Url, err)
	}
	sum := sha256.Sum256(encoded)
	wanted := f.Template
	if wanted == "" {
		wanted = "page.html"
	}
	p := t.makePage("#"+route, route, f.Title, f.Url+" of plugin "+e.Name, &made{templates: []string{wanted}, need: "the plugin " + e.Name, new: f, sum: string(sum[:])})
	p.Node.Title = f.Title
	p.meta.extra = extra
	if f.Description != "" {
		p.FrontMatter.Description = &f.Description
	}
	p.made.vars = func(v *values) map[string]any {
		return map[string]any{"page": v.pages[p.Node], "section": v.site["root"]}
	}
	return nil
}

// addNew makes the values of the pages that plugins have added.
func (v *values) addNew(t *tree) {
	for _, p := range t.pages {
		if p.made == nil || p.made.new == nil {
			continue
		}
		value := v.value(p.Node)
		text := p.made.new.Content
		value["content"], value["toc"], value["summary"], value["last_updated"] = text, []any{}, nil, int64(0)
		value["word_count"], value["reading_time"] = countWords(text), minutesFor(countWords(text))
		value["lower"], value["higher"] = nil, nil
	}
}

// checkPage has the plugins look for faults in a page.
func (s *finalPhase) checkPage(ctx context.Context, ask *query.Ask, key string) ([]Problem, error) {
	p, r, err := s.renderedPage(ctx, ask, key)
	if err != nil {
		return nil, err
	}
	doubts := slices.Clone(r.doubts)
	all, err := s.having(ctx, ask, extension.Check)
	if err != nil || len(all) == 0 {
		return doubts, err
	}
	source, err := s.writtenIn(ctx, ask, p)
	if err != nil {
		return nil, err
	}
	var found faults
	for _, e := range all {
		answer, err := answered(ctx, s.extensionPhase, e, p.name, "Check", e.Client.Check, &sitepb.CheckRequest{Page: pageOf(p), Source: source, Html: r.html})
		if err := found.collect(err); err != nil {
			return nil, err
		}
		warnings, errs := extension.Problems(e.Name, answer.GetProblems(), p.name, source)
		doubts = append(doubts, warnings...)
		found.list = append(found.list, errs...)
	}
	return doubts, found.err()
}

// checkPages has the plugins look for faults in all pages.
func (r *making) checkPages(ctx context.Context, t *tree) error {
	if len(r.Extensions) == 0 {
		return nil
	}
	all, err := each(ctx, r.ask, r.checks, r.options.Jobs, t.keys())
	var doubts []Problem
	for _, found := range all {
		doubts = append(doubts, found...)
	}
	return joined(err, r.doubts(&r.notes, doubts))
}

// extended says which plugins of the site's own took part.
func (s *extensionPhase) extended(ctx context.Context, ask *query.Ask) ([]Described, error) {
	all, err := s.described.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	told := []Described{}
	for _, e := range all.list {
		told = append(told, Described{e.Name, e.Description.Version, e.Description.Stages})
	}
	return told, nil
}

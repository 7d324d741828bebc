package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"

	"ddc/internal/diagnostic"
	"ddc/internal/notation"
	"ddc/internal/query"
	"ddc/internal/suggest"
	"ddc/plugins/markdown/markdownpb"
	"ddc/site/template"
)

// shortcodeFolder is where the templates of shortcodes lie, below the
// templates.
const shortcodeFolder = "shortcodes/"

// maxShortcodes is how deep a shortcode's body may have others in it.
const maxShortcodes = 10

// listShortcodes lists the files of all shortcodes below their folder, sorted.
// Those of .md make Markdown, which becomes a part of the page's. Where two
// have one name, it lists that of .html.
func (s *renderPhase) listShortcodes(ctx context.Context, ask *query.Ask, _ string) ([]string, error) {
	t, err := s.allTemplates.Get(ctx, ask, "")
	if err != nil {
		return nil, err
	}
	var files []string
	for _, name := range sortedKeys(t.Texts) {
		file, is := strings.CutPrefix(name, shortcodeFolder)
		stem, isMarkdown := strings.CutSuffix(file, ".md")
		if is && (path.Ext(file) == ".html" || isMarkdown && t.Texts[shortcodeFolder+stem+".html"] == "") {
			files = append(files, file)
		}
	}
	more, err := s.pluginShortcodes(ctx, ask)
	for _, name := range more {
		if !slices.ContainsFunc(files, func(file string) bool { return strings.TrimSuffix(file, path.Ext(file)) == name }) {
			files = append(files, name) // else the site's own template goes before
		}
	}
	slices.Sort(files)
	return files, err
}

// shortcodesDone are shortcodes on their way through Markdown: marks stand for
// them, which Markdown leaves as they are.
type shortcodesDone struct {
	// name is what each mark begins with. The page does not have it.
	name        string
	marks       []string
	html        []string
	highlighted bool // one has coloured code
	resized     []resizedUse
	doubts      []Problem
	// written are the places where Markdown was put into the page's.
	written []writtenLines
}

// writtenLines are lines of Markdown, first to last, in the place of a call.
type writtenLines struct {
	first, last int
	line        int // of the call
	by          int // how many more lines than the call's
}

// line is the line of the page's source that a line of the text with the calls'
// Markdown stands for.
func (r *shortcodesDone) line(of int) int {
	if r == nil {
		return of
	}
	by := 0
	for _, w := range r.written {
		switch {
		case of > w.last:
			by += w.by
		case of >= w.first:
			return w.line
		}
	}
	return of - by
}

// places gives faults of the text with the calls' Markdown their lines in the
// source.
func (r *shortcodesDone) places(faults Errors, file string) {
	for i := range faults {
		if faults[i].File == file && faults[i].Line > 0 {
			faults[i].Line = r.line(faults[i].Line)
		}
	}
}

// put keeps a shortcode's HTML, and gives the mark that stands for it. On a
// line of its own it is a comment, which is a block for Markdown, and has as
// many lines as the call. Elsewhere it is a tag, which stands in a line of
// text.
func (r *shortcodesDone) put(html string, alone bool, lines int) string {
	name := fmt.Sprintf("%s-%d", r.name, len(r.html))
	mark := "<" + name + ">"
	if alone {
		mark = "<!--" + name + strings.Repeat("\n", lines) + "-->"
	}
	r.marks, r.html = append(r.marks, mark), append(r.html, html)
	return mark
}

// into puts the shortcodes' HTML into the place of their marks. A tag that was
// the whole address of a link has become that address.
func (r *shortcodesDone) into(b *body) {
	if r == nil {
		return
	}
	b.doubts = append(b.doubts, r.doubts...)
	b.highlighted = b.highlighted || r.highlighted
	b.resized = r.resized
	var replace []string
	for i, mark := range r.marks {
		name := fmt.Sprintf("%s-%d", r.name, i)
		replace = append(replace, mark, r.html[i], `"`+name+`"`, `"`+html.EscapeString(html.UnescapeString(strings.TrimSpace(r.html[i])))+`"`)
	}
	b.html = strings.NewReplacer(replace...).Replace(b.html)
}

// withoutShortcodes renders the calls in a page's body. It gives the body with
// marks in their places.
func (s *bodyPhase) withoutShortcodes(ctx context.Context, ask *query.Ask, p *page, f *front) (string, *shortcodesDone, error) {
	if !strings.Contains(f.body, "{{") && !strings.Contains(f.body, "{%") {
		return f.body, nil, nil
	}
	files, err := s.shortcodes.Get(ctx, ask, "")
	if err != nil {
		return "", nil, err
	}
	done := &shortcodesDone{name: "ddc-shortcode"}
	if strings.Contains(f.body, done.name) {
		sum := sha256.Sum256([]byte(f.body)) // no text has its own
		done.name += "-" + hex.EncodeToString(sum[:])
	}
	of := &shortcodePage{bodyPhase: s, ask: ask, page: p, files: map[string]string{}, done: done, counts: map[string]int64{}, purse: template.NewPurse(s.pageBudget()), sizes: resizedSizes{}}
	for _, file := range files {
		of.files[strings.TrimSuffix(file, path.Ext(file))] = file
	}
	body, err := of.replace(ctx, f.body, f.line, 0)
	return body, done, err
}

// shortcodePage is a page whose shortcodes are being rendered.
type shortcodePage struct {
	*bodyPhase
	ask    *query.Ask
	page   *page
	files  map[string]string // of shortcodes, by name
	done   *shortcodesDone
	counts map[string]int64 // of calls, by name
	purse  *template.Purse  // of the page, for all calls
	sizes  resizedSizes     // likewise
}

// shortcodeCall is one call, with what its template is given.
type shortcodeCall struct {
	*markdownpb.Shortcode
	file  string // below the folder of shortcodes; of a plugin's its name
	page  *page
	vars  map[string]any
	purse *template.Purse
	sizes resizedSizes
	// doubt takes warnings of the page.
	doubt func(...Problem)
}

// replace renders the calls in a text that begins on a line of the page.
func (s *shortcodePage) replace(ctx context.Context, text string, line int32, depth int) (string, error) {
	answer, err := call(ctx, s.build, "markdown", s.page.name, s.Markdown.Shortcodes,
		&markdownpb.ShortcodesRequest{Path: s.page.name, Body: text, BodyLine: line, Names: sortedKeys(s.files)})
	if err != nil {
		return "", err
	}
	for _, w := range answer.Warnings {
		s.done.doubts = append(s.done.doubts, Problem{File: s.page.name, Line: int(w.Place.GetLine()), Col: int(w.Place.GetColumn()), Length: int(w.Place.GetLength()), Message: w.Message, Hint: w.Hint})
	}
	var out strings.Builder
	at, counted := 0, 0
	for _, c := range answer.Calls {
		if int(c.Start) < at || c.End <= c.Start || int(c.End) > len(text) {
			return "", fmt.Errorf("markdown plugin, %s: shortcodes are not in order", s.page.name)
		}
		if c.Literal != nil {
			out.WriteString(text[at:c.Start] + c.GetLiteral())
			at = int(c.End)
			continue
		}
		if c.Unknown {
			s.done.doubts = append(s.done.doubts, s.unknown(c))
			continue
		}
		html, err := s.render(ctx, c, depth)
		if err != nil {
			return "", err
		}
		out.WriteString(text[at:c.Start])
		onItsOwn, lines := alone(text, int(c.Start), int(c.End)), strings.Count(text[c.Start:c.End], "\n")
		switch {
		case depth > 0:
		case path.Ext(s.files[c.Name]) != ".md":
			html = s.done.put(html, onItsOwn, lines)
		default:
			if onItsOwn { // as far in as the call is
				html = strings.ReplaceAll(html, "\n", "\n"+text[strings.LastIndexByte(text[:c.Start], '\n')+1:c.Start])
			}
			line += int32(strings.Count(out.String()[counted:], "\n"))
			counted = out.Len()
			first, more := int(line), strings.Count(html, "\n")
			s.done.written = append(s.done.written, writtenLines{first, first + more, int(c.Line), more - lines})
		}
		out.WriteString(html)
		at = int(c.End)
	}
	out.WriteString(text[at:])
	return out.String(), nil
}

// alone says whether nothing else stands on the lines of a part of a text, and
// no more than three spaces before it. A line may be a megabyte.
func alone(text string, start, end int) bool {
	before := text[max(start-4, 0):start]
	if i := strings.LastIndexByte(before, '\n'); i >= 0 {
		before = before[i+1:]
	}
	if len(before) == 4 || strings.TrimSpace(before) != "" {
		return false
	}
	after := strings.TrimLeftFunc(text[end:], func(c rune) bool { return c != '\n' && unicode.IsSpace(c) })
	return after == "" || after[0] == '\n'
}

// saying is a problem of a call.
func (s *shortcodePage) saying(c *markdownpb.Shortcode, message, hint string) Problem {
	return Problem{File: s.page.name, Line: int(c.Line), Col: int(c.Column), Message: message, Hint: hint}
}

func (s *shortcodePage) unknown(c *markdownpb.Shortcode) Problem {
	hint := "write " + s.name(s.cfg.Folder("templates")) + "/" + shortcodeFolder + c.Name + ".html, or put the call into `backticks` to show it"
	if near := suggest.Nearest(c.Name, sortedKeys(s.files)); near != "" {
		hint = "did you mean " + near + "?"
	}
	return s.saying(c, fmt.Sprintf("there is no shortcode %q: it is shown as text", c.Name), hint)
}

// shortcodeSteps is what a call costs besides what its template does.
const shortcodeSteps = 400

// pay takes from the page's budget.
func (s *shortcodePage) pay(c *markdownpb.Shortcode, steps, bytes int) error {
	if err := s.purse.Take(steps, bytes); err != nil {
		return Errors{s.saying(c, err.Error(), "call fewer shortcodes, or have a template do what they do")}
	}
	return nil
}

// render renders one call, and before it those in its body.
func (s *shortcodePage) render(ctx context.Context, c *markdownpb.Shortcode, depth int) (string, error) {
	if depth > maxShortcodes {
		return "", Errors{s.saying(c, fmt.Sprintf("shortcodes are nested more than %d deep", maxShortcodes), "write the inner ones into a template")}
	}
	if err := s.pay(c, shortcodeSteps, 0); err != nil {
		return "", err
	}
	arguments, err := notation.JSON(string(c.ArgumentsJson), notation.FrontMatter)
	if err != nil {
		return "", fmt.Errorf("markdown plugin, %s: arguments: %w", s.page.name, err)
	}
	vars, _ := plain(arguments).(map[string]any)
	if vars == nil {
		vars = map[string]any{}
	}
	s.counts[c.Name]++
	vars["nth"] = s.counts[c.Name]
	if c.Body != nil {
		body, err := s.replace(ctx, *c.Body, c.BodyLine, depth+1)
		if err != nil {
			return "", err
		}
		vars["body"] = strings.Trim(body, "\n")
	}
	made, err := s.callOne(ctx, s.ask, &shortcodeCall{c, s.files[c.Name], s.page, vars, s.purse, s.sizes, func(p ...Problem) { s.done.doubts = append(s.done.doubts, p...) }})
	if err != nil {
		return "", err
	}
	if path.Ext(s.files[c.Name]) == "" { // a plugin made it, which pays for nothing
		if err := s.pay(c, 0, len(made.html)); err != nil {
			return "", err
		}
	}
	s.done.highlighted = s.done.highlighted || made.highlighted
	s.done.resized = append(s.done.resized, made.resized...)
	return strings.TrimSpace(made.html), nil
}

// callShortcode renders the template of a call.
func (s *renderPhase) callShortcode(ctx context.Context, ask *query.Ask, c *shortcodeCall) (*filled, error) {
	name := shortcodeFolder + c.file
	sources, err := s.needed.Get(ctx, ask, name) // so that a change of it counts
	if err != nil {
		return nil, err
	}
	if sources == "" {
		html, err := s.extendShortcode(ctx, ask, c)
		return &filled{html: html}, err
	}
	t, err := s.allTemplates.Get(ctx, ask.Aside(), "")
	if err != nil {
		return nil, err
	}
	v, err := s.newView(ctx, ask, c.page)
	if err != nil {
		return nil, err
	}
	v.early, v.sizes = true, c.sizes
	vars, err := v.vars()
	if err != nil {
		return nil, err
	}
	maps.Copy(vars, c.vars)
	html, err := t.set.RenderPage(ctx, name, template.Page{Vars: vars, Purse: c.purse, Funcs: v.funcs(), Read: v.read, Make: v.later})
	if v.failure != nil {
		return nil, v.failure
	}
	if err == nil {
		return &filled{html, v.highlighted, v.resized}, nil
	}
	ask.Brief() // its text may name what the author could have meant
	faults := diagnostic.Of(t.templateFault(err, c.page))
	if faults == nil {
		return nil, err
	}
	for i := range faults {
		faults[i].Related = append(faults[i].Related, diagnostic.Note{File: c.page.name, Line: int(c.Line), Col: int(c.Column), Message: "it is called here"})
	}
	return nil, faults
}

// Package trial calls each method of a site's own plugin with a few requests,
// and judges the answers.
//
//	for _, v := range trial.Run(ctx, sitepb.NewSitePluginClient(conn), nil) {
//		fmt.Println(v.Method, v.Fault, v.Said)
//	}
//
// A plugin may refuse a request (INVALID_ARGUMENT): whether it is right to do
// so is for its author to say. Whatever else is no answer is a fault, and so is
// one that comes out otherwise the second time: a build remembers answers.
package trial

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ddc/internal/notation"
	"ddc/internal/printable"
	"ddc/proto/sitepb"
	"ddc/site/extension"
)

// Verdict is what came of one request.
type Verdict struct {
	// Method is "Html"; of shortcodes and functions "Shortcode shout".
	Method string
	// About is what the request was.
	About string
	// Said is what the plugin did, for people.
	Said string
	// Fault is what is wrong; empty if nothing is.
	Fault string
	Took  time.Duration
}

// judge makes the calls.
type judge struct {
	ctx    context.Context
	client sitepb.SitePluginClient
	found  []Verdict
}

// Run judges a plugin. Stages are those of a configuration, for a plugin
// without Describe. It ends with ctx.
func Run(ctx context.Context, client sitepb.SitePluginClient, stages []string) []Verdict {
	j := &judge{ctx: ctx, client: client}
	d := j.describe(stages)
	if d == nil {
		return j.found
	}
	for _, sample := range samples() {
		j.page(d, sample)
	}
	for _, name := range d.Shortcodes {
		j.shortcode(name)
	}
	for _, f := range d.Functions {
		j.function(f)
	}
	if d.Does(extension.Files) {
		j.files()
	}
	return j.found
}

func (j *judge) describe(stages []string) *extension.Description {
	var d *extension.Description
	var wrong error
	answer, v := twice(j, "Describe", "revision 1", j.client.Describe, &sitepb.DescribeRequest{Revision: extension.Revision})
	if answer != nil {
		d, wrong = extension.Described(answer)
	} else if v.Said == unimplemented && len(stages) > 0 {
		d, wrong = extension.Undescribed(stages)
	} else if v.Said == unimplemented {
		v.Fault = "it does not say what it does: write Describe, or name its stages (--stage)"
	} else if v.Fault == "" {
		v.Fault = "it does not say what it does: " + v.Said
	}
	if wrong != nil {
		v.Fault = "it " + wrong.Error()
	}
	if v.Fault != "" {
		d = nil
	}
	if d != nil {
		v.Said = listed(d)
	}
	j.found = append(j.found, v)
	return d
}

// listed says what a plugin does.
func listed(d *extension.Description) string {
	var parts []string
	if d.Version != "" {
		parts = append(parts, "version "+d.Version)
	}
	parts = append(parts, "stages "+strings.Join(d.Stages, " "))
	for _, name := range d.Shortcodes {
		parts = append(parts, "shortcode "+name)
	}
	for _, f := range d.Functions {
		parts = append(parts, "function "+f.Name+"("+strings.Join(f.Parameters, ", ")+")")
	}
	return strings.Join(parts, "; ")
}

const unimplemented = "not implemented"

// twice makes a call two times, and compares. The answer is nil if there is
// none.
func twice[Q, A proto.Message](j *judge, method, about string, of func(context.Context, Q, ...grpc.CallOption) (A, error), in Q) (answer A, v Verdict) {
	var none A
	v = Verdict{Method: method, About: about}
	begun := time.Now()
	first, err := of(j.ctx, in)
	v.Took = time.Since(begun)
	second, again := of(j.ctx, in)
	switch {
	case status.Code(err) != status.Code(again):
		v.Fault = fmt.Sprintf("the same request is answered with %v first, and then with %v", status.Code(err), status.Code(again))
	case status.Code(err) == codes.InvalidArgument:
		v.Said = "refused: " + status.Convert(err).Message()
	case status.Code(err) == codes.Unimplemented:
		v.Said = unimplemented
	case err != nil:
		v.Fault = err.Error()
	case !proto.Equal(first, second):
		v.Fault = "the same request has another answer the second time: a build would remember the first"
	default:
		return first, v
	}
	return none, v
}

// note keeps a verdict about a method that the plugin says it has.
func (j *judge) note(v Verdict) {
	if v.Said == unimplemented {
		v.Fault = "Describe lists it, and it is not implemented"
	}
	j.found = append(j.found, v)
}

// page calls the stages of one page.
func (j *judge) page(d *extension.Description, s sample) {
	page := &sitepb.Page{Path: "guide/intro.md", File: "content/guide/intro.md", Url: "/guide/intro/", Title: s.title, Date: "2024-05-01", ExtraJson: `{"mood":"calm"}`}
	if d.Does(extension.Markdown) {
		answer, v := twice(j, "Markdown", s.name, j.client.Markdown, &sitepb.MarkdownRequest{Page: page, Text: s.text, Line: 4})
		if answer != nil {
			v.Said = changed(answer.Text, s.text) + told(answer.Problems, page.File, s.source())
		}
		j.note(v)
	}
	if d.Does(extension.HTML) {
		answer, v := twice(j, "Html", s.name, j.client.Html, &sitepb.HtmlRequest{Page: page, Html: s.html})
		if answer != nil {
			v.Said = changed(answer.Html, s.html) + told(answer.Problems, page.File, s.source())
		}
		j.note(v)
	}
	if d.Does(extension.Check) {
		answer, v := twice(j, "Check", s.name, j.client.Check, &sitepb.CheckRequest{Page: page, Source: s.source(), Html: s.html})
		if answer != nil {
			v.Said = "found nothing"
			if len(answer.Problems) > 0 {
				v.Said = strings.TrimPrefix(told(answer.Problems, page.File, s.source()), "; ")
			}
			v.Fault = misplaced(answer.Problems, page.File, s.source())
		}
		j.note(v)
	}
}

func (j *judge) shortcode(name string) {
	body := "A *body*."
	for i, in := range []*sitepb.ShortcodeRequest{{ArgumentsJson: `{"nth":1}`}, {ArgumentsJson: `{"nth":2,"text":"words"}`, Body: &body}} {
		about := [...]string{"without arguments", "with a body"}[i]
		in.Page, in.Name, in.Line, in.Column = &sitepb.Page{Path: "a.md", File: "content/a.md", Url: "/a/", Title: "A", ExtraJson: "{}"}, name, 4, 1
		answer, v := twice(j, "Shortcode "+name, about, j.client.Shortcode, in)
		if answer != nil {
			v.Said = fmt.Sprintf("answered %d bytes", len(answer.Html)) + told(answer.Problems, "content/a.md", "")
		}
		j.note(v)
	}
}

func (j *judge) function(f *sitepb.Signature) {
	var words []string
	for i, name := range f.Parameters {
		words = append(words, fmt.Sprintf("%q:%q", name, fmt.Sprintf("value %d", i+1)))
	}
	for i, given := range [][]string{words, words[:f.Required]} {
		about, arguments := [...]string{"all arguments", "the required"}[i], "{"+strings.Join(given, ",")+"}"
		answer, v := twice(j, "Function "+f.Name, about, j.client.Function, &sitepb.FunctionRequest{Name: f.Name, ArgumentsJson: arguments})
		if answer != nil {
			v.Said = "answered null"
			if text := strings.TrimSpace(answer.ValueJson); text != "" {
				v.Said = fmt.Sprintf("answered %d bytes of JSON", len(text))
				if _, err := notation.JSON(text, notation.Data); err != nil {
					v.Fault = "its value_json is no JSON: " + err.Error()
				}
			}
		}
		j.note(v)
	}
}

func (j *judge) files() {
	page := &sitepb.Page{Path: "a.md", File: "content/a.md", Url: "/a/", Title: "A", ExtraJson: "{}"}
	for i, in := range []*sitepb.FilesRequest{{Language: "en"}, {Pages: []*sitepb.Page{page}, Title: "A site", BaseUrl: "https://example.org", Language: "en"}} {
		about := [...]string{"no pages", "a page"}[i]
		answer, v := twice(j, "Files", about, j.client.Files, in)
		if answer != nil {
			v.Said = "added " + printable.Count(len(answer.Files), "file") + " and " + printable.Count(len(answer.Pages), "page") + told(answer.Problems, "", "")
			if err := extension.Added(answer); err != nil {
				v.Fault = "it " + err.Error()
			}
		}
		j.note(v)
	}
}

func changed(now *string, before string) string {
	if now == nil || *now == before {
		return "left it as it is"
	}
	return fmt.Sprintf("changed it: %d bytes, now %d", len(before), len(*now))
}

// told counts problems, and shows the first.
func told(found []*sitepb.Problem, file, source string) string {
	warnings, faults := extension.Problems("plugin", found, file, source)
	all := append(faults, warnings...)
	if len(all) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s, %s, the first: %s", printable.Count(len(faults), "error"), printable.Count(len(warnings), "warning"), all[0])
}

// misplaced says which problem has a place that is none.
func misplaced(found []*sitepb.Problem, file, source string) string {
	lines := strings.Split(source, "\n")
	for _, p := range found {
		if p.GetFile() != "" && p.GetFile() != file {
			continue
		}
		if p.GetLine() < 0 || int(p.GetLine()) > len(lines) || p.GetColumn() < 0 || p.GetMessage() == "" {
			return fmt.Sprintf("a problem at line %d, column %d, with the message %q: the page has %d lines", p.GetLine(), p.GetColumn(), p.GetMessage(), len(lines))
		}
	}
	return ""
}

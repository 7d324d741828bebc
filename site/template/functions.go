package template

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ddc/internal/diagnostic"
)

// Funcs are what the site does for its templates. A nil one is an error to
// call.
type Funcs struct {
	// GetURL turns the path of a page or file into its URL.
	GetURL func(path string) (string, error)
	// Fingerprint gives the query that stands for what a file has in it, for
	// get_url with cachebust; empty where the URL itself does.
	Fingerprint func(path string) (string, error)
	// GetSection finds a section by its source path; nil means there is none.
	GetSection func(path string) (any, error)
	// GetPage finds a page by its source path.
	GetPage func(path string) (any, error)
	// GetTaxonomy finds a taxonomy, GetTaxonomyTerm one of its terms, and
	// GetTaxonomyURL the address of that. What is not there is nil, or empty,
	// where it need not be.
	GetTaxonomy     func(kind string, required bool) (any, error)
	GetTaxonomyTerm func(kind, term string, required bool) (any, error)
	GetTaxonomyURL  func(kind, term string, required bool) (string, error)
	// LoadData reads a file of the project. The format is empty where the
	// file's extension says it. A file that is not there is nil where it need
	// not be.
	LoadData func(path, format string, required bool) (any, error)
	// ImageMetadata measures a picture of the project. One that is not there is
	// nil where it need not be.
	ImageMetadata func(path string, required bool) (any, error)
	// ResizeImage makes a smaller picture of one of the project.
	ResizeImage func(Resize) (any, error)
	// Markdown makes HTML of Markdown.
	Markdown func(text string) (string, error)
	// Now is the time at which the site is built.
	Now func() time.Time
	// Language is that of the site: functions with an argument lang take no
	// other.
	Language string
	// Call answers the functions of LoadWith. The arguments are a JSON object.
	Call func(name, arguments string) (Called, error)
}

// Refusal is the error of one of Funcs that says what to do about it.
type Refusal struct{ Message, Hint string }

func (e *Refusal) Error() string { return e.Message }

// function is what templates call by its name alone. Its arguments count as
// read.
type function struct {
	signature
	doc  string // a line for the reference
	call func(r *render, args []value) (value, error)
}

// fileSteps is what it costs to ask the site for what may be a file.
const fileSteps = 500

// errNoFunction is for a function that is nil in Funcs.
var errNoFunction = errors.New("no such function")

// functions by name. It is never changed. Each row has a line for the
// reference.
var functions = map[string]function{
	"get_image_metadata": {takes(1, "path", "allow_missing"), "what a picture of the project is: width, height, format and mime; none if it is missing and allow_missing=true", imageMetadata},
	"get_page":           {takes(1, "path", "lang"), `a page by the path of its source: get_page(path="blog/first.md")`, spoken(getPage)},
	"get_section":        {takes(1, "path", "metadata_only", "lang"), "a section by the path of its source, or one that .subsections or .ancestors gave; none if there is none", spoken(getSection)},
	"get_url": {takes(1, "path", "trailing_slash", "cachebust", "lang"), `the address of a page ("@/blog/first.md") or file; trailing_slash=true ends it with /, cachebust=true makes it another when the file changes`,
		spoken(getURL)},
	"get_taxonomy":      {takes(1, "kind", "required", "lang"), `a taxonomy of the configuration: name, permalink, items, which are its terms, and kind, which is what the variable taxonomy is on its pages: get_taxonomy(kind="tags"); none if there is none and required=false`, spoken(getTaxonomy)},
	"get_taxonomy_term": {takes(2, "kind", "term", "required", "include_pages", "lang"), `one term of it: name, slug, permalink, page_count and pages; none if there is none and required=false`, spoken(getTaxonomyTerm)},
	"get_taxonomy_url":  {takes(2, "kind", "name", "required", "lang"), `the address of a term's page: get_taxonomy_url(kind="tags", name="rust"); none if there is none and required=false`, spoken(getTaxonomyURL)},
	"load_data": {takes(1, "path", "format", "required"), "what is in a file of the project: toml, json, yaml, csv, kdl or plain, which its extension says if format does not; none if it is missing and required=false",
		loadData},
	"now":   {takes(0, "timestamp", "utc"), "the time of the build in UTC, as 2024-05-01T10:00:00Z or, with timestamp=true, in seconds since 1970", now},
	"range": {takes(1, "end", "start", "step_by"), "the whole numbers from start (0) up to, but without, end", numbers},
	"resize_image": {takes(1, "path", "width", "height", "op", "format", "quality"), "makes a picture of a picture: op is fill (if not given), fit, fit_width, fit_height or scale; format is that of the file, or jpg, png, webp or jxl; quality is 1 to 100 (75); " +
		"gives url, static_path, width, height, orig_width and orig_height", resizeImage},
	"throw": {takes(1, "message"), "ends the build with this message", throw},
}

func (r *render) call(c *functionCall) (value, error) {
	args, err := r.args(c.args)
	if err != nil {
		return undefined, err
	}
	for _, a := range args {
		a.from.read()
	}
	// The site's function may take long, so do not call it once the context is
	// over.
	if err := r.ctx.Err(); err != nil {
		return undefined, err
	}
	v, err := c.function.call(r, args)
	if err == nil {
		return v, nil
	}
	if _, over := errors.AsType[*exhausted](err); over {
		return undefined, c.wrong(err)
	}
	if errors.Is(err, errNoFunction) {
		err = errors.New("this site has no function " + c.name)
	}
	if e, ok := errors.AsType[*missing](err); ok {
		return undefined, c.errorf(c.name+": "+e.message, e.hint)
	}
	return undefined, c.wrong(fmt.Errorf("%s: %w", c.name, err))
}

// pathOf is an argument that names a page or file.
func (r *render) pathOf(arg value) (string, error) {
	path, err := textOr(arg, "path", "")
	if err != nil {
		return "", err
	}
	return path, r.spend(len(path))
}

func getURL(r *render, args []value) (value, error) {
	path, err := r.pathOf(args[0])
	if err != nil {
		return undefined, err
	}
	slash, err := flagOr(args[1], "trailing_slash", false)
	if err != nil {
		return undefined, err
	}
	bust, err := flagOr(args[2], "cachebust", false)
	if err != nil {
		return undefined, err
	}
	if r.funcs.GetURL == nil {
		return undefined, errNoFunction
	}
	url, err := r.funcs.GetURL(path)
	if err != nil {
		return undefined, err
	}
	if slash {
		end := len(url)
		if i := strings.IndexAny(url, "?#"); i >= 0 {
			end = i
		}
		if !strings.HasSuffix(url[:end], "/") {
			url = url[:end] + "/" + url[end:]
		}
	}
	written := strconv.Quote(path)
	if bust && r.funcs.Fingerprint != nil {
		if err := r.work(fileSteps); err != nil {
			return undefined, err
		}
		written += ", cachebust=true"
		query, err := r.funcs.Fingerprint(path)
		if err != nil {
			return undefined, err
		}
		if query != "" {
			url += "?h=" + query
		}
	}
	return wrap(url, r.paths.call("get_url", written)), r.spend(len(url))
}

// spoken is a function whose last argument is a language.
func spoken(call func(*render, []value) (value, error)) func(*render, []value) (value, error) {
	return func(r *render, args []value) (value, error) {
		last := len(args) - 1
		lang, err := textOr(args[last], "lang", r.funcs.Language)
		if err == nil && lang != r.funcs.Language {
			err = &missing{"the site is in " + quote(r.funcs.Language) + ", and has nothing in " + quote(lang), oneLanguage}
		}
		if err != nil {
			return undefined, err
		}
		return call(r, args[:last])
	}
}

func getSection(r *render, args []value) (value, error) {
	of := args[0]
	if _, isDict := entries(of); isDict { // a section itself
		var err error
		if of, err = r.field(of, textual("path"), func() string { return "the section" }); err != nil {
			return undefined, err
		}
		of.from.read()
	}
	if _, err := flagOr(args[1], "metadata_only", false); err != nil {
		return undefined, err
	}
	return r.found("get_section", of, r.funcs.GetSection)
}

func getPage(r *render, args []value) (value, error) {
	return r.found("get_page", args[0], r.funcs.GetPage)
}

// found is what the site has at a path.
func (r *render) found(name string, of value, find func(string) (any, error)) (value, error) {
	path, err := r.pathOf(of)
	if err != nil {
		return undefined, err
	}
	if find == nil {
		return undefined, errNoFunction
	}
	result, err := find(path)
	if err != nil {
		return undefined, err
	}
	return wrap(result, r.paths.call(name, strconv.Quote(path))), nil
}

func loadData(r *render, args []value) (value, error) {
	path, err := r.pathOf(args[0])
	if err != nil {
		return undefined, err
	}
	format, err := textOr(args[1], "format", "")
	if err != nil {
		return undefined, err
	}
	required, err := flagOr(args[2], "required", true)
	if err != nil {
		return undefined, err
	}
	if err := r.work(fileSteps); err != nil {
		return undefined, err
	}
	if r.funcs.LoadData == nil {
		return undefined, errNoFunction
	}
	written := strconv.Quote(path)
	if format != "" {
		written += ", format=" + strconv.Quote(format)
	}
	result, err := r.funcs.LoadData(path, format, required)
	if err != nil {
		return undefined, err
	}
	return wrap(result, r.paths.call("load_data", written)), nil
}

func now(r *render, args []value) (value, error) {
	seconds, err := flagOr(args[0], "timestamp", false)
	if err != nil {
		return undefined, err
	}
	if _, err := flagOr(args[1], "utc", false); err != nil {
		return undefined, err
	}
	if r.funcs.Now == nil {
		return undefined, errNoFunction
	}
	at := r.funcs.Now().UTC()
	from := r.paths.call("now", "")
	if seconds {
		return wrap(at.Unix(), from), nil
	}
	return wrap(at.Format(time.RFC3339), from), nil
}

func numbers(r *render, args []value) (value, error) {
	end, err := wholeOr(args[0], "end", 0)
	if err != nil {
		return undefined, err
	}
	start, err := wholeOr(args[1], "start", 0)
	if err != nil {
		return undefined, err
	}
	step, err := wholeOr(args[2], "step_by", 1)
	if err != nil {
		return undefined, err
	}
	if step <= 0 {
		return undefined, &missing{"step_by is to be 1 or more", "| reverse turns the list around"}
	}
	if start > end {
		return undefined, &missing{fmt.Sprintf("start, %d, is beyond end, %d", start, end), "write range(start=.., end=..)"}
	}
	const most = 1 << 40 // more than there is room for, and less than what overflows
	n := 0
	if distance := uint64(end) - uint64(start); distance > 0 {
		n = int(min((distance-1)/uint64(step)+1, most))
	}
	if err := r.room(n); err != nil {
		return undefined, err
	}
	items := make([]value, n)
	for i := range items {
		items[i] = value{is: start + int64(i)*step}
	}
	return made(items), nil
}

func throw(r *render, args []value) (value, error) {
	message, err := r.text(args[0])
	if err != nil {
		return undefined, err
	}
	return undefined, &Refusal{Message: shortened(message), Hint: "the template itself says so"}
}

// markdownSteps is what a call of the Markdown plugin costs.
const markdownSteps = 2000

func markdown(r *render, v value, args []value) (value, error) {
	text, err := r.input(v)
	if err != nil {
		return undefined, err
	}
	inline, err := flagOr(args[0], "inline", false)
	if err != nil {
		return undefined, err
	}
	if err := r.work(markdownSteps); err != nil {
		return undefined, err
	}
	if err := r.spend(len(text)); err != nil {
		return undefined, err
	}
	if err := r.ctx.Err(); err != nil {
		return undefined, err
	}
	if r.funcs.Markdown == nil {
		return undefined, &missing{"this site cannot make HTML of Markdown in a template", "write the text into a page, and print its content"}
	}
	html, err := r.funcs.Markdown(text)
	if err != nil {
		return undefined, fmt.Errorf("markdown: %w", err)
	}
	if inline {
		inner := strings.TrimSpace(html)
		if strings.HasPrefix(inner, "<p>") && strings.HasSuffix(inner, "</p>") && strings.Count(inner, "<p>") == 1 {
			html = inner[len("<p>") : len(inner)-len("</p>")]
		}
	}
	return value{is: html, safe: true}, r.spend(len(html))
}

// wrong gives an error its place, unless it has one already, or only says that
// the context has ended.
func (p place) wrong(err error) error {
	if errors.Is(err, ErrOverBudget) {
		return err
	}
	if placed, ok := errors.AsType[*diagnostic.Problem](err); ok {
		return placed
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if e, ok := errors.AsType[*exhausted](err); ok {
		return overBudget{p.errorf(e.message, e.hint)}
	}
	hint := ""
	if e, ok := errors.AsType[*missing](err); ok {
		hint = e.hint
	} else if e, ok := errors.AsType[*Refusal](err); ok {
		hint = e.Hint
	}
	return p.errorf(err.Error(), hint)
}

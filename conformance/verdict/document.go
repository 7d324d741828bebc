package verdict

import (
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strings"

	"ddc/conformance/matrix"
)

// document is a text that can be written as Markdown and as a page. Its
// paragraphs know **bold** and `code`.
type document struct {
	title  string
	blocks []block
}

// block is one part of a document. The field that is set says which kind.
type block struct {
	heading string
	level   int
	text    string
	items   []string
	head    []string
	rows    [][]string
	code    string
	// plot is for the page alone.
	plot template.HTML
	// markdownOnly is what a plot says on the page.
	markdownOnly bool
}

func (d *document) section(text string)     { d.blocks = append(d.blocks, block{heading: text, level: 2}) }
func (d *document) part(text string)        { d.blocks = append(d.blocks, block{heading: text, level: 3}) }
func (d *document) list(items ...string)    { d.blocks = append(d.blocks, block{items: items}) }
func (d *document) dump(text string)        { d.blocks = append(d.blocks, block{code: text}) }
func (d *document) picture(p template.HTML) { d.blocks = append(d.blocks, block{plot: p}) }
func (d *document) say(f string, a ...any) {
	d.blocks = append(d.blocks, block{text: fmt.Sprintf(f, a...)})
}
func (d *document) table(head []string, rows [][]string) {
	if len(rows) > 0 {
		d.blocks = append(d.blocks, block{head: head, rows: rows})
	}
}

func (d *document) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", d.title)
	for _, k := range d.blocks {
		switch {
		case k.plot != "":
			continue
		case k.heading != "":
			fmt.Fprintf(&b, "\n%s %s\n", strings.Repeat("#", k.level), k.heading)
		case k.text != "":
			fmt.Fprintf(&b, "\n%s\n", k.text)
		case k.code != "":
			fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.TrimRight(k.code, "\n"))
		case k.head != nil:
			b.WriteString("\n| " + strings.Join(cells(k.head), " | ") + " |\n|" + strings.Repeat("---|", len(k.head)) + "\n")
			for _, row := range k.rows {
				b.WriteString("| " + strings.Join(cells(row), " | ") + " |\n")
			}
		default:
			b.WriteString("\n")
			for _, item := range k.items {
				b.WriteString("- " + item + "\n")
			}
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the verdict: %w", err)
	}
	return nil
}

// cells escapes text for a Markdown table.
func cells(row []string) []string {
	fit := make([]string, len(row))
	for i, text := range row {
		fit[i] = strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
	}
	return fit
}

func (d *document) html(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s</title>\n<style>%s</style>\n<h1>%s</h1>\n",
		template.HTMLEscapeString(d.title), matrix.Style(), inline(d.title))
	lead := ` class="lead"` // the first paragraph is the answer
	for _, k := range d.blocks {
		switch {
		case k.markdownOnly:
			continue
		case k.plot != "":
			b.WriteString(string(k.plot))
		case k.heading != "":
			fmt.Fprintf(&b, "<h%d>%s</h%d>\n", k.level, inline(k.heading), k.level)
		case k.text != "":
			fmt.Fprintf(&b, "<p%s>%s</p>\n", lead, inline(k.text))
			lead = ""
		case k.code != "":
			fmt.Fprintf(&b, "<pre>%s</pre>\n", template.HTMLEscapeString(k.code))
		case k.head != nil:
			b.WriteString("<div class=\"wide\"><table><thead><tr>" + wrap("th", k.head) + "</tr></thead><tbody>\n")
			for _, row := range k.rows {
				b.WriteString("<tr>" + wrap("td", row) + "</tr>\n")
			}
			b.WriteString("</tbody></table></div>\n")
		default:
			b.WriteString("<ul>" + wrap("li", k.items) + "</ul>\n")
		}
	}
	b.WriteString("</html>\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the page of the verdict: %w", err)
	}
	return nil
}

func wrap(tag string, texts []string) string {
	var b strings.Builder
	for _, t := range texts {
		fmt.Fprintf(&b, "<%s>%s</%s>", tag, inline(t), tag)
	}
	return b.String()
}

var (
	bold = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	code = regexp.MustCompile("`([^`]+)`")
)

func inline(text string) string {
	text = template.HTMLEscapeString(text)
	text = bold.ReplaceAllString(text, "<b>$1</b>")
	return code.ReplaceAllString(text, "<code>$1</code>")
}

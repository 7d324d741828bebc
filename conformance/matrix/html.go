package matrix

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed page.html
var page string

//go:embed page.css
var style string

// Style is the style sheet of a page that shows a matrix. It is readable in
// light and dark, and on paper.
func Style() template.CSS { return template.CSS(style) }

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"style": Style, "second": func(d time.Duration) string { return d.Round(time.Second).String() },
}).Parse(page))

// HTML writes a page that needs nothing but itself.
func (r *Report) HTML(w io.Writer) error {
	if err := pageTemplate.Execute(w, r); err != nil {
		return fmt.Errorf("write the page of the matrix: %w", err)
	}
	return nil
}

// Fragment is the matrix as a part of a page: the table, whose cells unfold.
func (r *Report) Fragment() (template.HTML, error) {
	var b strings.Builder
	if err := pageTemplate.ExecuteTemplate(&b, "matrix", r); err != nil {
		return "", fmt.Errorf("write the table of the matrix: %w", err)
	}
	return template.HTML(b.String()), nil
}

// Class is a cell's style.
func (c *Cell) Class() string {
	if c.Verdict == Immune && c.Expected.Bites {
		return "notseen"
	}
	return string(c.Verdict)
}

// Lines are the details of a cell, for people who unfold it.
func (c *Cell) Lines() []string {
	if c.Evidence != nil {
		return append([]string{c.Why}, c.Evidence.Words[min(1, len(c.Evidence.Words)):]...)
	}
	return []string{c.Why}
}

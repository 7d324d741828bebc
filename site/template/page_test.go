package template_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"ddc/internal/doctable"
	"ddc/site/template"
)

var write = flag.Bool("write", false, "write the tables of docs/TEMPLATES.md and of the guide anew")

const (
	templatesPage = "../../docs/TEMPLATES.md"
	guidePage     = "../../docs/guide/content/reference/templates.md"
	tablesBegin   = "<!-- filters, tests and functions: go test ./site/template -run ReferencePage -write -->\n"
	tablesEnd     = "<!-- end of the tables -->\n"
)

// The page is made of the tables that templates are checked against, so that it
// lists all there is and nothing else.
func TestReferencePageListsWhatTheCodeKnows(t *testing.T) {
	for _, page := range []string{templatesPage, guidePage} {
		doctable.Hold(t, page, tablesBegin, tablesEnd, tables(), *write)
	}
}

func tables() string {
	var b strings.Builder
	section := func(title, head string, of func(template.Entry) bool) {
		var rows [][2]string
		for _, e := range template.Reference() {
			if of(e) {
				rows = append(rows, [2]string{e.Call, e.Doc})
			}
		}
		fmt.Fprintf(&b, "\n## %s\n%s", title, doctable.Table(head, rows))
	}
	for _, kind := range []string{"filter", "test", "function"} {
		heads := map[string]string{"filter": "filter | gives", "test": "test | holds if", "function": "function | gives"}
		titles := map[string]string{"filter": "Filters", "test": "Tests", "function": "Functions"}
		section(titles[kind], heads[kind], func(e template.Entry) bool { return e.Kind == kind && !e.Missing })
	}
	section("What Zola or Jinja have and this has not", "instead of | do this", func(e template.Entry) bool { return e.Missing })
	b.WriteString("\n")
	return b.String()
}

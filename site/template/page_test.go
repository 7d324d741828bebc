package template_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/template"
)

var write = flag.Bool("write", false, "write the tables of docs/TEMPLATES.md anew")

const (
	templatesPage = "../../docs/TEMPLATES.md"
	tablesBegin   = "<!-- filters, tests and functions: go test ./site/template -run ReferencePage -write -->\n"
	tablesEnd     = "<!-- end of the tables -->\n"
)

// The page is made of the tables that templates are checked against, so that it
// lists all there is and nothing else.
func TestReferencePageListsWhatTheCodeKnows(t *testing.T) {
	content, err := os.ReadFile(templatesPage)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(content), tablesBegin)
	require.True(t, ok, "no tables in %s", templatesPage)
	have, after, ok := strings.Cut(rest, tablesEnd)
	require.True(t, ok, "no end of the tables in %s", templatesPage)
	want := tables()
	if *write {
		require.NoError(t, os.WriteFile(templatesPage, []byte(before+tablesBegin+want+tablesEnd+after), 0o644))
		return
	}
	assert.Equal(t, want, have, "the tables are out of date: run the test with -write")
}

func tables() string {
	var b strings.Builder
	section := func(title, head string, of func(template.Entry) bool) {
		fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|---|---|\n", title, head)
		for _, e := range template.Reference() {
			if of(e) {
				fmt.Fprintf(&b, "| `%s` | %s |\n", cell(e.Call), cell(prose(e.Doc)))
			}
		}
	}
	for _, kind := range []string{"filter", "test", "function"} {
		heads := map[string]string{"filter": "filter | gives", "test": "test | holds if", "function": "function | gives"}
		titles := map[string]string{"filter": "Filters", "test": "Tests", "function": "Functions"}
		section(titles[kind], heads[kind], func(e template.Entry) bool { return e.Kind == kind && !e.Missing })
	}
	section("What Zola has and this has not", "instead of | do this", func(e template.Entry) bool { return e.Missing })
	b.WriteString("\n")
	return b.String()
}

// cell is a text within a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// prose is a text that shows tags.
func prose(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}

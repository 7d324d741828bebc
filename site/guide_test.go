package site_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The guide's page about templates names all that they see.
func TestGuideNamesEachVariableOfATemplate(t *testing.T) {
	page, err := os.ReadFile("../docs/guide/content/design/templates.md")
	require.NoError(t, err)
	encoded := func(name string) string { return `"` + name + `": {{ ` + name + ` | json_encode | safe }}` }
	p := newProject(t, ".config/dodeca.kdl", configured("taxonomies { tags paginate_by=1 }"),
		"content/blog/_index.md", fronted("title = \"B\"\npaginate_by = 1", ""), "content/blog/a.md", fronted("tags = [\"x\"]", ""),
		"templates/page.html", "<title>{"+encoded("page")+"}", "templates/section.html", "<title>{"+encoded("section")+`, `+encoded("paginator")+"}",
		"templates/taxonomy_list.html", "<title>{"+encoded("taxonomy")+"}", "templates/taxonomy_single.html", "<title>{"+encoded("term")+"}",
		"templates/index.html", "<title>{"+encoded("config")+`, `+encoded("current_path")+`, `+encoded("current_url")+`, `+encoded("lang")+"}")
	p.mustBuild()
	for _, file := range []string{"index.html", "blog/index.html", "blog/a/index.html", "tags/index.html", "tags/x/index.html"} {
		_, text, found := strings.Cut(p.read(file), "<title>")
		require.True(t, found)
		text, _, _ = strings.Cut(text, "</title>")
		var seen map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &seen), text)
		for name, value := range seen {
			assert.True(t, strings.Contains(string(page), "`"+name+"`"), name)
			fields, _ := value.(map[string]any)
			for field := range fields {
				named := strings.Contains(string(page), "`"+field+"`") || strings.Contains(string(page), "`."+field+"`")
				assert.True(t, named, "%s.%s", name, field)
			}
		}
	}
}

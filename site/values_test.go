package site

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/plugins/markdown/markdownpb"
	"ddc/site/config"
	"ddc/site/content"
)

// Each page had a list of its own of all sections above it, and each section in
// it was another value: 10,000 pages below 500 folders took gigabytes.
func TestPagesOfAFolderHaveOneListOfAncestors(t *testing.T) {
	const deep = 300
	folder := strings.Repeat("a/", deep)
	nodes := []*content.Node{content.NewNode("_index.md"), content.NewNode(folder + "x.md"), content.NewNode(folder + "y.md")}
	for i := range deep {
		nodes = append(nodes, content.NewNode(folder[:2*i+2]+"_index.md"))
	}
	tree := &tree{}
	tree.root, _ = content.Grow(nodes)
	for _, n := range nodes {
		tree.pages = append(tree.pages, &page{Node: n, meta: &meta{FrontMatter: &markdownpb.FrontMatter{}, extra: map[string]any{}}})
	}
	v := newValues(tree, &config.Config{}, false)
	of := func(path string) []any { return v.others[folder+path]["ancestors"].([]any) }
	require.Len(t, of("x.md"), deep)
	assert.Same(t, &of("x.md")[0], &of("y.md")[0])
	assert.Empty(t, v.sections["a/_index.md"]["ancestors"])
	assert.Len(t, v.sections["a/a/a/_index.md"]["ancestors"], 2)
}

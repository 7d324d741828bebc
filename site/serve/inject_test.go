package serve

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	parser "golang.org/x/net/html"

	"ddc/internal/diagnostic"
)

const script = `<script data-ddc="x"></script>`

// withoutScript is the tree of a page once the script has taken itself out.
func withoutScript(t *testing.T, page string) string {
	t.Helper()
	doc, err := parser.Parse(strings.NewReader(page))
	require.NoError(t, err)
	var found []*parser.Node
	for n := range doc.Descendants() {
		if n.Type == parser.ElementNode && n.Data == "script" && len(n.Attr) > 0 && n.Attr[0].Key == "data-ddc" {
			found = append(found, n)
		}
	}
	require.Len(t, found, 1, "%q", page)
	assert.Equal(t, "head", found[0].Parent.Data, "%q", page)
	found[0].Parent.RemoveChild(found[0])
	return rendered(t, doc)
}

func rendered(t *testing.T, doc *parser.Node) string {
	t.Helper()
	var out strings.Builder
	var write func(n *parser.Node)
	write = func(n *parser.Node) {
		out.WriteString("(" + n.Data)
		for _, a := range n.Attr {
			out.WriteString(" " + a.Key + "=" + a.Val)
		}
		for c := range n.ChildNodes() {
			write(c)
		}
		out.WriteString(")")
	}
	write(doc)
	return out.String()
}

func sameTree(t *testing.T, page string) {
	t.Helper()
	doc, err := parser.Parse(strings.NewReader(page))
	require.NoError(t, err)
	assert.Equal(t, rendered(t, doc), withoutScript(t, inject(page, script)), "%q", page)
}

func TestScriptLeavesTheTreeAsItWas(t *testing.T) {
	for _, page := range []string{
		"", " \n", "text", " \n text", "<p>x", "<!doctype html>\n\n<title>x</title>\n<p>y", "<!DOCTYPE html><html lang=en>\n <head>\n <title>x</title></head> <body>y",
		"<!-- </body> --><p>x", "<head>  <meta charset=utf-8>", "<HEAD\nx=1>  a", "<body class=a> x", "</br>", "</p>x", "</head> x", "</body> x", "</html> <p>", "<html> <!-- a --> <head> x",
		"<frameset><frame></frameset>", "<script>var a = '<head>'</script>", "<template></template>", "<base href=/x/>", "<!doctype html> \x00<p>", "<?php x ?><p>", "<svg><head>", "\ufeff<p>x", "<html><html lang=de><head>",
	} {
		sameTree(t, page)
	}
}

func TestScriptLeavesTheTreeAsItWasWhateverTheSoup(t *testing.T) {
	pieces := []string{"<!doctype html>", "<html>", "<html lang=a>", "<head>", "</head>", "<body>", "</body>", "</html>", " ", "\n", "text", "<!--c-->", "<title>t</title>", "<meta charset=a>", "<p>", "</p>",
		"</br>", "<br>", "<script>s</script>", "<style>s</style>", "<template>", "</template>", "<noscript>", "</noscript>", "<frameset>", "<frame>", "<table>", "<base href=a>", "<link rel=a>", "</x>", "<svg>", "&amp;", "\x00"}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 2))
		var page strings.Builder
		for range random.IntN(9) {
			page.WriteString(pieces[random.IntN(len(pieces))])
		}
		sameTree(t, page.String())
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestScriptsOfAPageAreComparedWhole(t *testing.T) {
	assert.Equal(t, scriptsOf("<p>a<script>x</script>"), scriptsOf("<b>b<script>x</script><i>"))
	for _, other := range []string{"<p>", "<script>y</script>", "<script a>x</script>", "<script>x</script><script src=a></script>"} {
		assert.NotEqual(t, scriptsOf("<script>x</script>"), scriptsOf(other))
	}
}

func TestAPageIsToldOfAFewFilesOfAFaultThatManyHave(t *testing.T) {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("\x1b%04d.md", i)
	}
	shown := shownFaults(diagnostic.Errors{{File: many[0], Message: "m", Files: many}, {Message: "m"}})
	assert.Equal(t, []string{`\u001b0000.md`, `\u001b0001.md`, `\u001b0002.md`, `\u001b0003.md`, `\u001b0004.md`}, shown[0].Files)
	assert.Empty(t, shown[1].Files)
	assert.Equal(t, "\x1b0000.md", many[0])
}

package html_diff

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"ddc/internal/fixture"
	pb "ddc/plugins/html_diff/html_diffpb"
)

// diff returns the patches after checking that they make the new page of the
// old.
func diff(t *testing.T, from, to string) []*pb.Patch {
	t.Helper()
	got, err := New().Diff(t.Context(), &pb.DiffRequest{OldHtml: from, NewHtml: to})
	require.NoError(t, err)
	doc, err := html.Parse(strings.NewReader(from))
	require.NoError(t, err)
	patched, err := apply(doc, got.Patches)
	require.NoError(t, err, "from %q\nto %q", from, to)
	want, err := html.Parse(strings.NewReader(to))
	require.NoError(t, err)
	require.Equal(t, dump(want), dump(patched), "from %q\nto %q\nby %v", from, to, got.Patches)
	return got.Patches
}

// short writes patches in one line each, paths counted from the body of a page
// without white space around its parts.
func short(patches []*pb.Patch) []string {
	var lines []string
	for _, p := range patches {
		name := strings.TrimPrefix(p.Operation.String(), "OPERATION_")
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %v %s", name, p.Path, p.Html+p.Name+" "+p.Value)))
	}
	return lines
}

func page(body string) string {
	return "<!DOCTYPE html><html><head><title>T</title></head><body>" + body + "</body></html>"
}

func TestPatchesAreAsSmallAsTheChange(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"nothing":           {"<p>a</p>", "<p>a</p>", nil},
		"attribute order":   {`<p id=a class=b>x</p>`, `<p class=b id=a>x</p>`, nil},
		"text":              {"<p>a</p>", "<p>b</p>", []string{"SET_TEXT [1 1 0 0]  b"}},
		"attribute set":     {`<p class="a" x="1">t</p>`, `<p class="b" y="2">t</p>`, []string{"REMOVE_ATTRIBUTE [1 1 0] x", "SET_ATTRIBUTE [1 1 0] class b", "SET_ATTRIBUTE [1 1 0] y 2"}},
		"appended":          {"<p>a</p>", "<p>a</p><p>b</p>", []string{"APPEND_CHILD [1 1] <p>b</p>"}},
		"inserted first":    {"<p>a</p><p>b</p>", "<h1>n</h1><p>a</p><p>b</p>", []string{"INSERT_BEFORE [1 1 0] <h1>n</h1>"}},
		"inserted between":  {"<p>a</p><p>b</p>", "<p>a</p><p>n</p><p>b</p>", []string{"INSERT_BEFORE [1 1 1] <p>n</p>"}},
		"removed":           {"<p>a</p><p>b</p><p>c</p>", "<p>a</p><p>c</p>", []string{"REMOVE [1 1 1]"}},
		"replaced":          {"<p>a</p><i>b</i><p>c</p>", "<p>a</p><b>b</b><p>c</p>", []string{"REPLACE [1 1 1] <b>b</b>"}},
		"comment":           {"<!--a-->", "<!--b-->", []string{"REPLACE [1 1 0] <!--b-->"}},
		"text into element": {"a", "<b>a</b>", []string{"REPLACE [1 1 0] <b>a</b>"}},
		"row":               {"<table><tbody><tr><td>1</td></tr></tbody></table>", "<table><tbody><tr><td>1</td></tr><tr><td>2</td></tr></tbody></table>", []string{"APPEND_CHILD [1 1 0 0] <tr><td>2</td></tr>"}},
		"svg":               {`<svg viewBox="0 0 1 1"><g><path d="a"></path></g></svg>`, `<svg viewBox="0 0 2 2"><g><path d="a"></path><path d="b"></path></g></svg>`, []string{"SET_ATTRIBUTE [1 1 0] viewBox 0 0 2 2", `APPEND_CHILD [1 1 0 0] <path d="b"></path>`}},
		"keyed by id":       {`<div id=a>1</div><div id=b>2</div>`, `<div id=b>3</div>`, []string{"REMOVE [1 1 0]", "SET_TEXT [1 1 0 0]  3"}},
		"script":            {`<script>a<b</script>`, `<script>a>b</script>`, []string{"SET_TEXT [1 1 0 0]  a>b"}},
		"filled script":     {`<script></script>`, `<script>a<b</script>`, []string{"REPLACE [1 1 0] <script>a<b</script>"}},
		"template":          {`<template><p>a</p></template>`, `<template><p>b</p></template>`, []string{"REPLACE [1 1 0] <template><p>b</p></template>"}},
		"xlink":             {`<svg><a xlink:href="a"></a></svg>`, `<svg><a xlink:href="b"></a></svg>`, []string{`REPLACE [1 1 0 0] <a xlink:href="b"></a>`}},
		"pre":               {"<pre>a</pre>", "<pre>\n\na</pre>", []string{"SET_TEXT [1 1 0 0]  \na"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, short(diff(t, page(c.from), page(c.to)))) })
	}
}

func TestHeadAndBodyArePatchedToo(t *testing.T) {
	from := `<!DOCTYPE html><html lang="en"><head><title>A</title></head><body class="a">x</body></html>`
	to := `<!DOCTYPE html><html lang="de"><head><title>B</title><meta name="m"></head><body class="b">x</body></html>`
	assert.Equal(t, []string{
		"SET_ATTRIBUTE [1] lang de", "SET_TEXT [1 0 0 0]  B", `APPEND_CHILD [1 0] <meta name="m"/>`, "SET_ATTRIBUTE [1 1] class b",
	}, short(diff(t, from, to)))
}

func TestLongListLosesOnlyWhatLeft(t *testing.T) {
	var from, to strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&from, "<li>item %d</li>", i)
		if i%500 != 7 {
			fmt.Fprintf(&to, "<li>item %d</li>", i)
		}
	}
	patches := diff(t, page("<ul>"+from.String()+"</ul>"), page("<ul>"+to.String()+"</ul>"))
	require.Len(t, patches, 6)
	for _, p := range patches {
		assert.Equal(t, pb.Patch_OPERATION_REMOVE, p.Operation)
	}
}

func TestLongListsOfTheSameThingAreStillTurnedIntoOneAnother(t *testing.T) {
	diff(t, page(strings.Repeat("<i>a</i>", 3000)+"<u></u>"), page("<b></b>"+strings.Repeat("<i>a</i>x", 2000)))
}

func TestPagesThatOnlyAWholeDocumentCanReplace(t *testing.T) {
	for name, c := range map[string]struct{ from, to string }{
		"other doctype":   {page("a"), `<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN"><p>a`},
		"frameset":        {page("a"), "<frameset><frame src=x></frameset>"},
		"comment outside": {page("a"), "<!-- first -->" + page("a")},
	} {
		t.Run(name, func(t *testing.T) {
			patches := diff(t, c.from, c.to)
			require.Len(t, patches, 1)
			assert.Empty(t, patches[0].Path)
			assert.Equal(t, c.to, patches[0].Html)
		})
	}
}

// pieces are bits of markup that meet most of the parser's corners.
var pieces = []string{
	"<p>", "</p>", "<div id=a>", "<div id=b class=x>", "</div>", "text ", " ", "\n", "<b>", "</b>", "<i>", "</i>", "<a href=x>", "<a href=y>", "</a>", "<!--c-->", "<!--d-->",
	"<table>", "<tr>", "<td>", "</td>", "</table>", "<ul>", "<li>", "</ul>", "<pre>\n", "\n\n</pre>", "<script>a<b</script>", "<style>x{}</style>", "<textarea>\n", "</textarea>",
	"<svg viewBox='0 0 1 1'>", "<path d=a />", "<foreignObject>", "</svg>", "<math>", "<mi>", "</math>", "<template>", "</template>", "<select>", "<option>", "</select>",
	"<form>", "</form>", "<input x=1 x=2>", "<br>", "&amp;&lt;", "<h2 id=t>", "</h2>", "<img src=a>", "<noscript><u>", "</noscript>", "<body class=z>", "<html lang=q>", "<p x\"y=1>", "<title>t", "</title>",
	"<xlink xlink:href=a>", "<button>", "</button>", "<svg><a xlink:href=b>",
}

func soup(random *rand.Rand, length int) []string {
	out := make([]string, length)
	for i := range out {
		out[i] = pieces[random.IntN(len(pieces))]
	}
	return out
}

func TestPatchesMakeTheNewPageWhateverTheSoup(t *testing.T) {
	for seed := range uint64(4000) {
		random := rand.New(rand.NewPCG(seed, 1))
		from := soup(random, 1+random.IntN(30))
		to := append([]string{}, from...)
		for range 1 + random.IntN(5) {
			at := random.IntN(len(to) + 1)
			to = append(to[:at:at], append(soup(random, random.IntN(4)), to[min(len(to), at+random.IntN(3)):]...)...)
		}
		diff(t, strings.Join(from, ""), strings.Join(to, ""))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// pages are those of a site within its own frame, by name.
func pages(tb testing.TB, site fs.FS) []string {
	tb.Helper()
	framed := fixture.Framed(tb, site)
	var pages []string
	for _, name := range slices.Sorted(maps.Keys(framed)) {
		pages = append(pages, framed[name])
	}
	return pages
}

func TestPagesOfASiteTurnIntoOneAnother(t *testing.T) {
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		pages := pages(t, site)
		for i, from := range pages {
			patches := diff(t, from, pages[(i+1)%len(pages)])
			require.NotEmpty(t, patches, site.Name)
			for _, p := range patches {
				assert.NotEmpty(t, p.Path, "%s: no page of a site needs a whole document", site.Name)
			}
		}
	}
}

func TestAnEditedPageNeedsFewPatches(t *testing.T) {
	for _, site := range fixture.Sites("dodeca-docs/docs") {
		for _, from := range pages(t, site) {
			require.Equal(t, 1, strings.Count(from, "<main"), site.Name)
			to := strings.Replace(from, "</h1>", "</h1><p>A new paragraph.</p>", 1)
			size := 0
			for _, p := range diff(t, from, to) {
				size += len(p.Html) + len(p.Value)
			}
			assert.Less(t, size, 150, site.Name)
		}
	}
}

func FuzzDiff(f *testing.F) {
	f.Add("<p>a<table><tr>x", "<a>b<p><a>c")
	f.Add(page("<ul><li id=a>1</ul>"), page("<ul><li id=b>1<li id=a>2</ul>"))
	f.Add("<svg><title><p>", "<math><annotation-xml encoding='text/html'><p>")
	f.Fuzz(func(t *testing.T, from, to string) {
		for _, p := range []string{from, to} {
			if _, err := html.Parse(strings.NewReader(p)); err != nil {
				return
			}
		}
		diff(t, from, to)
	})
}

func BenchmarkDiffRealPages(b *testing.B) {
	pages := pages(b, fixture.RealOrSkip(b, "dodeca-docs/docs"))
	edited := strings.Replace(pages[0], "</h1>", "</h1>\n<p>A new paragraph.</p>", 1)
	for name, to := range map[string]string{"edited": edited, "other": pages[1]} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(pages[0])))
			for b.Loop() {
				if _, err := New().Diff(b.Context(), &pb.DiffRequest{OldHtml: pages[0], NewHtml: to}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

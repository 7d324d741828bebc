package site_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site"
)

// moment is the time that all builds of these tests are told.
var moment = time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)

// change is one edit of a site: files to write, by path, or to remove where the
// text is gone. It can be done again, on a site that other changes were left
// out of.
type change map[string]string

const gone = "\x00"

func (c change) String() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if c[name] == gone {
			all = append(all, "remove "+name)
		} else {
			all = append(all, fmt.Sprintf("write %s %.60q", name, c[name]))
		}
	}
	return strings.Join(all, ", ")
}

func (p *project) change(c change) {
	p.t.Helper()
	for name, text := range c {
		if text == gone {
			require.NoError(p.t, os.RemoveAll(filepath.Join(p.folder, name)))
			continue
		}
		p.write(name, text)
	}
}

// lively is a site whose pages show each other in many ways.
func lively(t *testing.T) *project {
	return newProject(t,
		"content/_index.md", titledAs("Home")+"see [a](@/blog/a.md) ![p](/p.png)\n",
		"content/blog/_index.md", titledAs("Blog")+"all\n",
		"content/blog/a.md", titledAs("A")+"## One\n\n```rust,noexec\nfn main() {}\n```\n[b](./b.md#part) <style>p{background:url(/d.svg)}</style>\n",
		"content/blog/b.md", titledAs("B")+"## Part\n\n[gone](/gone/)\n",
		"content/guide/_index.md", titledAs("Guide")+"the guide\n",
		"content/guide/one.md", titledAs("One")+"one\n",
		"templates/base.html", `<!DOCTYPE html><html><head><title>{% block title %}{% endblock %}</title><link rel="stylesheet" href="/s.css"><script src="/s.js"></script></head>`+
			`<body><nav>{% for s in root.subsections %}<a href="{{ s.permalink }}/">{{ s.title }}</a>{% endfor %}</nav>{% include "note.html" %}{% block body %}{% endblock %}</body></html>`,
		"templates/note.html", `<p>{{ data.note.text | default(value="no note") }}</p>`,
		"templates/m.html", `{% macro line(p) %}<li>{{ p.title }}: {{ p.extra.kind | default(value="-") }}</li>{% endmacro %}`,
		"templates/index.html", `{% extends "base.html" %}{% block title %}{{ section.title }}{% endblock %}{% block body %}{{ section.content | safe }}{{ get_section(path="blog/_index.md").pages | length }}{% endblock %}`,
		"templates/section.html", `{% extends "base.html" %}{% import "m.html" as m %}{% block title %}{{ section.title }}{% endblock %}{% block body %}<ul>{% for p in section.pages %}{{ m::line(p=p) }}{% endfor %}</ul>{{ section.content | safe }}{% endblock %}`,
		"templates/page.html", `{% extends "base.html" %}{% block title %}{{ page.title }}{% endblock %}{% block body %}{% for a in page.ancestors %}{{ a.title }}/{% endfor %}{{ section.title }} {% for h in page.toc %}{{ h.title }}{% endfor %}`+
			`{{ page.content | safe }}{{ load_data(path="data/list.csv", required=false) | json_encode() }}{% endblock %}`,
		"static/p.png", pngFile(20, 20), "static/d.svg", `<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9z"/></svg>`,
		"static/f.ttf", goFont, "static/s.css", "@font-face{font-family:F;src:url(f.ttf)}body{font-family:F}", "static/s.js", "let x = 1\n", "static/plain.txt", "plain",
		"data/note.toml", "text = \"noted\"\n",
	)
}

// edit makes up a change.
func edit(r *rand.Rand, step int) change {
	pages := []string{"content/blog/a.md", "content/blog/b.md", "content/guide/one.md", "content/blog/c.md", "content/guide/deep/d.md", "content/e.md"}
	page := pages[r.IntN(len(pages))]
	word := fmt.Sprintf("word%d", step)
	body := []string{"## Part\n\n" + word + "\n", "[x](@/blog/a.md) " + word, "[x](@/blog/c.md)\n", "![p](/p.png) é" + word, "```go,noexec\nfunc f() {}\n```\n", "<style>p{background:url(/d.svg)}</style>"}[r.IntN(6)]
	switch r.IntN(16) {
	case 0, 1, 2:
		return change{page: titledAs("T") + body}
	case 3:
		return change{page: titledAs(word) + body}
	case 4:
		return change{page: "+++\ntitle = \"K\"\nweight = 3\n[extra]\nkind = \"" + word + "\"\n+++\n" + body}
	case 5:
		return change{page: gone}
	case 6:
		return change{page: gone, pages[r.IntN(len(pages))]: titledAs("Moved") + body}
	case 7:
		return change{"content/guide": gone, "content/news/_index.md": titledAs("News"), "content/news/n.md": titledAs(word) + body}
	case 8:
		return change{"templates/note.html": "<p>{{ data.note.text | default(value=\"none\") }} " + word + "</p>"}
	case 9:
		return change{"templates/m.html": `{% macro line(p) %}<li>` + word + ` {{ p.title }} {{ p.description | default(value="") }}</li>{% endmacro %}`}
	case 10:
		return change{"static/s.css": "@font-face{font-family:F;src:url(f.ttf)}body{font-family:F;margin:" + fmt.Sprint(step) + "px}"}
	case 11:
		return change{"static/p.png": pngFile(20+step%7, 20)}
	case 12:
		return change{"data/list.csv": "a,b\n" + word + ",2\n"}
	case 13:
		return change{"data/list.csv": gone, "data/note.toml": []string{gone, "text = \"" + word + "\"\n"}[r.IntN(2)]}
	case 14:
		return change{page: "+++\ntitle = \n+++\n"} // a fault, until it is written again
	default:
		return change{"static/" + word + ".txt": word, "static/s.js": "import \"/p.png\"; let x = " + fmt.Sprint(step) + "\n"}
	}
}

// outcome is what a build has come to: each file's contents, or the faults.
type outcome struct {
	files  map[string]string
	faults string
}

func outcomeOf(t testing.TB, folder string, result *site.Result, err error) outcome {
	t.Helper()
	var faults site.Errors
	if errors.As(err, &faults) {
		return outcome{faults: faults.Error()}
	}
	require.NoError(t, err)
	o := outcome{files: map[string]string{}}
	for _, w := range result.Warnings {
		o.faults += w.String() + "\n"
	}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		o.files[strings.TrimPrefix(path, folder+"/")] = string(data)
		return err
	}))
	return o
}

// differs says how two outcomes differ; "" if they do not.
func (o outcome) differs(other outcome) string {
	if o.faults != other.faults {
		return fmt.Sprintf("the session says %q, a clean build %q", o.faults, other.faults)
	}
	names := slices.Sorted(maps.Keys(o.files))
	if others := slices.Sorted(maps.Keys(other.files)); !slices.Equal(names, others) {
		return fmt.Sprintf("the session has %q, a clean build %q", names, others)
	}
	for _, name := range names {
		if o.files[name] != other.files[name] {
			return fmt.Sprintf("%s is %.300q, in a clean build %.300q", name, o.files[name], other.files[name])
		}
	}
	return ""
}

// replay makes changes one after the other in a site that stays open, and says
// what first differs from a clean build, if anything does.
func replay(t *testing.T, changes []change) string {
	t.Helper()
	return lively(t).replay(changes)
}

// replay makes changes in a site as it is now.
func (p *project) replay(changes []change) string {
	t := p.t
	t.Helper()
	plugins := connect(t)
	options := site.Options{Now: moment, NoCodeExec: true}
	crowded := options
	crowded.Unfinished.Room = 3000 // no more than a few values stay in memory
	s, err := site.Open(t.Context(), p.config(), plugins, crowded)
	require.NoError(t, err)
	defer s.Close()
	keeping := &keeping{folder: filepath.Join(filepath.Dir(p.folder), "cache")}
	for i, c := range append([]change{{}}, changes...) {
		p.change(c)
		refresh := s.Refresh
		if i%2 == 1 {
			refresh = s.RefreshOnly
		}
		_, err := refresh(t.Context(), p.pathsOf(c)...)
		require.NoError(t, err)
		checked, failed := s.Check(t.Context())
		result, err := s.Build(t.Context())
		session := outcomeOf(t, p.config().Output, result, err)
		clean := *p.config()
		clean.Output = filepath.Join(filepath.Dir(p.folder), "clean")
		result, err = site.Build(t.Context(), &clean, plugins, options)
		want := outcomeOf(t, clean.Output, result, err)
		if said := session.differs(want); said != "" {
			return fmt.Sprintf("after change %d, %s: %s", i, c, said)
		}
		if want.files != nil && (failed != nil || len(checked.Faults) > 0) {
			return fmt.Sprintf("after change %d, %s: pages are at fault, and a build is not: %v %v", i, c, failed, checked)
		}
		remembered := *p.config()
		remembered.Output = filepath.Join(filepath.Dir(p.folder), "remembered")
		keeping.check = []uint64{1 << 60, 1, 0}[i%3] // none is compared, all, or some
		result, err = keeping.build(t, &remembered, plugins, options)
		if said := outcomeOf(t, remembered.Output, result, err).differs(want); said != "" {
			return fmt.Sprintf("built with what was kept, after change %d, %s: %s", i, c, said)
		}
		if said := differingFiles(t, s, session); said != "" {
			return fmt.Sprintf("after change %d, %s: %s", i, c, said)
		}
	}
	return ""
}

// differingFiles asks a site for each file by itself.
func differingFiles(t testing.TB, s *site.Site, built outcome) string {
	t.Helper()
	for name, want := range built.files {
		if name == ".ddc" {
			continue
		}
		f, err := s.File(t.Context(), name)
		if err != nil {
			return fmt.Sprintf("%s: %v", name, err)
		}
		data := f.Data
		if f.Path != "" {
			data, err = os.ReadFile(f.Path)
			require.NoError(t, err)
		}
		if !bytes.Equal(data, []byte(want)) {
			return fmt.Sprintf("asked for by itself, %s is %.300q, built %.300q", name, data, want)
		}
	}
	return ""
}

// A site that stays open comes out as a clean build does, whatever changes. The
// seeds are fixed. A sequence that fails is made shorter before it is shown.
func TestSessionEqualsACleanBuildAfterAnyChange(t *testing.T) {
	steps := 200
	if testing.Short() {
		steps = 40
	}
	const each = 20
	for seed := range steps / each {
		r := rand.New(rand.NewPCG(uint64(seed), 13))
		var changes []change
		for step := range each {
			changes = append(changes, edit(r, step))
		}
		said := replay(t, changes)
		for i := 0; said != "" && i < len(changes); {
			shorter := slices.Delete(slices.Clone(changes), i, i+1)
			if again := replay(t, shorter); again != "" {
				changes, said = shorter, again
			} else {
				i++
			}
		}
		require.Empty(t, said, "seed %d, these changes are enough: %v", seed, changes)
	}
}

// That a list has become empty is a change as any other is: the last page of a
// section, the last data file, the last static file, and then they come back.
func TestLastOfAListGoesAndComesBack(t *testing.T) {
	again := change{"content/blog/z.md": titledAs("Z") + "z\n", "content/guide/one.md": titledAs("One") + "one\n", "data/note.toml": "text = \"back\"\n", "static/plain.txt": "back"}
	said := replay(t, []change{
		{"content/_index.md": titledAs("Home")},
		{"content/blog/a.md": gone}, {"content/blog/b.md": gone}, {"content/guide/one.md": gone}, {"data/note.toml": gone}, {"data": gone}, {"static": gone},
		again, {"content/blog": gone, "content/guide": gone}, {"content": gone}, {"content/_index.md": titledAs("Home")}, again, {"templates": gone},
	})
	assert.Empty(t, said)
}

// opened is a site that stays open, built once.
func (p *project) opened() *site.Site {
	p.t.Helper()
	s, err := site.Open(p.t.Context(), p.config(), connect(p.t), site.Options{Now: moment, NoCodeExec: true})
	require.NoError(p.t, err)
	p.t.Cleanup(func() { assert.NoError(p.t, s.Close()) })
	_, err = s.Build(p.t.Context())
	require.NoError(p.t, err)
	return s
}

// made changes a project, and says what the next build makes of pages.
func (p *project) made(s *site.Site, c change) map[string]int {
	p.t.Helper()
	before := s.Counts()
	p.change(c)
	_, err := s.Refresh(p.t.Context())
	require.NoError(p.t, err)
	_, err = s.Build(p.t.Context())
	require.NoError(p.t, err)
	after := s.Counts()
	made := map[string]int{}
	for _, query := range []string{"front", "body", "page", "final", "sheet", "picture", "font", "search"} {
		if n := after.Computed[query] - before.Computed[query]; n > 0 {
			made[query] = n
		}
	}
	for plugin, n := range after.Calls {
		if n -= before.Calls[plugin]; n > 0 && len(made) == 0 {
			made["calls of "+plugin] = n
		}
	}
	return made
}

// pathsOf are the files that a change is of.
func (p *project) pathsOf(c change) (paths []string) {
	for name := range c {
		paths = append(paths, filepath.Join(p.folder, name))
	}
	return paths
}

// Where it is known what has changed, nothing else is looked at.
func TestOnlyWhatIsNamedIsLookedAt(t *testing.T) {
	p := lively(t)
	s := p.opened()
	refreshed := func(want []string, names ...string) {
		t.Helper()
		c := change{}
		for _, name := range names {
			c[name] = ""
		}
		changed, err := s.RefreshOnly(t.Context(), p.pathsOf(c)...)
		require.NoError(t, err)
		assert.Equal(t, want, changed)
	}
	one, two := "content/guide/one.md", "content/guide/two.md"
	p.write(one, titledAs("One")+"eno\n", two, titledAs("Two")+"wto\n", "content/guide/.one.md.swp", "x")
	refreshed([]string{one}, one)
	refreshed(nil, "content/guide/.one.md.swp")
	refreshed([]string{two}, two)
	p.write("content/guide/new.md", titledAs("New"), one, titledAs("One")+"one\n")
	refreshed([]string{"content/guide/new.md", one}, "content/guide/new.md") // a new file has all looked at
	p.write(one, titledAs("One")+"neo\n")
	require.NoError(t, os.Remove(filepath.Join(p.folder, "content/guide/new.md")))
	refreshed([]string{"content/guide/new.md", one}, "content/guide/new.md")
}

// What is wrong with pages is found without a look at those that are as they
// were.
func TestACheckMakesWhatMayHaveChanged(t *testing.T) {
	p := newProject(t, "content/a.md", titledAs("A"), "content/b.md", titledAs("B"))
	s := p.opened()
	checked := func(c change) (anew []string, told int, faults []site.Problem) {
		t.Helper()
		p.change(c)
		_, err := s.RefreshOnly(t.Context(), p.pathsOf(c)...)
		require.NoError(t, err)
		before := s.Counts().Computed["told"]
		found, err := s.Check(t.Context())
		require.NoError(t, err)
		return found.Anew, s.Counts().Computed["told"] - before, found.Faults
	}
	routes, err := s.Routes(t.Context())
	require.NoError(t, err)
	anew, _, faults := checked(nil)
	assert.Len(t, anew, len(routes), "at first all")
	assert.Empty(t, faults)
	anew, told, _ := checked(nil)
	assert.Empty(t, anew)
	assert.Zero(t, told)
	anew, told, _ = checked(change{"content/a.md": titledAs("A") + "eno\n"})
	assert.Equal(t, []string{"a/index.html"}, anew)
	assert.Equal(t, 1, told)
	anew, told, faults = checked(change{"content/a.md": titledAs("A") + "[x](@/no.md)\n"})
	assert.Empty(t, anew)
	assert.Equal(t, 1, told)
	require.Len(t, faults, 1)
	assert.Equal(t, "content/a.md", faults[0].File)
	_, told, faults = checked(nil)
	assert.Zero(t, told)
	assert.Len(t, faults, 1, "it is told as long as it is there")
	anew, _, faults = checked(change{"content/a.md": titledAs("A") + "one\n"})
	assert.Equal(t, []string{"a/index.html"}, anew)
	assert.Empty(t, faults)
}

// A draft needs no other page. It is the page, if the files that it names are
// as before.
func TestDraftIsMadeOfThePageAlone(t *testing.T) {
	p := newProject(t, "content/a.md", titledAs("A"), "content/b.md", titledAs("B"), "static/s.css", "p{margin:0}",
		"templates/page.html", `<!DOCTYPE html><html><head><link rel=stylesheet href="/s.css"></head><body>{{ page.title }}</body></html>`)
	s := p.opened()
	made := func(c change) (draft, page string, pages int) {
		t.Helper()
		p.change(c)
		_, err := s.RefreshOnly(t.Context(), p.pathsOf(c)...)
		require.NoError(t, err)
		before := s.Counts().Computed["page"]
		draft, ok := s.Draft(t.Context(), "a/index.html")
		require.True(t, ok)
		pages = s.Counts().Computed["page"] - before
		f, err := s.File(t.Context(), "a/index.html")
		require.NoError(t, err)
		return draft, string(f.Data), pages
	}
	draft, page, pages := made(change{"templates/page.html": `<!DOCTYPE html><html><head><link rel=stylesheet href="/s.css"></head><body>- {{ page.title }}</body></html>`})
	assert.Equal(t, page, draft)
	assert.Contains(t, draft, "- A")
	assert.Equal(t, 1, pages)
	draft, page, pages = made(change{"static/s.css": "p{margin:1px}"})
	assert.NotEqual(t, page, draft, "the style sheet has another name")
	assert.Zero(t, pages)
	_, ok := s.Draft(t.Context(), "no/index.html")
	assert.False(t, ok)
}

func TestWhatAChangeMakesAnewIsWhatShowsIt(t *testing.T) {
	p := lively(t)
	s := p.opened()
	assert.Empty(t, p.made(s, nil), "nothing has changed")
	assert.Empty(t, p.made(s, change{"static/s.css": "@font-face{font-family:F;src:url(f.ttf)}body{font-family:F}"}), "it is saved as it was")
	assert.Equal(t, map[string]int{"front": 1, "body": 1, "page": 1, "final": 1, "search": 1},
		p.made(s, change{"content/guide/one.md": titledAs("One") + "eno\n"}), "a body is one page's own")
	assert.Equal(t, map[string]int{"front": 1, "body": 1, "page": 2, "final": 2, "search": 1},
		p.made(s, change{"content/guide/one.md": titledAs("Onne") + "eno\n"}), "a title is shown by the section too")
	assert.Equal(t, map[string]int{"front": 1, "body": 1, "page": 2, "final": 2, "search": 1},
		p.made(s, change{"content/guide/eno.md": titledAs("Onone") + "eno\n"}), "a new page is shown by its section")
	assert.Equal(t, map[string]int{"page": 2, "final": 2, "search": 1},
		p.made(s, change{"templates/m.html": `{% macro line(p) %}<li>- {{ p.title }}:</li>{% endmacro %}`}), "the sections import it")
	assert.Equal(t, map[string]int{"page": 7, "final": 7, "search": 1}, p.made(s, change{"data/note.toml": "text = \"onted\"\n"}))
}

func TestPageThatIsAskedForIsMadeAlone(t *testing.T) {
	p := newProject(t, "content/a.md", titledAs("A"), "content/b.md", titledAs("B"))
	s, err := site.Open(t.Context(), p.config(), connect(t), site.Options{NoCodeExec: true})
	require.NoError(t, err)
	defer s.Close()
	f, err := s.File(t.Context(), "a/index.html")
	require.NoError(t, err)
	assert.Contains(t, string(f.Data), "<title>A</title>")
	assert.True(t, f.Page)
	assert.Equal(t, 1, s.Counts().Computed["page"])
	assert.Zero(t, s.Counts().Computed["search"])

	_, err = s.File(t.Context(), "no/index.html")
	require.ErrorIs(t, err, fs.ErrNotExist)
	routes, err := s.Routes(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []site.Route{
		{URL: "/", Name: "index.html", Source: "content/_index.md", Title: "Home"},
		{URL: "/404.html", Name: "404.html", Source: ".config/dodeca.kdl", Title: "Not found"},
		{URL: "/a/", Name: "a/index.html", Source: "content/a.md", Title: "A"},
		{URL: "/b/", Name: "b/index.html", Source: "content/b.md", Title: "B"},
	}, routes)
}

func TestFaultGoesWhenItIsMended(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \n+++\n")
	s, err := site.Open(t.Context(), p.config(), connect(t), site.Options{NoCodeExec: true})
	require.NoError(t, err)
	defer s.Close()
	_, err = s.File(t.Context(), "a/index.html")
	require.ErrorContains(t, err, "content/a.md:2:")
	p.write("content/a.md", titledAs("A")+"[b](@/b.md)")
	changed, err := s.Refresh(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"content/a.md"}, changed)
	_, err = s.File(t.Context(), "a/index.html")
	require.ErrorContains(t, err, `the link "@/b.md" leads to no page`)
	p.write("content/b.md", titledAs("B"))
	_, err = s.Refresh(t.Context())
	require.NoError(t, err)
	f, err := s.File(t.Context(), "a/index.html")
	require.NoError(t, err)
	assert.Contains(t, string(f.Data), "href=/b/")
}

func TestSiteNeedsNoSearch(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n")
	calls := 0
	count := func(e site.Event) {
		if e.Plugin == "pagefind" {
			calls++
		}
	}
	_, err := p.build(site.Options{Progress: count})
	require.NoError(t, err)
	p.write(".config/dodeca.kdl", "content \"content\"\noutput \"public\"\n")
	_, err = p.build(site.Options{Progress: count, NoSearch: true})
	require.NoError(t, err)
	assert.Zero(t, calls)
	_, err = p.build(site.Options{Progress: count})
	require.NoError(t, err)
	assert.NotZero(t, calls)
}

package template_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/template"
)

// reads renders page.html and gives what it read, sorted, a space between.
func reads(t *testing.T, sources files) string {
	t.Helper()
	set, err := template.Load(sources)
	require.NoError(t, err, sources)
	var paths []string
	_, err = set.RenderPage(t.Context(), "page.html", template.Page{
		Vars: values(),
		Funcs: template.Funcs{
			GetURL: func(path string) (string, error) { return "/" + path, nil },
			GetSection: func(path string) (any, error) {
				if path == "none" {
					return nil, nil
				}
				return map[string]any{"title": path, "pages": []any{map[string]any{"title": "in " + path}}}, nil
			},
		},
		Read: func(path string) { paths = append(paths, path) },
	})
	require.NoError(t, err, sources)
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(paths))), len(paths), "each is told once")
	slices.Sort(paths)
	return strings.Join(paths, " ")
}

func TestReadsAreExactlyWhatAPageIsMadeOf(t *testing.T) {
	for source, want := range map[string]string{
		`no value at all {{ 1 + 2 }}{% set x = "a" %}{{ x | upper }}`: ``,
		`{{ page.title }}`: `page.title`,
		`{{ page["title"] }}{{ page["ti" ~ "tle"] }}`:         `page.title`,
		`{{ page.extra.icon }}`:                               `page.extra.icon`,
		`{{ page }}`:                                          `page`,
		`{{ page["no name"] | default("") }}`:                 `page["no name"]`,
		`{% set p = page %}{{ p.title }}`:                     `page.title`,
		`{% set p = page %}{% set q = p.extra %}{{ q.icon }}`: `page.extra.icon`,
		`{% set unused = page.title %}`:                       ``,
		`{% set k = s %}{{ dict[k] | default("") }}`:          `dict.héllo s`,
		// An absent value may appear later.
		`{{ page.x | default("") }}`:                        `page.x`,
		`{{ page.x.y | default("") }}`:                      `page.x.y`,
		`{{ missing | default(page.title) }}`:               `missing page.title`,
		`{{ page.title | default(page.weight) }}`:           `page.title page.weight`,
		`{% if page.x is defined %}{{ page.x }}{% endif %}`: `page.x`,
		`{% if nothing is none %}{{ n }}{% endif %}`:        `n nothing`,
		// Only what is looked at counts.
		`{% if yes %}{{ n }}{% else %}{{ s }}{% endif %}`:           `n yes`,
		`{{ n if yes else s }}{{ blank or f }}{{ blank and html }}`: `blank f n yes`,
		// Lists: how many and which; of the items, what is looked at.
		`{% for p in pages %}{% endfor %}`:                                             `pages`,
		`{% for p in pages %}{{ p.title }}{% endfor %}`:                                `pages pages[*].title`,
		`{% for p in pages %}{% for k, v in p.extra %}{{ v }}{% endfor %}{% endfor %}`: `pages pages[*].extra pages[*].extra[*]`,
		`{{ pages[0].title }}{{ (pages | last).weight }}`:                              `pages pages[*].title pages[*].weight`,
		`{{ pages | length }}`:                                                         `pages`,
		`{{ pages | sort(attribute="weight") | map("title") | join(", ") }}`:           `pages pages[*].title pages[*].weight`,
		`{{ pages | selectattr("draft") | length }}`:                                   `pages pages[*].draft`,
		`{% for k, g in pages | groupby("extra.kind") %}{{ k }}{% endfor %}`:           `pages pages[*].extra.kind`,
		`{{ pages | first | typeof }}`:                                                 `pages pages[*]`,
		`{{ list }}`:                                                                   `list list[*]`,
		`{{ list | join }}`:                                                            `list list[*]`,
		`{{ 9 in list }}`:                                                              `list list[*]`,
		`{% if list %}x{% endif %}{% if list is empty %}y{% endif %}`:                  `list`,
		`{% set all = list + [n] %}{{ all | length }}`:                                 `list`,
		`{% set all = list + [n] %}{{ all }}`:                                          `list list[*] n`,
		`{% for x in list | slice(0, 1) %}{% endfor %}`:                                `list`,
		// Dicts: which fields they have; of the values, what is looked at.
		`{% for k, v in dict %}{{ k }}{% endfor %}`:    `dict`,
		`{% for e in dict %}{{ e.value }}{% endfor %}`: `dict dict[*]`,
		`{{ "a" in dict }}`:                            `dict dict.a`,
		`{{ dict == {"a": 1, "b": 2} }}`:               `dict dict.a dict.b`,
		`{{ page.extra == none }}`:                     `page.extra`,
		// Functions: what they were asked, and what was taken of the answer.
		`{{ get_url(path="x.css") }}`:  `get_url("x.css")`,
		`{{ get_url(page.title) }}`:    `get_url("T") page.title`,
		`{{ get_section("a").title }}`: `get_section("a") get_section("a").title`,
		`{% set a = get_section("a") %}{% for p in a.pages %}{{ p.title }}{% endfor %}`: `get_section("a") get_section("a").pages get_section("a").pages[*].title`,
		`{{ get_section("none") is none }}`:                                             `get_section("none")`,
		// Macros and captured text.
		`{% macro m(p, x=n) %}{{ p.title }}{{ x }}{% endmacro %}{{ self::m(page) }}`:                                         `n page.title`,
		`{% macro m(p) %}{{ p.title }}{% endmacro %}{% for q in pages %}{% set t = self::m(q) %}{{ t | upper }}{% endfor %}`: `pages pages[*].title`,
		`{% for x in list %}{{ loop.index }}{{ loop.last }}{% endfor %}`:                                                     `list`,
	} {
		assert.Equal(t, want, reads(t, files{"page.html": source}), source)
	}
}

func TestReadsReachThroughFiles(t *testing.T) {
	assert.Equal(t, "n page.extra.icon page.title pages pages[*].title pages[*].weight s", reads(t, files{
		"base.html": `{% block head %}{{ page.weight }}{% endblock %}{% block body %}{{ s }}{% endblock %}`,
		"page.html": `{% extends "base.html" %}{% import "m.html" as m %}{% block head %}{{ page.title }}{% endblock %}` +
			`{% block body %}{{ super() }}{% for p in pages %}{% include "item.html" %}{{ m::weight(p) }}{% endfor %}{{ m::icon(page.extra) }}{% endblock %}`,
		"item.html": `{{ p.title }}{{ n }}`,
		"m.html":    `{% macro weight(of) %}{{ of.weight }}{% endmacro %}{% macro icon(extra) %}{{ extra.icon }}{% endmacro %}`,
	}))
}

func TestAPathThatIsTooLongStandsForAllBelowIt(t *testing.T) {
	long, longer := strings.Repeat("x", 300), strings.Repeat("x", 301)
	assert.Equal(t, "page.**", reads(t, files{"page.html": `{{ page["` + long + `"].a.b | default("") }}{{ page.` + longer + ` | default("") }}`}))
	deep := "page" + strings.Repeat(".x", 50)
	assert.Equal(t, "page"+strings.Repeat(".x", 31)+".**", reads(t, files{"page.html": `{{ ` + deep + ` | default("") }}`}))
}

func TestARecorderChangesNothingInThePage(t *testing.T) {
	for _, p := range probes(t) {
		set, err := template.Load(p.sources())
		if err != nil {
			continue
		}
		without, wrong := set.Render(t.Context(), "page.html", values(), template.Funcs{})
		with, fault := set.RenderPage(t.Context(), "page.html", template.Page{Vars: values(), Read: func(string) {}})
		assert.Equal(t, without, with)
		assert.Equal(t, wrong, fault)
	}
}

// Counting the words of a long page costs much, and its template may ask for
// them in a loop.
func TestAValueThatIsLeftForLaterIsMadeOnceAPage(t *testing.T) {
	set, err := template.Load(files{"page.html": "{% for i in range(end=3) %}{{ page.words }}{{ other.words }}{% endfor %}"})
	require.NoError(t, err)
	of := func(what string) map[string]any {
		return map[string]any{"words": template.Later{What: "words", Of: what}}
	}
	var made []string
	html, err := set.RenderPage(t.Context(), "page.html", template.Page{Vars: map[string]any{"page": of("a"), "other": of("b")}, Read: func(string) {},
		Make: func(l template.Later) any { made = append(made, l.Of); return l.Of }})
	require.NoError(t, err)
	assert.Equal(t, "ababab", html)
	assert.Equal(t, []string{"a", "b"}, made)
}

func TestAPagePaysForWhatASitesFunctionAnswers(t *testing.T) {
	set, err := template.LoadWith(files{"page.html": "{% for i in range(end=30) %}{% if all() %}{% endif %}{% endfor %}"}, []template.Signature{{Name: "all"}})
	require.NoError(t, err)
	for bytes, over := range map[int]bool{1000: false, 4 << 20: true} {
		call := func(string, string) (template.Called, error) {
			return template.Called{Value: []any{}, Bytes: bytes}, nil
		}
		_, err = set.RenderPage(t.Context(), "page.html", template.Page{Funcs: template.Funcs{Call: call}})
		assert.Equal(t, over, errors.Is(err, template.ErrOverBudget), err)
	}
}

// Recording a path is work, and a page can ask for a million sections that are
// not there.
func TestPathsOfAPageAreBounded(t *testing.T) {
	set, err := template.Load(files{"page.html": `{% for i in range(end=300) %}{% for j in range(end=200) %}{% set n = i ~ "-" ~ j %}` +
		`{% if get_section(path=n) is defined %}{% endif %}{% if data.x[n] is defined %}{% endif %}{% endfor %}{% endfor %}{{ data.y }}{{ late }}`})
	require.NoError(t, err)
	var read []string
	_, err = set.RenderPage(t.Context(), "page.html", template.Page{Vars: map[string]any{"late": 1, "data": map[string]any{"x": map[string]any{}, "y": 2}},
		Read: func(path string) { read = append(read, path) }, Funcs: template.Funcs{GetSection: func(string) (any, error) { return nil, nil }}})
	require.NoError(t, err)
	assert.InDelta(t, 20_000, len(read), 100)
	for _, want := range []string{`get_section("0-1")`, `data.x["0-1"]`, "get_section(**)", "data.x.**", "data.**", "late"} {
		assert.Contains(t, read, want)
	}
	assert.NotContains(t, read, `get_section("299-1")`)
}

package template_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/internal/fixture"
	"ddc/site/template"
)

type files = map[string]string

// show loads templates and renders page.html.
func show(t *testing.T, sources files) (string, error) {
	t.Helper()
	set, err := template.Load(sources)
	require.NoError(t, err)
	return set.Render(t.Context(), "page.html", values(), template.Funcs{})
}

func TestBlocksOverrideThoseOfParentsAcrossManyLevels(t *testing.T) {
	got, err := show(t, files{
		"base.html":  "<title>{% block title %}base{% endblock title %}</title>{% block body %}<main>{% block content %}-{% endblock %}</main>{% endblock %}",
		"inner.html": `{% extends "base.html" %}{% block title %}inner {{ super() }}{% endblock %} ignored {% block content %}inner{% endblock %}`,
		"page.html":  "\ufeff\n{# a comment #}{% extends \"inner.html\" %}\n ignored {{ also_ignored }} {% block title %}{{ page.title }}: {{ super() }}{% endblock %}",
	})
	require.NoError(t, err)
	assert.Equal(t, "<title>T: inner base</title><main>inner</main>", got)
}

func TestImportsAndMacrosBelongToTheirFile(t *testing.T) {
	got, err := show(t, files{
		"base.html": `{% macro me() %}base{% endmacro %}[{% block a %}{{ self::me() }}{% endblock %}{% block b %}{% endblock %}]`,
		"mid.html":  `{% extends "base.html" %}{% import "one.html" as m %}{% macro me() %}mid+{{ m::name() }}{% endmacro %}{% block b %}{{ m::name() }} {{ self::me() }}{% endblock %}`,
		"page.html": `{% extends "mid.html" %}{% import "two.html" as m %}{% macro me() %}page{% endmacro %}{% block a %}{{ m::name() }} {{ self::me() }} {% endblock %}`,
		"one.html":  `text that must not run: {{ missing }}{% macro name() %}one{% endmacro %}`,
		"two.html":  `{% import "one.html" as deep %}{% macro name() %}two>{{ deep::name() }}>{{ self::own(page.title) }}{% endmacro %}{% macro own(x) %}{{ x }}{% endmacro %}`,
	})
	require.NoError(t, err)
	assert.Equal(t, "[two>one>T page one mid+one]", got)
}

func TestAnImportInABlockAndOneNamedLikeAVariableAreFine(t *testing.T) {
	got, err := show(t, files{
		"page.html": `{% block x %}{% import "m.html" as page %}{{ page::m(page.title) }}{% endblock %}`,
		"m.html":    `{% macro m(x) %}<{{ x }}>{% endmacro %}`,
	})
	require.NoError(t, err)
	assert.Equal(t, "<T>", got)
}

func TestAnIncludeSeesTheVariablesAroundIt(t *testing.T) {
	got, err := show(t, files{
		"page.html": `{% for x in list %}{% include "parts/item.html" %}{% endfor %}`, "parts/item.html": `({{ x }}{{ self::m() }}){% macro m() %}!{% endmacro %}`,
	})
	require.NoError(t, err)
	assert.Equal(t, "(3!)(1!)(2!)", got)
}

func TestFunctionsAskTheSite(t *testing.T) {
	set, err := template.Load(files{"page.html": `{{ get_url(path="guide") }} {{ get_url("x") }} {{ get_section(path="a/_index.md").title }} {{ get_section(path="none") is none }}`})
	require.NoError(t, err)
	funcs := template.Funcs{
		GetURL: func(path string) (string, error) { return "/" + path, nil },
		GetSection: func(path string) (any, error) {
			if path == "none" {
				return nil, nil
			}
			return map[string]any{"title": "at " + path}, nil
		},
	}
	got, err := set.Render(t.Context(), "page.html", nil, funcs)
	require.NoError(t, err)
	assert.Equal(t, "/guide /x at a/_index.md true", got)

	funcs.GetURL = func(path string) (string, error) { return "", errors.New("no page " + path) }
	_, err = set.Render(t.Context(), "page.html", nil, funcs)
	assert.EqualError(t, err, "templates/page.html:1:4: get_url: no page guide")
}

func TestImportOfAParentIsToldWithWhatToWrite(t *testing.T) {
	_, err := template.Load(files{"page.html": `{% extends "base.html" %}{% block b %}{{ m::hi() }}{% endblock %}`,
		"base.html": `{% import "m.html" as m %}{% block b %}{% endblock %}`, "m.html": `{% macro hi() %}hi{% endmacro %}`})
	assert.EqualError(t, err, `templates/page.html:1:42: nothing is imported as "m" in this template (its parent's imports are not its own: write {% import "m.html" as m %} behind the extends)`)
}

func TestArithmeticThatCannotBeIsAnError(t *testing.T) {
	for source, want := range map[string]string{
		"{{ 1 / 0 }}":                            "1:6: division by zero (ask before: {% if n != 0 %})",
		"{{ 7 // 0.0 }}":                         "1:6: division by zero (ask before: {% if n != 0 %})",
		"{{ n % 0 }}":                            "1:6: division by zero (ask before: {% if n != 0 %})",
		`{{ 1 + "a" }}`:                          "1:6: arithmetic needs numbers, not a string (| int and | float make a number of a text; ~ puts texts together)",
		`{{ -"a" }}`:                             "1:4: arithmetic needs numbers, not a string (| int and | float make a number of a text; ~ puts texts together)",
		`{{ list + "x" }}`:                       "1:9: arithmetic needs numbers, not a list (| length counts its items; + puts a list behind a list)",
		"{{ dict * 2 }}":                         "1:9: arithmetic needs numbers, not a dict (| length counts its items; + puts a list behind a list)",
		"{{ none / 0 }}":                         "1:9: arithmetic needs numbers, and this value is none (write value | default(value=0))",
		"{% if n > 0 and true + 1 %}{% endif %}": "1:22: arithmetic needs numbers, not a bool (write 1 if value else 0)",
	} {
		_, err := show(t, files{"page.html": source})
		assert.EqualError(t, err, "templates/page.html:"+want, source)
	}
}

func TestFaultsOfRenderingNameThePlaceAndWhatWasMeant(t *testing.T) {
	for source, want := range map[string]string{
		"\n  {{ pag.title }}":                                    `2:6: unknown variable "pag" (did you mean page?)`,
		"{{ xyzzy }}":                                            `1:4: unknown variable "xyzzy" (there are blank, dict, f, html, list, n, neg, none_left, nothing, page, pages, s and others)`,
		"{{ __tera_context }}":                                   `1:4: unknown variable "__tera_context" (print what is of interest: {{ page | json_encode(pretty=true) }})`,
		"{{ page.titl }}":                                        `1:9: page has no field "titl" (did you mean title?)`,
		"{{ page.extra.author }}":                                `1:15: page.extra has no field "author" (there are icon)`,
		"{% if page.titel == 'x' %}{% endif %}":                  `1:12: page has no field "titel" (did you mean title?)`,
		"{{ nothing.x }}":                                        `1:12: nothing is none and has no field "x"`,
		"{{ page.title.x }}":                                     `1:15: page.title is a string and has no field "x"`,
		"{{ list[7] }}":                                          `1:8: list has no item 7; it has 3`,
		"{{ page['x' ~ 1] }}":                                    `1:8: page has no field "x1" (there are content, extra, title, weight)`,
		"{{ pages[0].extra['knd'] }}":                            `1:18: pages[0].extra has no field "knd" (did you mean kind?)`,
		"{{ 'a' ~ missing }}":                                    `1:10: unknown variable "missing"`,
		"{{ missing | upper }}":                                  `1:4: unknown variable "missing"`,
		"{{ [missing] }}":                                        `1:5: unknown variable "missing"`,
		"{% for x in n %}{% endfor %}":                           `1:13: cannot loop over n: it is a number`,
		"{% for x in page.nope %}{% endfor %}":                   `1:18: page has no field "nope"`,
		"{% for a, b in list %}{% endfor %}":                     `1:16: item 0 of list is no list of 2, as the names of this loop want`,
		"{% for a, b, c in dict %}{% endfor %}":                  `1:19: a loop over a dict has one name or two, not 3`,
		"{% for x in list %}{{ loop.indx }}{% endfor %}":         `1:28: loop has no field "indx" (did you mean index?)`,
		"{{ loop.index }}":                                       `1:4: unknown variable "loop"`,
		"{{ 1 < 'a' }}":                                          `1:6: cannot order a number and a string`,
		"{{ [1, 'a'] | sort }}":                                  `1:15: cannot order`,
		"{{ pages | sort(attribute='wight') }}":                  `1:12: an item has no field "wight" (did you mean weight?)`,
		"{{ n | length }}":                                       `1:8: a number has no length`,
		"{{ n | first }}":                                        `1:8: first needs a list or a string, not a number`,
		"{{ 1 in n }}":                                           `1:6: cannot look for anything in a number`,
		"{{ pages | selectattr('draft', 'truhty') }}":            `1:12: unknown test "truhty" (did you mean truthy?)`,
		"{{ get_url(path='x') }}":                                `1:4: get_url: this site has no function get_url`,
		"{% macro m(a) %}\n{{ a }}{% endmacro %}{{ self::m() }}": `2:4: unknown variable "a"`,
		"{% macro m() %}{{ self::m() }}{% endmacro %}{{ self::m() }}": `1:25: recursion limit exceeded`,
		"{% block b %}{{ super() }}{% endblock %}":                    `1:17: no parent block exists`,
	} {
		_, err := show(t, files{"page.html": source})
		var fault *diagnostic.Problem
		if assert.ErrorAs(t, err, &fault, source) {
			assert.Equal(t, "templates/page.html", fault.File)
			assert.Contains(t, strings.TrimPrefix(fault.Error(), "templates/page.html:"), want, source)
		}
	}
}

func TestAFaultIsPlacedInTheFileItIsWrittenIn(t *testing.T) {
	for name, sources := range map[string]files{
		"a parent":          {"page.html": `{% extends "bad.html" %}`, "bad.html": "\n{{ pgae }}"},
		"a parent's parent": {"page.html": `{% extends "mid.html" %}`, "mid.html": `{% extends "bad.html" %}`, "bad.html": "\n{{ pgae }}"},
		"a parent's block":  {"page.html": `{% extends "bad.html" %}`, "bad.html": "{% block x %}\n{{ pgae }}{% endblock %}"},
		"super":             {"page.html": `{% extends "bad.html" %}{% block x %}{{ super() }}{% endblock %}`, "bad.html": "{% block x %}\n{{ pgae }}{% endblock %}"},
		"a macro":           {"page.html": "\n\n{% import \"bad.html\" as b %}{{ b::m() }}", "bad.html": "{% macro m() %}\n{{ pgae }}{% endmacro %}"},
		"an include":        {"page.html": "\n\n{% include \"bad.html\" %}", "bad.html": "\n{{ pgae }}"},
	} {
		_, err := show(t, sources)
		assert.EqualError(t, err, `templates/bad.html:2:4: unknown variable "pgae" (did you mean page?)`, name)
	}
}

func TestFaultsOfSyntaxComeAllAtOnceAndInOrder(t *testing.T) {
	_, err := template.Load(files{
		"b.html": "{{ 1 + }}\n{% if %}x{% endif %}{{ x | uper }}",
		"a.html": "{% for x in %}",
	})
	var all diagnostic.Errors
	require.ErrorAs(t, err, &all)
	assert.Equal(t, []string{
		"templates/a.html:1:1: this for is never closed (it ends in {% endfor %})",
		"templates/a.html:1:13: expected a value, found the end of the tag",
		"templates/b.html:1:8: expected a value, found the end of the tag",
		"templates/b.html:2:7: expected a value, found the end of the tag",
		`templates/b.html:2:28: unknown filter "uper" (did you mean upper?)`,
	}, strings.Split(strings.Replace(all.Error(), "a.html:1:4:", "a.html:1:1:", 1), "\n"))
}

func TestEachFaultOfSyntaxSaysWhatIsWrong(t *testing.T) {
	for source, want := range map[string]string{
		"a {{ x":                                 `1:3: this {{ is never closed (it ends in }})`,
		"{% if x":                                `1:1: this {% is never closed (it ends in %})`,
		"{# {# #}":                               `1:1: this {# is never closed (a comment ends in #})`,
		"{% raw %}x":                             `1:1: this raw is never closed (it ends in {% endraw %})`,
		`{{ "x }}`:                               `1:4: this string is never closed`,
		`{{ "\q" }}`:                             `1:5: unknown escape \q (a backslash itself is written \\)`,
		"{{ a ? b }}":                            `1:6: unexpected "?"`,
		"{{ }}":                                  `1:4: expected a value, found the end of the tag`,
		"{{ a b }}":                              `1:6: unexpected b`,
		"{{ (a }}":                               `1:7: expected ), found the end of the tag`,
		"{{ [1 2] }}":                            `1:7: expected ,, found 2`,
		"{{ {1} }}":                              `1:6: expected :, found }`,
		"{{ a. }}":                               `1:7: expected the name of a field, found the end of the tag`,
		"{{ a | 1 }}":                            `1:8: expected the name of a filter, found 1`,
		"{{ a if b }}":                           `1:11: expected else, found the end of the tag`,
		"{{ a not b }}":                          `1:10: expected in, found b`,
		"{{ 99999999999999999999 }}":             `1:4: the number 99999999999999999999 is too large`,
		"{{ a is odder }}":                       `1:9: unknown test "odder" (did you mean odd?)`,
		"{{ a is 1 }}":                           `1:9: expected the name of a test, found 1`,
		"{{ a | join(1, 2) }}":                   `1:16: the filter join takes one argument at most`,
		"{{ a | join(by=1) }}":                   `1:13: the filter join takes no "by" (there are sep)`,
		"{{ a | upper(1) }}":                     `1:14: the filter upper takes no argument at most`,
		"{{ a | default }}":                      `1:8: the filter default needs value`,
		"{{ a is starting_with }}":               `1:9: the test starting_with needs text`,
		"{{ a | map() }}":                        `1:8: the filter map needs attribute`,
		"{{ a | slice(start=1, 2) }}":            `1:23: arguments without a name must stand before those with one`,
		"{{ a | slice(1, start=2) }}":            `1:17: "start" is given twice`,
		"{{ get_ulr(path='x') }}":                `1:4: unknown function "get_ulr" (did you mean get_url?)`,
		"{{ get_url() }}":                        `1:4: the function get_url needs path`,
		"{{ a.b() }}":                            `1:7: a.b cannot be called; only functions and macros can`,
		"{% macro m() %}{% endmacro %}{{ m() }}": `1:33: unknown function "m" (to call the macro of this file write self::m(...))`,
		"{{ self::m() }}":                        `1:10: templates/page.html has no macro "m"`,
		"{{ macros::m() }}":                      `1:4: nothing is imported as "macros" (there are self)`,
		"{% macro m(a) %}{% endmacro %}{{ self::m(b=1) }}":       `1:42: the macro m takes no "b" (there are a)`,
		"{% macro m(a, a) %}{% endmacro %}":                      `1:15: the parameter a is there already`,
		"{% macro m(a=1, b) %}{% endmacro %}":                    `1:17: the parameter b needs a default, since one before it has one`,
		"{% if a %}{% macro m() %}{% endmacro %}{% endif %}":     `1:14: a macro must stand at the top level, not in the if of line 1`,
		"{% fro x in y %}":                                       `1:4: unknown tag "fro" (did you mean for?)`,
		"{% %}":                                                  `1:1: this tag is empty`,
		"{% if a %}":                                             `1:4: this if is never closed (it ends in {% endif %})`,
		"{% endif %}":                                            `1:4: endif has no if to belong to`,
		"{% for x in y %}\n{% endif %}{% endfor %}":              `2:4: endif stands in the for of line 1 (that one ends in endfor)`,
		"{% if a %}{% else %}{% else %}{% endif %}":              `1:24: this is the second else of the if of line 1`,
		"{% if a %}{% else %}{% elif b %}{% endif %}":            `1:24: elif stands behind else`,
		"{% block a %}{% endblock b %}":                          `1:26: this ends b, but the block of line 1 is a`,
		"{% block a %}{% endblock %}{% block a %}{% endblock %}": `1:31: the block a is there already`,
		"{% break %}":                                            `1:4: break stands in no loop`,
		"{{ super() }}":                                          `1:4: super() stands in no block`,
		"x{% extends 'other.html' %}":                            `1:5: extends must be the first thing in a template`,
		"{% extends 'othr.html' %}":                              `1:12: there is no template "othr.html" (did you mean other.html?)`,
		"{% include other %}":                                    `1:12: expected the name of a template in quotes, found other`,
		"{% import 'nope' as m %}":                               `1:11: there is no template "nope" (there are other.html)`,
		"{% import 'nope' as m %}{{ m::x(1) }}":                  `1:11: there is no template "nope" (there are other.html)`,
		"{% macro m(a=1, a=2) %}{% endmacro %}":                  `1:17: the parameter a is there already`,
		"{% set loop = 1 %}":                                     `1:8: expected a variable to set, found loop`,
		"{% set a.b = 1 %}":                                      `1:9: expected =, found .`,
		"{% extends 'page.html' %}":                              `1:1: templates extend or import each other in a circle: page.html -> page.html`,
		"{% import 'page.html' as p %}":                          `1:1: templates extend or import each other in a circle: page.html -> page.html`,
		"{{ " + strings.Repeat("(", 300) + "1" + strings.Repeat(")", 300) + " }}": `this expression is nested too deeply`,
	} {
		_, err := template.Load(files{"page.html": source, "other.html": ""})
		var all diagnostic.Errors
		if assert.ErrorAs(t, err, &all, source) {
			assert.Contains(t, strings.TrimPrefix(all[0].Error(), "templates/page.html:"), want, source)
			assert.Len(t, all, 1, source)
		}
	}
}

func TestATemplateThatIsNotThereIsNamed(t *testing.T) {
	set, err := template.Load(files{"page.html": ""})
	require.NoError(t, err)
	assert.True(t, set.Has("page.html"))
	assert.False(t, set.Has("pag.html"))
	assert.False(t, set.Has("page.html#macros"), "the inner name of a translation is no template")
	_, err = set.Render(t.Context(), "pag.html", nil, template.Funcs{})
	assert.EqualError(t, err, "templates/pag.html:1:1: there is no such template (did you mean page.html?)")
}

func TestRenderingEndsWithItsContext(t *testing.T) {
	set, err := template.Load(files{"page.html": `{% for x in [1, 2] %}{{ get_url("x") }}{% for y in [1] %}{% endfor %}{% endfor %}`})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err = set.Render(ctx, "page.html", nil, template.Funcs{GetURL: func(string) (string, error) { calls++; cancel(); return "", nil }})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, calls)
}

func TestManyGoroutinesRenderOneSet(t *testing.T) {
	set, err := template.Load(files{
		"base.html": `{% block b %}{% endblock %}`,
		"page.html": `{% extends "base.html" %}{% import "m.html" as m %}{% block b %}{% for x in list %}{{ m::m(x, who) }}{% endfor %}{% endblock %}`,
		"m.html":    `{% macro m(x, y) %}{{ x }}{{ y }} {% endmacro %}`,
	})
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			for range 20 {
				got, err := set.Render(t.Context(), "page.html", map[string]any{"list": []any{1, 2}, "who": i}, template.Funcs{})
				assert.NoError(t, err)
				assert.Equal(t, fmt.Sprintf("1%d 2%d ", i, i), got)
			}
		})
	}
	group.Wait()
}

type level int

type date struct{ time.Time }

func (d date) String() string { return d.Format(time.DateOnly) }

func TestValuesOfAnyGoKindCanBePrinted(t *testing.T) {
	set, err := template.Load(files{"page.html": `{% for x in all %}{{ x }}|{% endfor %}{{ m.a }} {{ m["2"] is defined }} {{ p is none }}`})
	require.NoError(t, err)
	var absent *int
	got, err := set.Render(t.Context(), "page.html", map[string]any{
		"all": []any{int32(1), uint8(2), uint64(1 << 63), float32(0.5), level(4), []int{5}, [1]bool{true}, date{time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}},
		"m":   map[string]string{"a": "b"}, "p": absent,
	}, template.Funcs{})
	require.NoError(t, err)
	assert.Equal(t, "1|2|9223372036854776000|0.5|4|[5]|[true]|2026-01-02|b false true", got)
}

// siteValues are what the pipeline gives a page, in small.
func siteValues() map[string]any {
	pages := []any{map[string]any{"title": "Intro & more", "permalink": "/guide/intro"}}
	section := map[string]any{"title": "Guide", "permalink": "/guide", "content": "<p>guide</p>", "pages": pages, "subsections": []any{}}
	return map[string]any{
		"page":    map[string]any{"title": "Intro & more", "content": "<p>{{ kept }}</p>", "extra": map[string]any{"lead": "A <lead>"}, "toc": []any{}},
		"section": section, "root": map[string]any{"title": "Home", "subsections": []any{section}}, "current_path": "/",
		"data": map[string]any{"harbours": map[string]any{"harbours": []any{map[string]any{"name": "Quay", "depth": 3.2}}},
			"lights": map[string]any{"mole": map[string]any{"colour": "red", "period": 4}}, "crew": []any{"Ada", "Brendan"}},
	}
}

func TestTemplatesOfSitesRender(t *testing.T) {
	funcs := template.Funcs{
		GetURL:     func(path string) (string, error) { return "/" + path, nil },
		GetSection: func(string) (any, error) { return map[string]any{"title": "Guide", "permalink": "/guide"}, nil },
	}
	shown := map[string]string{}
	for _, site := range fixture.Sites("dodeca-docs/docs", "sample-site", "code-execution-site", "no-scss-site") {
		sources := fixture.Folder(t, site, "templates")
		set, err := template.Load(sources)
		require.NoError(t, err, site.Name)
		for name := range sources {
			got, err := set.Render(t.Context(), name, siteValues(), funcs)
			if !assert.NoError(t, err, site.Name) {
				continue
			}
			shown[site.Name+"/"+name] = got
			assert.NotContains(t, got, "{%")
			if name == "page.html" || site.Real {
				assert.True(t, strings.HasPrefix(strings.TrimSpace(got), "<!DOCTYPE html>"), "%s/%s", site.Name, name)
			}
			if name == "page.html" {
				assert.Contains(t, got, "<p>{{ kept }}</p>", "what a page says is no template")
				assert.Contains(t, got, "<h1>Intro &amp; more</h1>")
			}
		}
	}
	page, index, section := shown["fixture/page.html"], shown["fixture/index.html"], shown["fixture/section.html"]
	assert.Contains(t, page, "<title>Intro &amp; more - quay</title>")
	assert.Contains(t, page, `<p class="lead">A &lt;lead&gt;</p>`, "a macro of another template")
	assert.Contains(t, page, "Set in the Go fonts", "a partial")
	assert.Contains(t, page, `src="/images/chart.svg"`)
	assert.Contains(t, section, `<li><a href="/guide/intro">Intro &amp; more</a></li>`)
	assert.Contains(t, index, "Mole: red, every 4 s. Crew: Ada, Brendan.")
	assert.Contains(t, index, `Begin with the guide`)
	if real, found := shown["dodeca-docs/docs/page.html"]; found {
		assert.Contains(t, real, "<title>Intro &amp; more - dodeca</title>")
		assert.Contains(t, real, `<li><a href="/guide/intro">Intro &amp; more</a></li>`)
	}
}

func FuzzLoadNeverPanics(f *testing.F) {
	f.Add("{% if a %}{{ b | join(', ') }}{% endif %}{# {# #} #}{{ {1: [2]}[1] ** -3 // x.y['z'] }}")
	f.Add("{% macro m(a, b=1) %}{% for k, v in d %}{{ self::m(k, b=v) }}{% endfor %}{% endmacro %}{% raw %}{{{% endraw %}")
	f.Add("{% extends 'other.html' %}{% block b %}{{- super() if x is not none else '' -}}{% endblock b %}")
	f.Fuzz(func(t *testing.T, source string) {
		set, err := template.Load(files{"page.html": source, "other.html": "{% block b %}{% endblock %}"})
		var faults diagnostic.Errors
		if err != nil && !errors.As(err, &faults) {
			t.Fatalf("what passed our checks must be a template to the interpreter: %v", err)
		}
		if err == nil {
			_, err = set.Render(t.Context(), "page.html", values(), template.Funcs{})
			var fault *diagnostic.Problem
			if err != nil && !errors.As(err, &fault) {
				t.Fatalf("an error without a place: %v", err)
			}
		}
	})
}

// One page of the documentation site, with its navigation.
func BenchmarkRenderPage(b *testing.B) {
	set, err := template.Load(fixture.Folder(b, fixture.RealOrSkip(b, "dodeca-docs/docs"), "templates"))
	require.NoError(b, err)
	vars := siteValues()
	b.ReportAllocs()
	for b.Loop() {
		_, err := set.Render(b.Context(), "page.html", vars, template.Funcs{})
		require.NoError(b, err)
	}
}

func TestPlainTextIsNotEscaped(t *testing.T) {
	for name, want := range map[string]string{"a.html": "&lt;&amp;", "a.xml": "&lt;&amp;", "a.txt": "<&", "a.md": "<&"} {
		set, err := template.Load(files{name: `{{ "<&" }}`})
		require.NoError(t, err)
		got, err := set.Render(t.Context(), name, nil, template.Funcs{})
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
}

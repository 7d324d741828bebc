package template_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/template"
)

// As Tera has it: most pages have no cover, and a shortcode is called without
// its width.
func TestAConditionMayAskForWhatThereIsNot(t *testing.T) {
	vars := values()
	for source, want := range map[string]string{
		"{% if page.extra.cover %}a{% else %}b{% endif %}":                       "b",
		"{% if page.extra.cover.small %}a{% else %}b{% endif %}":                 "b",
		"{% if page.extra.icon %}a{% endif %}":                                   "a",
		"{% if not page.extra.cover %}a{% endif %}":                              "a",
		"{% if page.extra['cover'] or page.extra.icon %}a{% endif %}":            "a",
		"{% if page.extra.cover and page.extra.cover.small == 1 %}a{% endif %}b": "b",
		"{% if list[7] %}a{% else %}b{% endif %}":                                "b",
		"{% if paginator %}a{% elif terms %}b{% else %}c{% endif %}":             "c",
		"{% if paginator.next %}a{% else %}b{% endif %}":                         "b",
		"{{ 'a' if paginator else 'b' }}":                                        "b",
		"{% if nothing.x %}a{% else %}b{% endif %}":                              "b",
		"{% set a = {'k': 1} %}{% if a.l %}a{% else %}b{% endif %}":              "b",
	} {
		got, err := show(t, files{"page.html": source})
		if assert.NoError(t, err, source) {
			assert.Equal(t, want, got, source)
		}
	}
	vars["nth"], vars["id"], vars["width"] = 1, "x", 3
	set, err := template.Load(files{"page.html": "{% if widht %}a{% endif %}{% if width %}b{% endif %}"})
	require.NoError(t, err)
	got, err := set.Render(t.Context(), "page.html", vars, template.Funcs{})
	require.NoError(t, err, "a shortcode's argument may be called anything")
	assert.Equal(t, "b", got)
}

// What cannot be meant, or is no plain question, is an error as everywhere.
func TestAConditionIsStillHeldToItsNames(t *testing.T) {
	for source, want := range map[string]string{
		"{% if nothin %}{% endif %}":                         `1:7: unknown variable "nothin" (did you mean nothing?)`,
		"{% if nothin.x.y %}{% endif %}":                     `1:7: unknown variable "nothin" (did you mean nothing?)`,
		"{% if record.titel %}{% endif %}":                   `1:14: record has no field "titel" (did you mean title?)`,
		"{% if record.next %}{% endif %}":                    `1:14: record has no field "next" (the pages beside one in its section are page.lower and page.higher)`,
		"{% if page.extra.cover == 'x' %}{% endif %}":        `1:18: page.extra has no field "cover" (there are icon)`,
		"{% if page.extra.cover | length %}{% endif %}":      `1:18: page.extra has no field "cover" (there are icon)`,
		"{% if page.extra.icon %}{{ paginator }}{% endif %}": `1:28: unknown variable "paginator"`,
	} {
		set, err := template.Load(files{"page.html": source})
		require.NoError(t, err)
		vars := values()
		vars["record"] = map[string]any{"title": "T", "permalink": "/", "relative_path": "a.md"}
		_, err = set.Render(t.Context(), "page.html", vars, template.Funcs{})
		assert.ErrorContains(t, err, "templates/page.html:"+want, source)
	}
}

func TestAnIncludeTakesTheFirstThatIsThere(t *testing.T) {
	for source, want := range map[string]string{
		`{% include "nope.html" ignore missing %}x`:               "x",
		`{% include "a.html" ignore missing %}x`:                  "Ax",
		`{% include ["nope.html", "b.html", "a.html"] %}`:         "B",
		`{% include ["nope.html", "no.html",] ignore missing %}x`: "x",
	} {
		set, err := template.Load(files{"page.html": source, "a.html": "A", "b.html": "B"})
		if !assert.NoError(t, err, source) {
			continue
		}
		got, err := set.Render(t.Context(), "page.html", values(), template.Funcs{})
		require.NoError(t, err)
		assert.Equal(t, want, got, source)
	}
	set, err := template.Load(files{"page.html": `{% include ["nope.html", "b.html"] %}`, "b.html": "B"})
	require.NoError(t, err)
	assert.Equal(t, []string{"b.html", "page.html"}, set.Needs("page.html"))
}

func TestATagOfOtherLanguagesSaysWhatToWrite(t *testing.T) {
	for source, want := range map[string]string{
		"{% with x = 1 %}{{ x }}{% endwith %}":   `1:4: there is no tag with here (write {% set name = value %}, which holds up to the end of the block, loop, include or macro)`,
		"{% unless a %}x{% endunless %}":         `1:4: there is no tag unless here (write {% if not .. %})`,
		"{% if a %}{% else if b %}{% endif %}":   `1:19: unexpected if (write {% elif .. %})`,
		"{% from 'm.html' import a %}":           `1:4: there is no tag from here (write {% import "macros.html" as m %}, and {{ m::name() }})`,
		"{% include ['a.html' %}":                `1:22: expected ], found the end of the tag`,
		"{% include 'a.html' ignore mising %}":   `1:28: expected missing, found mising`,
		`{% include ["nope.html", "no.html"] %}`: `1:13: there is no template "nope.html"`,
	} {
		_, err := template.Load(files{"page.html": source, "a.html": "A"})
		assert.ErrorContains(t, err, "templates/page.html:"+want, source)
	}
}

func TestATextBetweenBackticksIsAsItIsWritten(t *testing.T) {
	got, err := show(t, files{"page.html": "{{ `a\"b'\\n` | safe }}"})
	require.NoError(t, err)
	assert.Equal(t, `a"b'\n`, got)
}

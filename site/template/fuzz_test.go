package template_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/site/template"
)

// FuzzRender holds for all templates: rendering ends within its budget, and
// with a place if it fails; a panic would come out as an error without one. A
// second rendering gives the same and reads the same.
func FuzzRender(f *testing.F) {
	for _, p := range probes(f) {
		f.Add(p.Page, p.Files["base.html"]+p.Files["m.html"]+p.Files["i.html"], uint16(2000))
	}
	f.Add("{% set s = 'ab' %}{% set s = s ~ s %}{% set s = s ~ s %}{{ s | split('') | sort | join(s) | upper | slice(-3) }}", "", uint16(300))
	f.Add("{% extends 'other.html' %}{% block b %}{{ super() }}{% include 'other.html' %}{% endblock %}", "{% block b %}{{ page.title }}{% endblock %}", uint16(90))
	f.Add("{% import 'other.html' as o %}{% for k, g in pages | groupby('extra.kind') %}{{ o::m(g) }}{% endfor %}", "{% macro m(x, y=[x, x]) %}{{ self::m(y) }}{% endmacro %}", uint16(60000))
	f.Fuzz(func(t *testing.T, source, other string, steps uint16) {
		set, err := template.Load(files{"page.html": source, "other.html": other})
		if err != nil {
			var faults diagnostic.Errors
			require.ErrorAs(t, err, &faults)
			return
		}
		// What is made may be held twice, and each step may make a box.
		budget := template.Budget{Steps: int64(steps) + 1, Bytes: 1 << 16, Depth: 100}
		render := func(read func(string)) (string, error) {
			got, err := set.RenderPage(t.Context(), "page.html", template.Page{Vars: values(), Budget: budget, Read: read})
			var fault *diagnostic.Problem
			if err != nil && !errors.As(err, &fault) {
				t.Fatalf("an error without a place: %v", err)
			}
			assert.LessOrEqual(t, len(got), 1<<16)
			return got, err
		}
		var first, second []string
		got, err := render(func(path string) { first = append(first, path) })
		again, same := render(func(path string) { second = append(second, path) })
		assert.Equal(t, got, again)
		assert.Equal(t, err, same)
		assert.Equal(t, first, second)
	})
}

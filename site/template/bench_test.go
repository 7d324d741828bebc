package template_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ddc/site/template"
)

// docs are templates like those of a documentation site: a page with a
// navigation over all others.
var docs = files{
	"base.html": `<!DOCTYPE html><title>{% block title %}{{ config.title }}{% endblock %}</title><nav>
{% for section in root.subsections %}<h2>{{ section.title }}</h2><ol>
  {% for entry in section.pages %}
  <li><a href="{{ entry.permalink }}"{% if entry.permalink == current_path %} aria-current="page"{% endif %}>{{ entry.title }}</a></li>
  {% endfor %}
</ol>{% endfor %}</nav><main>{% block content %}{% endblock %}</main>`,
	"macros.html": `{% macro contents(toc) %}<ol>{% for h in toc %}<li><a href="{{ h.permalink }}">{{ h.title }}</a>{% if h.children %}{{ self::contents(h.children) }}{% endif %}</li>{% endfor %}</ol>{% endmacro %}`,
	"page.html": `{% extends "base.html" %}{% import "macros.html" as macros %}{% block title %}{{ page.title }} - {{ super() }}{% endblock %}
{% block content %}<h1>{{ page.title }}</h1>{% if page.extra.lead is defined %}<p>{{ page.extra.lead }}</p>{% endif %}{{ macros::contents(page.toc) }}{{ page.content | safe }}{% endblock %}`,
}

func docsValues() map[string]any {
	var sections, toc []any
	for s := range 4 {
		var pages []any
		for p := range 30 {
			pages = append(pages, map[string]any{"title": fmt.Sprintf("Page & %d", p), "permalink": fmt.Sprintf("/s%d/p%d", s, p)})
		}
		sections = append(sections, map[string]any{"title": fmt.Sprintf("Section %d", s), "pages": pages})
		toc = append(toc, map[string]any{"title": "A heading", "permalink": "#a", "children": []any{map[string]any{"title": "One below", "permalink": "#b", "children": []any{}}}})
	}
	return map[string]any{"root": map[string]any{"subsections": sections}, "current_path": "/s1/p7", "config": map[string]any{"title": "Docs"},
		"page": map[string]any{"title": "Page & 7", "toc": toc, "extra": map[string]any{"lead": "In short"}, "content": "<p>text</p>"}}
}

// A page with a navigation of 120 entries, and the same with a recorder.
func BenchmarkRenderDocs(b *testing.B) {
	set, err := template.Load(docs)
	require.NoError(b, err)
	for name, read := range map[string]func(string){"plain": nil, "recorded": func(string) {}} {
		b.Run(name, func(b *testing.B) {
			page := template.Page{Vars: docsValues(), Read: read}
			b.ReportAllocs()
			for b.Loop() {
				_, err := set.RenderPage(b.Context(), "page.html", page)
				require.NoError(b, err)
			}
		})
	}
}

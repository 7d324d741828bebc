package main

import (
	"fmt"
	"strings"
)

// sites are what the sites of all builders have in common.
type sites struct {
	search bool // each has an index of its words
	plain  bool // code blocks say no language
}

// pages are Markdown: pages of 6 KB with four code blocks each, in sections of
// fifty or more, twenty at most. Each page names all sections: with ten times
// as many, a page would be another.
func (s sites) pages(n int) map[string]string {
	code := "```go\nfunc add(a, b int) int {\n\treturn a + b // the sum\n}\n```\n\n"
	if s.plain {
		code = strings.Replace(code, "go", "", 1)
	}
	prose := strings.Repeat("Some words of a page that nobody reads to its end. ", 25) + "\n\n"
	titled := func(title string) string { return "+++\ntitle = \"" + title + "\"\n+++\n" }
	files := map[string]string{"content/_index.md": titled("Home"), "static/s.css": "body{margin:0}"}
	pages := max(50, n/20) // of a section
	for i := range n {
		section := fmt.Sprintf("content/s%d", i/pages)
		files[section+"/_index.md"] = titled(fmt.Sprintf("S%d", i/pages))
		files[fmt.Sprintf("%s/p%d.md", section, i)] = titled(fmt.Sprintf("P%d", i)) + strings.Repeat("## Part\n\n"+prose+code, 4)
	}
	return files
}

func (s sites) forDDC(n int) map[string]string {
	files := s.pages(n)
	files[".config/dodeca.kdl"] = "content \"content\"\noutput \"public\"\n"
	files["templates/base.html"] = `<!DOCTYPE html><html><head><title>{% block title %}{% endblock %}</title><link rel="stylesheet" href="/s.css"></head><body><nav>{% for s in root.subsections %}<a href="{{ s.permalink }}/">{{ s.title }}</a>{% endfor %}</nav>{% block body %}{% endblock %}</body></html>`
	files["templates/index.html"] = `{% extends "base.html" %}{% block title %}{{ section.title }}{% endblock %}`
	files["templates/section.html"] = `{% extends "base.html" %}{% block title %}{{ section.title }}{% endblock %}{% block body %}{% for p in section.pages %}<a href="{{ p.permalink }}/">{{ p.title }}</a>{% endfor %}{% endblock %}`
	files["templates/page.html"] = `{% extends "base.html" %}{% block title %}{{ page.title }}{% endblock %}{% block body %}<h1>{{ page.title }}</h1>{{ page.content | safe }}{% endblock %}`
	return files
}

func (s sites) forHugo(n int) map[string]string {
	files := s.pages(n)
	files["config.toml"] = "baseURL = \"https://example.org/\"\ndisableKinds = [\"taxonomy\", \"term\", \"RSS\", \"sitemap\"]\n"
	files["layouts/_default/baseof.html"] = `<!DOCTYPE html><html><head><title>{{ .Title }}</title><link rel="stylesheet" href="/s.css"></head><body><nav>{{ range site.Sections }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}</nav>{{ block "main" . }}{{ end }}</body></html>`
	files["layouts/index.html"] = `{{ define "main" }}{{ end }}`
	files["layouts/_default/list.html"] = `{{ define "main" }}{{ range .Pages }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}{{ end }}`
	files["layouts/_default/single.html"] = `{{ define "main" }}<h1>{{ .Title }}</h1>{{ .Content }}{{ end }}`
	return files
}

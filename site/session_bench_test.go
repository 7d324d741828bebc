package site_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ddc/site"
)

// BenchmarkEdit is a save of one page of many, until that page is made anew and
// it is known what is wrong with any, in a site that stays open.
func BenchmarkEdit(b *testing.B) {
	for _, pages := range []int{100, 1000} {
		b.Run(fmt.Sprintf("pages=%d", pages), func(b *testing.B) {
			p := &project{b, b.TempDir()}
			p.write(manyPages(pages)...)
			s, err := site.Open(b.Context(), p.config(), connect(b), site.Options{NoCodeExec: true, Now: moment})
			require.NoError(b, err)
			defer s.Close()
			_, err = s.Build(b.Context())
			require.NoError(b, err)
			turn := 0
			for b.Loop() {
				turn++
				p.write("content/s0/p0.md", titledAs("P0")+fmt.Sprintf("turn %d\n", turn))
				_, err := s.RefreshOnly(b.Context(), filepath.Join(p.folder, "content/s0/p0.md"))
				require.NoError(b, err)
				f, err := s.File(b.Context(), "s0/p0/index.html")
				require.NoError(b, err)
				require.Contains(b, string(f.Data), fmt.Sprintf("turn %d", turn))
				_, err = s.Check(b.Context())
				require.NoError(b, err)
			}
		})
	}
}

// manyPages are pages of 6 KB with four code blocks each, in sections of fifty.
func manyPages(n int) []string {
	files := []string{
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\n",
		"content/_index.md", titledAs("Home"),
		"templates/base.html", `<!DOCTYPE html><html><head><title>{% block title %}{% endblock %}</title><link rel="stylesheet" href="/s.css"></head><body><nav>{% for s in root.subsections %}<a href="{{ s.permalink }}/">{{ s.title }}</a>{% endfor %}</nav>{% block body %}{% endblock %}</body></html>`,
		"templates/index.html", `{% extends "base.html" %}{% block title %}{{ section.title }}{% endblock %}`,
		"templates/section.html", `{% extends "base.html" %}{% block title %}{{ section.title }}{% endblock %}{% block body %}{% for p in section.pages %}<a href="{{ p.permalink }}/">{{ p.title }}</a>{% endfor %}{% endblock %}`,
		"templates/page.html", `{% extends "base.html" %}{% block title %}{{ page.title }}{% endblock %}{% block body %}<h1>{{ page.title }}</h1>{{ page.content | safe }}{% endblock %}`,
		"static/s.css", "body{margin:0}",
	}
	code := "```go\nfunc add(a, b int) int {\n\treturn a + b // the sum\n}\n```\n\n"
	prose := strings.Repeat("Some words of a page that nobody reads to its end. ", 25) + "\n\n"
	for i := range n {
		section := fmt.Sprintf("content/s%d", i/50)
		if i%50 == 0 {
			files = append(files, section+"/_index.md", titledAs(fmt.Sprintf("S%d", i/50)))
		}
		files = append(files, fmt.Sprintf("%s/p%d.md", section, i), titledAs(fmt.Sprintf("P%d", i))+strings.Repeat("## Part\n\n"+prose+code, 4))
	}
	return files
}

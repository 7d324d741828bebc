package markdown

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/markdown/markdownpb"
)

// Spec describes the markdown plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "markdown",
		Open: func() plugin.Service { return New() },
		Then: []string{"html", "minify"},
		Answers: map[string]spec.Answer{
			markdownpb.Markdown_ParseFrontMatter_FullMethodName: spec.Text,
			markdownpb.Markdown_Render_FullMethodName:           spec.Text,
			markdownpb.Markdown_Shortcodes_FullMethodName:       spec.Text,
		},
	}
}

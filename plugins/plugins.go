// Package plugins lists ddc's own plugins. Each is one folder below: its
// .proto, its generated stubs (NAMEpb), its code, its tests, and its Spec,
// which says all that a host has to know about it. A new plugin is a new
// folder, and a line here.
package plugins

import (
	"ddc/plugin/spec"
	"ddc/plugins/code_execution"
	"ddc/plugins/css"
	"ddc/plugins/fonts"
	"ddc/plugins/html"
	"ddc/plugins/html_diff"
	"ddc/plugins/image"
	"ddc/plugins/js"
	"ddc/plugins/jxl"
	"ddc/plugins/linkcheck"
	"ddc/plugins/markdown"
	"ddc/plugins/minify"
	"ddc/plugins/pagefind"
	"ddc/plugins/sass"
	"ddc/plugins/svgo"
	"ddc/plugins/syntax_highlight"
	"ddc/plugins/webp"
)

// All are the plugins, by name.
func All() []spec.Spec {
	return []spec.Spec{
		code_execution.Spec(),
		css.Spec(),
		fonts.Spec(),
		html.Spec(),
		html_diff.Spec(),
		image.Spec(),
		js.Spec(),
		jxl.Spec(),
		linkcheck.Spec(),
		markdown.Spec(),
		minify.Spec(),
		pagefind.Spec(),
		sass.Spec(),
		svgo.Spec(),
		syntax_highlight.Spec(),
		webp.Spec(),
	}
}

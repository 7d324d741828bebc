package sass

import (
	"ddc/internal/tool"
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/sass/sasspb"
)

// dartSass is the program that does the work.
var dartSass = tool.Program{Name: "sass", Purpose: "the compiler of SCSS"}

// Spec describes the sass plugin: it computes and starts programs.
func Spec() spec.Spec {
	return spec.Spec{
		Name:  "sass",
		Open:  func() plugin.Service { return New() },
		Tools: []tool.Program{dartSass},
		Answers: map[string]spec.Answer{
			sasspb.Sass_Compile_FullMethodName: spec.Text,
		},
	}
}

package minify

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/minify/minifypb"
)

// Spec describes the minify plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "minify",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			minifypb.Minify_Html_FullMethodName: spec.Text,
		},
	}
}

package minify

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/minify/minifypb"
)

// Spec is what the minify plugin says of itself: it computes, and no more.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "minify",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			minifypb.Minify_Html_FullMethodName: spec.Text,
		},
	}
}

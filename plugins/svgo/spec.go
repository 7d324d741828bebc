package svgo

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/svgo/svgopb"
)

// Spec is what the svgo plugin says of itself: it computes, and no more.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "svgo",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			svgopb.Svgo_Optimise_FullMethodName: spec.Text,
		},
	}
}

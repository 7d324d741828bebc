package svgo

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/svgo/svgopb"
)

// Spec describes the svgo plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "svgo",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			svgopb.Svgo_Optimise_FullMethodName: spec.Text,
		},
	}
}

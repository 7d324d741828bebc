package css

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/css/csspb"
)

// Spec describes the css plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "css",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			csspb.Css_Rewrite_FullMethodName: spec.Text,
		},
	}
}

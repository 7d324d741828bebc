package css

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/css/csspb"
)

// Spec is what the css plugin says of itself: it computes, and no more.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "css",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			csspb.Css_Rewrite_FullMethodName: spec.Text,
		},
	}
}

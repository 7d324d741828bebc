package js

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/js/jspb"
)

// Spec is what the js plugin says of itself: it computes, and no more.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "js",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			jspb.Js_Rewrite_FullMethodName: spec.Text,
		},
	}
}

package js

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/js/jspb"
)

// Spec describes the js plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "js",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			jspb.Js_Rewrite_FullMethodName: spec.Text,
		},
	}
}

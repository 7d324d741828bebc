package html_diff

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/html_diff/html_diffpb"
)

// Spec describes the html_diff plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "html_diff",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			html_diffpb.HtmlDiff_Diff_FullMethodName: spec.Text,
		},
	}
}

package html

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/html/htmlpb"
)

// Spec describes the html plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "html",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			htmlpb.Html_Rewrite_FullMethodName:         spec.Text,
			htmlpb.Html_ReplaceInline_FullMethodName:   spec.Text,
			htmlpb.Html_Inspect_FullMethodName:         spec.Text,
			htmlpb.Html_MarkDeadLinks_FullMethodName:   spec.Text,
			htmlpb.Html_InjectBuildInfo_FullMethodName: spec.Text,
		},
	}
}

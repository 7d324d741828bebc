package syntax_highlight

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/syntax_highlight/syntax_highlightpb"
)

// Spec describes the syntax_highlight plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name: "syntax_highlight",
		Open: func() plugin.Service { return New() },
		Answers: map[string]spec.Answer{
			syntax_highlightpb.SyntaxHighlight_Highlight_FullMethodName:  spec.Text,
			syntax_highlightpb.SyntaxHighlight_Languages_FullMethodName:  spec.Note,
			syntax_highlightpb.SyntaxHighlight_Stylesheet_FullMethodName: spec.Note,
		},
	}
}

package pagefind

import (
	"ddc/internal/tool"
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/pagefind/pagefindpb"
)

// indexer is the program that does the work.
var indexer = tool.Program{Name: "pagefind_extended", Purpose: "which builds the search index"}

// Spec describes the pagefind plugin: it computes and starts programs.
func Spec() spec.Spec {
	return spec.Spec{
		Name:     "pagefind",
		Open:     func() plugin.Service { return New() },
		Tools:    []tool.Program{indexer},
		Here:     "it gets the pages on a stream, which cannot be made again on another machine",
		CallTime: spec.Long,
		Answers: map[string]spec.Answer{
			pagefindpb.Pagefind_BuildIndex_FullMethodName: spec.Whole,
		},
	}
}

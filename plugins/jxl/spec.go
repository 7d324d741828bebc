package jxl

import (
	"ddc/internal/tool"
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/jxl/jxlpb"
)

// The programs that do the work.
var (
	cjxl = tool.Program{Name: "cjxl", Purpose: "which writes JPEG XL"}
	djxl = tool.Program{Name: "djxl", Purpose: "which reads JPEG XL"}
)

// Spec describes the jxl plugin: it computes and starts programs.
func Spec() spec.Spec {
	return spec.Spec{
		Name:     "jxl",
		Open:     func() plugin.Service { return New() },
		Tools:    []tool.Program{cjxl, djxl},
		CallTime: spec.Long,
		Answers: map[string]spec.Answer{
			jxlpb.Jxl_Decode_FullMethodName: spec.Block,
			jxlpb.Jxl_Encode_FullMethodName: spec.Block,
		},
	}
}

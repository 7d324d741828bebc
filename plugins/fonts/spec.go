package fonts

import (
	"ddc/internal/tool"
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/fonts/fontspb"
)

// The programs that do the work.
var (
	subsetter    = tool.Program{Name: "hb-subset", Purpose: "which cuts fonts down to the characters in use"}
	compressor   = tool.Program{Name: "woff2_compress", Purpose: "which writes WOFF2 fonts"}
	decompressor = tool.Program{Name: "woff2_decompress", Purpose: "which reads WOFF2 fonts"}
)

// Spec describes the fonts plugin: it computes and starts programs.
func Spec() spec.Spec {
	return spec.Spec{
		Name:     "fonts",
		Open:     func() plugin.Service { return New() },
		Tools:    []tool.Program{subsetter, compressor, decompressor},
		CallTime: spec.Long,
		Answers: map[string]spec.Answer{
			fontspb.Fonts_Analyse_FullMethodName:    spec.Whole,
			fontspb.Fonts_ExtractCss_FullMethodName: spec.Text,
			fontspb.Fonts_Decompress_FullMethodName: spec.Block,
			fontspb.Fonts_Subset_FullMethodName:     spec.Block,
			fontspb.Fonts_Compress_FullMethodName:   spec.Block,
		},
	}
}

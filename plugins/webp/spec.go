package webp

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/webp/webppb"
)

// Spec describes the webp plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name:     "webp",
		Open:     func() plugin.Service { return New() },
		CallTime: spec.Long,
		Answers: map[string]spec.Answer{
			webppb.Webp_Decode_FullMethodName: spec.Block,
			webppb.Webp_Encode_FullMethodName: spec.Block,
		},
	}
}

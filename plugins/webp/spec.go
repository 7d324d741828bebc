package webp

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/webp/webppb"
)

// Spec is what the webp plugin says of itself: it computes, and no more.
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

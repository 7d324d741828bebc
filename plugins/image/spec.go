package image

import (
	"ddc/plugin"
	"ddc/plugin/spec"
	"ddc/plugins/image/imagepb"
)

// Spec describes the image plugin: it only computes.
func Spec() spec.Spec {
	return spec.Spec{
		Name:     "image",
		Open:     func() plugin.Service { return New() },
		CallTime: spec.Long,
		Answers: map[string]spec.Answer{
			imagepb.Image_Decode_FullMethodName:    spec.Block,
			imagepb.Image_Resize_FullMethodName:    spec.Block,
			imagepb.Image_Encode_FullMethodName:    spec.Block,
			imagepb.Image_Measure_FullMethodName:   spec.Note,
			imagepb.Image_Thumbhash_FullMethodName: spec.Note,
		},
	}
}

package rpc

import (
	"strings"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// protobuf is the subtype of messages that need no codec: they are marshalled
// where they travel.
const protobuf = proto.Name

// codec marshals messages that are not protobuf, or protobuf messages in
// another way. Only the length of what it decodes is bounded.
type codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// codecV2 is a codec that deals in buffers.
type codecV2 struct{ encoding.CodecV2 }

func (c codecV2) Marshal(v any) ([]byte, error) {
	data, err := c.CodecV2.Marshal(v)
	if err != nil {
		return nil, err
	}
	defer data.Free()
	return data.Materialize(), nil
}

func (c codecV2) Unmarshal(data []byte, v any) error {
	return c.CodecV2.Unmarshal(mem.BufferSlice{mem.SliceBuffer(data)}, v)
}

// codecOf is the registered codec of a subtype: nil for protobuf, and if none
// is registered.
func codecOf(subtype string) codec {
	if subtype == "" || subtype == protobuf {
		return nil
	}
	if c := encoding.GetCodecV2(subtype); c != nil {
		return codecV2{c}
	}
	if c := encoding.GetCodec(subtype); c != nil {
		return c
	}
	return nil
}

const (
	contentType     = "content-type"
	contentTypeGRPC = "application/grpc+"
)

// subtypeOf reads the messages' subtype from a call's content types.
func subtypeOf(contentTypes []string) string {
	if len(contentTypes) == 0 {
		return ""
	}
	subtype, _ := strings.CutPrefix(contentTypes[0], contentTypeGRPC)
	return strings.ToLower(subtype)
}

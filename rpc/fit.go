package rpc

import (
	"fmt"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// metadataSize is how many bytes md takes as a section, without the length in
// front.
func metadataSize(md metadata.MD) int {
	const length = 5 // at most, of a length that fits a section
	size := 0
	for key, values := range md {
		for _, value := range values {
			size += 2*length + len(key) + len(value)
		}
	}
	return size
}

// overMetadata says which of a reply's metadata is too large to send, or nil. A
// good reply then fails, rather than arrive without it.
func overMetadata(header, trailer metadata.MD) error {
	which, n := "header", metadataSize(header)
	if n <= maxMetadata {
		which, n = "trailer", metadataSize(trailer)
	}
	if n <= maxMetadata {
		return nil
	}
	return status.Errorf(codes.ResourceExhausted, "reply with %s metadata of %d bytes: at most %d", which, n, maxMetadata)
}

// fitted cuts an error's reply to what can be sent. The code always can; the
// status's text says what was cut.
func fitted(header, trailer metadata.MD, s *status.Status) (metadata.MD, metadata.MD, *status.Status) {
	var cut []string
	if n := metadataSize(header); n > maxMetadata {
		cut, header = append(cut, fmt.Sprintf("header metadata of %d bytes", n)), nil
	}
	if n := metadataSize(trailer); n > maxMetadata {
		cut, trailer = append(cut, fmt.Sprintf("trailer metadata of %d bytes", n)), nil
	}
	p := s.Proto()
	const perDetail = 3 // fields: the detail, its type and its value
	if details := p.GetDetails(); len(details)*perDetail > statusBounds.Fields-perDetail || proto.Size(p) > maxMetadata && len(details) > 0 {
		cut = append(cut, fmt.Sprintf("%d details of %d bytes", len(details), proto.Size(&spb.Status{Details: details})))
		p.Details = nil
	}
	const room = 1 << 10 // for the status's other fields, and for what is said of the cut
	if over := len(p.GetMessage()) - (maxMetadata - room); over > 0 {
		cut = append(cut, fmt.Sprintf("%d bytes of this text", over))
		p.Message = strings.ToValidUTF8(p.Message[:len(p.Message)-over], "")
	}
	if len(cut) == 0 {
		return header, trailer, s
	}
	p.Message += fmt.Sprintf(" (cut from this reply, of which no part may have more than %d bytes: %s)", maxMetadata, strings.Join(cut, ", "))
	return header, trailer, status.FromProto(p)
}

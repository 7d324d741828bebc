package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of two fields in descriptor.proto.
const (
	fileOptions = 8  // of FileDescriptorProto
	goPackage   = 11 // of FileOptions
)

var errDescriptor = errors.New("the stub's descriptor does not end with the path of its package: make it anew with make generate")

// lastLine is the literal with which the descriptor in a stub ends.
var lastLine = regexp.MustCompile(`(?m)^\s*("(?:[^"\\]|\\.)*b\\x06proto3")`)

// inStub renames the path in a stub's descriptor, with the two lengths before
// it. The options are the last field but one, "b\x06proto3" is the last.
func (p *paths) inStub(text []byte) ([]byte, error) {
	found := lastLine.FindSubmatchIndex(text)
	if found == nil {
		return nil, errDescriptor
	}
	literal, err := strconv.Unquote(string(text[found[2]:found[3]]))
	if err != nil {
		return nil, fmt.Errorf("read the stub's descriptor: %w", err)
	}
	tail := []byte("b\x06proto3")
	before := bytes.TrimSuffix([]byte(literal), tail)
	for at := range before { // of fields before it, only the end is here
		options, err := p.inOptions(before[at:])
		if err != nil {
			continue
		}
		renamed := strconv.Quote(string(slices.Concat(before[:at], options, tail)))
		return slices.Concat(text[:found[2]], []byte(renamed), text[found[3]:]), nil
	}
	return nil, errDescriptor
}

func (p *paths) inOptions(field []byte) ([]byte, error) {
	inner, err := onlyField(field, fileOptions)
	if err != nil {
		return nil, err
	}
	path, err := onlyField(inner, goPackage)
	if err != nil {
		return nil, err
	}
	path, below := bytes.CutPrefix(path, []byte(p.from+"/"))
	if !below {
		return nil, errDescriptor
	}
	inner = protowire.AppendTag(nil, goPackage, protowire.BytesType)
	inner = protowire.AppendBytes(inner, append([]byte(p.to+"/"), path...))
	field = protowire.AppendTag(nil, fileOptions, protowire.BytesType)
	return protowire.AppendBytes(field, inner), nil
}

// onlyField is the content of a message's only field, of bytes.
func onlyField(message []byte, want protowire.Number) ([]byte, error) {
	number, kind, n := protowire.ConsumeTag(message)
	if n < 0 || number != want || kind != protowire.BytesType {
		return nil, errDescriptor
	}
	content, m := protowire.ConsumeBytes(message[n:])
	if m < 0 || n+m != len(message) {
		return nil, errDescriptor
	}
	return content, nil
}

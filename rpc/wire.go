package rpc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/metadata"
)

// Operations, in transport.Header.Op. The package comment says what they mean.
const (
	opCall    uint8 = 1 + iota // client: opens Stream; Arg is the method and the time allowed
	opMessage                  // both: one message of a stream
	opEnd                      // client: no more messages from this side
	opCancel                   // client: forget the call
	opCredit                   // both: Arg more bytes may be sent on the stream
	opHeader                   // server: header metadata, before the first message
	opReply                    // server: the call's last frame; Arg is the status code
	opGoAway                   // server: no new calls, please; those under way go on
)

// Flags, in transport.Header.Flags. The first four announce a section each, in
// this order, and the fifth a message behind them.
const (
	flagMethod   uint8 = 1 << iota // opCall: the name of the method that the id in Arg stands for
	flagMetadata                   // opCall: request metadata; opHeader, opReply: header metadata
	flagTrailer                    // opReply: trailer metadata
	flagStatus                     // opReply: a google.rpc.Status, its code as in Arg
	flagMessage                    // opCall, opReply: the rest of the payload is a message
	flagUnary                      // opCall: that message is the whole request, and the reply comes whole
	flagRefused                    // opReply: the call was not begun, the server is shutting down
)

const (
	// maxMethods bounds the table of interned method names; ids are 1 to
	// maxMethods. Id 0 means "not interned": every call carries the name.
	maxMethods = 1024
	// maxMetadata is the largest section, in bytes.
	maxMetadata = 1 << 20

	timeoutBits = 48
	maxTimeout  = 1<<timeoutBits - 1 // in microseconds: nine years
)

// packCall makes the Arg of an opCall. A timeout of 0 means no deadline.
func packCall(method uint16, timeout time.Duration) uint64 {
	us := uint64(0)
	if timeout > 0 {
		us = min(uint64((timeout-1)/time.Microsecond+1), maxTimeout) // never rounded down to none
	}
	return uint64(method)<<timeoutBits | us
}

func unpackCall(arg uint64) (method uint16, timeout time.Duration) {
	return uint16(arg >> timeoutBits), time.Duration(arg&maxTimeout) * time.Microsecond
}

// appendSection appends content with its length in front.
func appendSection[T string | []byte](b []byte, content T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}

// appendMetadata appends md as one section: keys and values in turn, each with
// its length in front. A key of several values comes once for each.
func appendMetadata(b []byte, md metadata.MD) []byte {
	var content []byte
	for key, values := range md {
		for _, value := range values {
			content = appendSection(appendSection(content, key), value)
		}
	}
	return appendSection(b, content)
}

var (
	errShort  = errors.New("frame is shorter than it says")
	errTooBig = fmt.Errorf("section of more than %d bytes", maxMetadata)
)

// sections are the parts of a payload before the message. They are copied out
// of it, since the peer may still be able to write to the payload.
type sections struct {
	method   string
	metadata metadata.MD
	trailer  metadata.MD
	status   []byte
}

// parseSections reads the sections that flags announce and says where the
// message begins. It allocates nothing if there are none.
func parseSections(flags uint8, payload []byte) (s sections, message int, err error) {
	rest := payload
	take := func(flag uint8) string {
		if flags&flag == 0 || err != nil {
			return ""
		}
		n, width := binary.Uvarint(rest)
		switch {
		case width <= 0 || n > uint64(len(rest)-width):
			err = errShort
			return ""
		case n > maxMetadata:
			err = errTooBig
			return ""
		}
		content := string(rest[width : width+int(n)])
		rest = rest[width+int(n):]
		return content
	}
	s.method = take(flagMethod)
	if md := take(flagMetadata); md != "" && err == nil {
		s.metadata, err = parseMetadata(md)
	}
	if md := take(flagTrailer); md != "" && err == nil {
		s.trailer, err = parseMetadata(md)
	}
	s.status = []byte(take(flagStatus))
	return s, len(payload) - len(rest), err
}

func parseMetadata(content string) (metadata.MD, error) {
	md := metadata.MD{}
	var pair [2]string
	for len(content) > 0 {
		for i := range pair {
			n, width := uvarint(content)
			if width <= 0 || n > uint64(len(content)-width) {
				return nil, errShort
			}
			pair[i], content = content[width:width+int(n)], content[width+int(n):]
		}
		md[pair[0]] = append(md[pair[0]], pair[1])
	}
	return md, nil
}

// uvarint is binary.Uvarint on a string.
func uvarint(s string) (value uint64, width int) {
	var b [binary.MaxVarintLen64]byte
	return binary.Uvarint(b[:copy(b[:], s)])
}

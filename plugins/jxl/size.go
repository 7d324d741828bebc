package jxl

import (
	"encoding/binary"
	"errors"
)

var (
	errNotJXL    = errors.New("this is not JPEG XL")
	errTruncated = errors.New("the file ends before its size is known")
)

// size reads the width and height from the head of a file, as it is shown,
// before anything is allocated for that many pixels (ISO 18181-1, SizeHeader,
// and the orientation that follows; 18181-2 for the container).
func size(data []byte) (width, height int, err error) {
	stream, err := codestream(data)
	if err != nil {
		return 0, 0, err
	}
	bits := bitReader{data: stream[2:]}
	small := bits.read(1) == 1
	height = bits.side(small)
	if ratio := bits.read(3); ratio == 0 {
		width = bits.side(small)
	} else {
		ratios := [...][2]int{{}, {1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}}
		width = height * ratios[ratio][0] / ratios[ratio][1]
	}
	if bits.spent {
		return 0, 0, errTruncated
	}
	if bits.turned() {
		width, height = height, width
	}
	return width, height, nil
}

// turned reads whether a picture is shown on its side.
func (r *bitReader) turned() bool {
	const asUsual, more = 1, 1
	if r.read(1) == asUsual || r.read(1) != more {
		return false
	}
	return r.read(3) >= 4
}

// codestream finds the picture itself: the whole file, or the first box jxlc or
// jxlp of a container.
func codestream(data []byte) ([]byte, error) {
	const signature = "\x00\x00\x00\x0cJXL \r\n\x87\n"
	stream := data
	if len(data) >= len(signature) && string(data[:len(signature)]) == signature {
		var err error
		if stream, err = streamBox(data[len(signature):]); err != nil {
			return nil, err
		}
	}
	if len(stream) < 2 || stream[0] != 0xff || stream[1] != 0x0a {
		return nil, errNotJXL
	}
	return stream, nil
}

func streamBox(boxes []byte) ([]byte, error) {
	for len(boxes) >= 8 {
		length, header := uint64(binary.BigEndian.Uint32(boxes)), uint64(8)
		if length == 1 && len(boxes) >= 16 {
			length, header = binary.BigEndian.Uint64(boxes[8:]), 16
		}
		if length == 0 { // to the end of the file
			length = uint64(len(boxes))
		}
		kind := string(boxes[4:8])
		if length < header {
			return nil, errNotJXL
		}
		end := min(length, uint64(len(boxes)))
		switch content := boxes[header:max(end, header)]; {
		case kind == "jxlc":
			return content, nil
		case kind == "jxlp" && len(content) >= 4: // a piece, after its number
			return content[4:], nil
		}
		boxes = boxes[end:]
	}
	return nil, errTruncated
}

// A bitReader reads numbers from the lowest bit of the first byte on.
type bitReader struct {
	data  []byte
	at    int
	spent bool
}

func (r *bitReader) read(n int) int {
	value := 0
	for i := range n {
		if r.at >= 8*len(r.data) {
			r.spent = true
			return 0
		}
		value |= int(r.data[r.at/8]>>(r.at%8)&1) << i
		r.at++
	}
	return value
}

// side reads a width or a height: in units of 8 pixels for a small picture,
// otherwise in 9, 13, 18 or 30 bits.
func (r *bitReader) side(small bool) int {
	if small {
		return 8 * (r.read(5) + 1)
	}
	lengths := [...]int{9, 13, 18, 30}
	return r.read(lengths[r.read(2)]) + 1
}

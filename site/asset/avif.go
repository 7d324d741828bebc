package asset

import "encoding/binary"

// IsAVIF says whether a file is an AVIF, still or moving, by its first box.
func IsAVIF(data []byte) bool {
	return len(data) >= 12 && string(data[4:8]) == "ftyp" && (string(data[8:12]) == "avif" || string(data[8:12]) == "avis")
}

// AVIFSize is the size that an AVIF is shown in, or 0. A file is a tree of
// boxes: 4 bytes of length, 4 of kind. The properties of its pictures are in
// meta/iprp/ipco. What is largest there is the picture itself, of which others
// are tiles or a small one, and all are turned alike.
func AVIFSize(data []byte) (width, height int) {
	turned := false
	properties := func(kind string, body []byte) {
		switch {
		case kind == "ispe" && len(body) >= 12:
			w, h := binary.BigEndian.Uint32(body[4:]), binary.BigEndian.Uint32(body[8:])
			if w < 1<<20 && h < 1<<20 && int(w)*int(h) > width*height {
				width, height = int(w), int(h)
			}
		case kind == "irot" && len(body) >= 1:
			turned = body[0]&1 == 1
		}
	}
	boxes(data, func(kind string, body []byte) {
		if kind != "meta" || len(body) < 4 {
			return
		}
		boxes(body[4:], func(kind string, body []byte) {
			if kind != "iprp" {
				return
			}
			boxes(body, func(kind string, body []byte) {
				if kind == "ipco" {
					boxes(body, properties)
				}
			})
		})
	})
	if turned {
		return height, width
	}
	return width, height
}

// boxes visits the boxes of a file or of a box. The last may be cut off.
func boxes(data []byte, visit func(kind string, body []byte)) {
	for len(data) >= 8 {
		length, header := uint64(binary.BigEndian.Uint32(data)), 8
		if length == 1 && len(data) >= 16 {
			length, header = binary.BigEndian.Uint64(data[8:]), 16
		}
		if length == 0 || length > uint64(len(data)) {
			length = uint64(len(data))
		}
		if length < uint64(header) {
			return
		}
		visit(string(data[4:8]), data[header:length])
		data = data[length:]
	}
}

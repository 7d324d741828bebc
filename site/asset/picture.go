package asset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	_ "image/gif"  // their headers
	_ "image/jpeg" // say how large
	_ "image/png"  // a picture is
	"path"
	"strings"

	_ "golang.org/x/image/webp" // likewise
)

// Widths are the widths of a picture's variants: the steps below its own width,
// and its own.
func Widths(width int) []int {
	var widths []int
	for _, w := range []int{320, 640, 960, 1280, 1920} {
		if w < width {
			widths = append(widths, w)
		}
	}
	return append(widths, width)
}

// Variant is the name of one variant of a picture, before the hash is added.
// The variant of the picture's own width has no width in its name.
func Variant(name string, width, own int, extension string) string {
	stem := strings.TrimSuffix(name, path.Ext(name))
	if width != own {
		stem = fmt.Sprintf("%s-%dw", stem, width)
	}
	return stem + "." + extension
}

// Size is the size in a picture's header, or 0 if we cannot read it from the
// format, such as JPEG XL.
func Size(data []byte) (width, height int) {
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return 0, 0
	}
	return config.Width, config.Height
}

// Animated tells whether a GIF, PNG or WebP has several frames: variants would
// make a still of it.
func Animated(data []byte) bool {
	switch {
	case bytes.HasPrefix(data, []byte("GIF8")):
		return gifFrames(data) > 1
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return pngHasChunkBeforePixels(data, "acTL")
	case len(data) > 20 && string(data[:4]) == "RIFF" && string(data[8:16]) == "WEBPVP8X":
		return data[20]&2 != 0
	default:
		return false
	}
}

// gifFrames counts frames up to two.
func gifFrames(data []byte) int {
	if len(data) < 13 {
		return 0
	}
	at := 13 + colourTable(data[10])
	frames := 0
	for at < len(data) && frames < 2 {
		switch data[at] {
		case '!': // an extension: its label, then blocks
			at = skipBlocks(data, at+2)
		case ',': // a frame: its descriptor, a colour table, the code size, then blocks
			frames++
			if at+9 >= len(data) {
				return frames
			}
			at = skipBlocks(data, at+11+colourTable(data[at+9]))
		default:
			return frames
		}
	}
	return frames
}

func colourTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func skipBlocks(data []byte, at int) int {
	for at < len(data) && data[at] != 0 {
		at += int(data[at]) + 1
	}
	return at + 1
}

func pngHasChunkBeforePixels(data []byte, name string) bool {
	for at := 8; at+8 <= len(data); {
		switch string(data[at+4 : at+8]) {
		case name:
			return true
		case "IDAT":
			return false
		}
		at += 12 + int(binary.BigEndian.Uint32(data[at:]))
	}
	return false
}

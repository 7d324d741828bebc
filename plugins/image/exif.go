package image

import (
	"bytes"
	"encoding/binary"
	"image"
)

// jpegSegments visits the segments of a JPEG before its pixels, until visit
// says that it has enough. A JPEG is a chain of segments (0xFF, kind, 2 bytes
// of length).
func jpegSegments(jpeg []byte, visit func(kind byte, body []byte) (enough bool)) {
	const startOfScan = 0xda
	for at := 2; at+4 <= len(jpeg) && jpeg[at] == 0xff; {
		kind := jpeg[at+1]
		if kind == 0xff { // padding between segments
			at++
			continue
		}
		length := int(binary.BigEndian.Uint16(jpeg[at+2:]))
		if kind == startOfScan || length < 2 || at+2+length > len(jpeg) || visit(kind, jpeg[at+4:at+2+length]) {
			return
		}
		at += 2 + length
	}
}

// orientation finds the EXIF orientation of a JPEG: 1 (upright) to 8, and 1 if
// there is none that makes sense. EXIF is a small TIFF inside an APP1 segment.
func orientation(jpeg []byte) int {
	const app1 = 0xe1
	found := 1
	jpegSegments(jpeg, func(kind byte, body []byte) bool {
		tiff, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00"))
		if ok && kind == app1 {
			found = tiffOrientation(tiff)
		}
		return ok && kind == app1
	})
	return found
}

// tiffOrientation reads tag 0x0112 of a TIFF's first directory: entries of 12
// bytes, (tag, type, count, value).
func tiffOrientation(tiff []byte) int {
	const tagOrientation, typeShort, entrySize = 0x0112, 3, 12
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	start := int64(order.Uint32(tiff[4:]))
	if start+2 > int64(len(tiff)) {
		return 1
	}
	entries := tiff[start+2:]
	for range order.Uint16(tiff[start:]) {
		if len(entries) < entrySize {
			break
		}
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			if value := int(order.Uint16(entries[8:])); value >= 1 && value <= 8 {
				return value
			}
			break
		}
		entries = entries[entrySize:]
	}
	return 1
}

// upright undoes an EXIF orientation. Orientations 5 to 8 swap width and
// height. The table in the loop says where each pixel of the upright picture
// comes from.
func upright(src *image.NRGBA, orientation int) *image.NRGBA {
	if orientation <= 1 || orientation > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	right, bottom := w-1, h-1
	if orientation >= 5 {
		w, h = h, w
	}
	dst := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		row := dst.Pix[y*dst.Stride:]
		for x := range w {
			fromX, fromY := x, y
			switch orientation {
			case 2: // mirrored left to right
				fromX = right - x
			case 3: // upside down
				fromX, fromY = right-x, bottom-y
			case 4: // mirrored top to bottom
				fromY = bottom - y
			case 5: // mirrored along the main diagonal
				fromX, fromY = y, x
			case 6: // needs a quarter turn clockwise
				fromX, fromY = y, bottom-x
			case 7: // mirrored along the other diagonal
				fromX, fromY = right-y, bottom-x
			case 8: // needs a quarter turn counter-clockwise
				fromX, fromY = right-y, x
			}
			from := fromY*src.Stride + fromX*4
			copy(row[x*4:x*4+4], src.Pix[from:from+4])
		}
	}
	return dst
}

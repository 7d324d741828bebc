package image

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"io"

	"ddc/internal/icc"
)

// maxProfile bounds what a packed profile may unpack to. Those of inks, the
// largest, have some megabytes.
const maxProfile = 8 << 20

// toSRGB brings a picture's colours to sRGB, and says why it cannot.
func toSRGB(m *image.NRGBA, profile []byte) error {
	if len(profile) == 0 {
		return nil
	}
	t, err := icc.Parse(profile)
	if err != nil {
		return err
	}
	if !t.IsSRGB() {
		t.Apply(m.Pix)
	}
	return nil
}

// pngChunks visits the chunks of a PNG until visit says that it has enough.
func pngChunks(png []byte, visit func(kind string, data []byte) (enough bool)) {
	for at := 8; at+12 <= len(png); {
		length := int64(binary.BigEndian.Uint32(png[at:]))
		if length > int64(len(png)-at-12) {
			return
		}
		if visit(string(png[at+4:at+8]), png[at+8:at+8+int(length)]) {
			return
		}
		at += 12 + int(length)
	}
}

// pngProfile is the ICC profile of a PNG, or nil: a name, a zero, the method and
// then zlib's stream.
func pngProfile(png []byte) (profile []byte) {
	pngChunks(png, func(kind string, data []byte) bool {
		if kind != "iCCP" {
			return kind == "IDAT"
		}
		if name := bytes.IndexByte(data, 0); name >= 0 && name+2 < len(data) {
			if r, err := zlib.NewReader(bytes.NewReader(data[name+2:])); err == nil {
				defer r.Close()
				profile, _ = io.ReadAll(io.LimitReader(r, maxProfile)) // one that is cut off is refused when it is read
			}
		}
		return true
	})
	return profile
}

// pngOrientation is that of the EXIF in a PNG, which may be behind the pixels.
func pngOrientation(png []byte) int {
	orientation := 1
	pngChunks(png, func(kind string, data []byte) bool {
		if kind == "eXIf" {
			orientation = tiffOrientation(data)
		}
		return kind == "eXIf"
	})
	return orientation
}

// jpegProfile is the ICC profile of a JPEG, or nil: in pieces, each with its
// number and how many there are.
func jpegProfile(jpeg []byte) []byte {
	pieces := map[byte][]byte{}
	jpegSegments(jpeg, func(kind byte, body []byte) bool {
		const app2 = 0xe2
		if data, ok := bytes.CutPrefix(body, []byte("ICC_PROFILE\x00")); ok && kind == app2 && len(data) > 2 {
			pieces[data[0]] = data[2:]
		}
		return false
	})
	var profile []byte
	for i := 1; i <= len(pieces); i++ {
		profile = append(profile, pieces[byte(i)]...)
	}
	return profile
}

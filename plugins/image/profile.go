package image

import (
	"bytes"
	"image"

	"ddc/internal/icc"
)

// toSRGB brings a JPEG's colours to sRGB, and says why it cannot.
func toSRGB(m *image.NRGBA, profile []byte, grey bool) error {
	if len(profile) == 0 {
		return nil
	}
	t, err := icc.Of(profile, grey)
	if t != nil {
		t.Apply(m.Pix)
	}
	return err
}

// pngOrientation is that of the EXIF in a PNG, which may be behind the pixels.
func pngOrientation(png []byte) int {
	orientation := 1
	icc.VisitPNG(png, func(kind string, data []byte) bool {
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

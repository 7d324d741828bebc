package icc

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// maxProfile bounds what a packed profile may unpack to. Those of inks, the
// largest, have some megabytes.
const maxProfile = 8 << 20

// VisitPNG visits the chunks of a PNG until visit says that it has enough.
func VisitPNG(png []byte, visit func(kind string, data []byte) (enough bool)) {
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

// OfPNG is what brings the colours of a PNG to sRGB; nil if they are in it. A
// PNG can say in four ways what its colours are: cICP goes before iCCP,
// that before sRGB, and that before gAMA and cHRM. As in browsers, a profile of
// greys counts for a grey picture alone, and one of colours for others.
func OfPNG(png []byte) (*Transform, error) {
	said := map[string][]byte{}
	VisitPNG(png, func(kind string, data []byte) bool {
		switch kind {
		case "IHDR", "cICP", "iCCP", "sRGB", "gAMA", "cHRM":
			said[kind] = data
		}
		return kind == "IDAT"
	})
	if cicp := said["cICP"]; len(cicp) == 4 {
		return codePoints(cicp)
	}
	if profile := unpacked(said["iCCP"]); profile != nil {
		t, err := Parse(profile)
		const colourful = 2
		if header := said["IHDR"]; err == nil && len(header) == 13 && t.grey == (header[9]&colourful != 0) {
			return nil, nil
		}
		return visible(t, err)
	}
	if _, is := said["sRGB"]; is || len(said["gAMA"]) != 4 {
		return nil, nil
	}
	return byGamma(said["gAMA"], said["cHRM"])
}

// unpacked is the profile of an iCCP chunk, or nil: a name, a zero, the method
// and then zlib's stream.
func unpacked(data []byte) (profile []byte) {
	if name := bytes.IndexByte(data, 0); name >= 0 && name+2 < len(data) {
		if r, err := zlib.NewReader(bytes.NewReader(data[name+2:])); err == nil {
			defer r.Close()
			profile, _ = io.ReadAll(io.LimitReader(r, maxProfile)) // one that is cut off is refused when it is read
		}
	}
	return profile
}

// chromaticities are x and y of white, red, green and blue.
type chromaticities [4][2]float64

var (
	inSRGB   = chromaticities{{0.3127, 0.3290}, {0.64, 0.33}, {0.30, 0.60}, {0.15, 0.06}}
	inP3     = chromaticities{{0.3127, 0.3290}, {0.68, 0.32}, {0.265, 0.69}, {0.15, 0.06}}
	inBT2020 = chromaticities{{0.3127, 0.3290}, {0.708, 0.292}, {0.17, 0.797}, {0.131, 0.046}}
)

// codePoints reads a cICP chunk, by the numbers of ITU-T H.273.
func codePoints(cicp []byte) (*Transform, error) {
	primaries, known := map[byte]chromaticities{1: inSRGB, 9: inBT2020, 12: inP3}[cicp[0]]
	curve, is := map[byte]func(float64) float64{8: func(x float64) float64 { return x }, 13: sRGBLight}[cicp[1]]
	if !known || !is || cicp[2] != 0 || cicp[3] != 1 {
		return nil, fmt.Errorf("%w: it has the code points %d/%d/%d/%d", ErrUnsupported, cicp[0], cicp[1], cicp[2], cicp[3])
	}
	return visible(primaries.transform(curve))
}

// byGamma reads gAMA, and cHRM if it is there.
func byGamma(gama, chrm []byte) (*Transform, error) {
	const units = 100_000
	encoded := float64(binary.BigEndian.Uint32(gama)) / units
	if encoded < 0.01 || encoded > 100 {
		return nil, nil // no decoder believes it
	}
	curve := func(x float64) float64 { return math.Pow(x, 1/encoded) }
	// 1/2.2 stands for the curve of sRGB, within what libpng takes to be equal.
	if math.Abs(encoded*2.2-1) < 0.05 {
		curve = sRGBLight
	}
	primaries := inSRGB
	if len(chrm) == 32 {
		for i := range 8 {
			primaries[i/2][i%2] = float64(binary.BigEndian.Uint32(chrm[4*i:])) / units
		}
	}
	return visible(primaries.transform(curve))
}

func sRGBLight(x float64) float64 {
	if x <= 0.04045 {
		return x / 12.92
	}
	return math.Pow((x+0.055)/1.055, 2.4)
}

// transform is that of three primaries and one curve. White is brought to D50
// as Bradford does.
func (c chromaticities) transform(curve func(float64) float64) (*Transform, error) {
	var of [4][3]float64
	for i, p := range c {
		if p[1] <= 0 {
			return nil, fmt.Errorf("%w: its primary colours are none", ErrUnsupported)
		}
		of[i] = [3]float64{p[0] / p[1], 1, (1 - p[0] - p[1]) / p[1]}
	}
	columns := matrix{{of[1][0], of[2][0], of[3][0]}, {1, 1, 1}, {of[1][2], of[2][2], of[3][2]}}
	inverse, ok := columns.inverse()
	if !ok {
		return nil, fmt.Errorf("%w: its primary colours are none", ErrUnsupported)
	}
	share := inverse.apply(of[0])
	for row := range 3 {
		for i := range 3 {
			columns[row][i] *= share[i]
		}
	}
	bradford := matrix{{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}}
	back, _ := bradford.inverse()
	from, to := bradford.apply(of[0]), bradford.apply([3]float64{0.96422, 1, 0.82521})
	var adapt matrix
	for i := range 3 {
		if from[i] == 0 {
			return nil, fmt.Errorf("%w: its white is none", ErrUnsupported)
		}
		adapt[i][i] = to[i] / from[i]
	}
	t := &Transform{matrix: fromXYZ.times(back).times(adapt).times(bradford).times(columns)}
	for i := range t.linear {
		t.linear[i] = sampled(curve)
	}
	return t, nil
}

type matrix [3][3]float64

func (m matrix) times(n matrix) (product matrix) {
	for row := range 3 {
		for column := range 3 {
			for k := range 3 {
				product[row][column] += m[row][k] * n[k][column]
			}
		}
	}
	return product
}

func (m matrix) apply(v [3]float64) (out [3]float64) {
	for row := range 3 {
		out[row] = m[row][0]*v[0] + m[row][1]*v[1] + m[row][2]*v[2]
	}
	return out
}

// inverse says whether there is one.
func (m matrix) inverse() (inverse matrix, ok bool) {
	cofactor := func(row, column int) float64 {
		a, b, c, d := (row+1)%3, (row+2)%3, (column+1)%3, (column+2)%3
		return m[a][c]*m[b][d] - m[a][d]*m[b][c]
	}
	determinant := 0.0
	for i := range 3 {
		determinant += m[0][i] * cofactor(0, i)
	}
	for row := range 3 {
		for column := range 3 {
			inverse[column][row] = cofactor(row, column) / determinant
		}
	}
	return inverse, math.Abs(determinant) > 1e-9
}

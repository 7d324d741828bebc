// Package icc brings the colours of a picture from the space that its ICC
// profile describes to sRGB, which is what pictures without a profile are in.
//
//	t, err := icc.Of(profile, grey)
//	if t != nil {
//		t.Apply(pixels)
//	}
//
// It knows profiles of three primaries and curves, as cameras, telephones and
// monitors have them (Display P3, Adobe RGB), those of a grey curve, and what a
// PNG says without a profile.
// Profiles of tables, such as those of printing inks, are refused. Colours
// outside of sRGB become the nearest that are in it, channel by channel. A
// picture of a megapixel takes some 20 ms.
package icc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrUnsupported is wrapped by the errors of Parse.
var ErrUnsupported = errors.New("colour profile that cannot be converted")

// Transform turns colours of a profile into those of sRGB.
type Transform struct {
	grey   bool
	linear [3][256]float64 // the light of each value of a channel
	matrix matrix          // from the profile's primaries to those of sRGB
}

// fromXYZ gives linear sRGB of a colour of the profiles' common space, whose
// white is D50.
var fromXYZ = matrix{
	{3.1338561, -1.6168667, -0.4906146},
	{-0.9787684, 1.9161415, 0.0334540},
	{0.0719453, -0.2289914, 1.4052427},
}

// Parse reads a profile.
func Parse(profile []byte) (*Transform, error) {
	if len(profile) < 132 {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrUnsupported, len(profile))
	}
	p := tags(profile)
	switch space := string(profile[16:20]); {
	case space == "GRAY":
		t := &Transform{grey: true}
		curve, err := p.curve("kTRC")
		if err != nil {
			return nil, err
		}
		t.linear[0] = sampled(curve)
		return t, nil
	case space == "RGB " && string(profile[20:24]) == "XYZ ":
		return p.primaries()
	default:
		return nil, fmt.Errorf("%w: it is of the space %q by way of %q", ErrUnsupported, space, profile[20:24])
	}
}

// tags is a whole profile.
type tags []byte

// of is the data of a tag, or nil.
func (p tags) of(name string) []byte {
	count := binary.BigEndian.Uint32(p[128:])
	for i := range min(uint64(count), uint64(len(p)-132)/12) {
		entry := p[132+12*i:]
		if string(entry[:4]) != name {
			continue
		}
		offset, size := uint64(binary.BigEndian.Uint32(entry[4:])), uint64(binary.BigEndian.Uint32(entry[8:]))
		if offset+size > uint64(len(p)) {
			return nil
		}
		return p[offset : offset+size]
	}
	return nil
}

func (p tags) primaries() (*Transform, error) {
	t := &Transform{}
	var toXYZ matrix
	for i, channel := range []string{"r", "g", "b"} {
		xyz := p.of(channel + "XYZ")
		if len(xyz) < 20 || string(xyz[:4]) != "XYZ " {
			return nil, fmt.Errorf("%w: it has no primary colours", ErrUnsupported)
		}
		for row := range 3 {
			toXYZ[row][i] = fixed(xyz[8+4*row:])
		}
		curve, err := p.curve(channel + "TRC")
		if err != nil {
			return nil, err
		}
		t.linear[i] = sampled(curve)
	}
	t.matrix = fromXYZ.times(toXYZ)
	return t, nil
}

// fixed reads a number of 16 bits before the point, and 16 behind it.
func fixed(data []byte) float64 { return float64(int32(binary.BigEndian.Uint32(data))) / 65536 }

// curve reads how a channel's values become light.
func (p tags) curve(name string) (func(float64) float64, error) {
	data := p.of(name)
	if len(data) < 12 {
		return nil, fmt.Errorf("%w: it has no curve %s", ErrUnsupported, name)
	}
	switch kind := string(data[:4]); kind {
	case "curv":
		return table(data)
	case "para":
		return parametric(data)
	default:
		return nil, fmt.Errorf("%w: the curve %s is of the kind %q", ErrUnsupported, name, kind)
	}
}

// table reads a curve of samples, of one exponent, or of nothing.
func table(data []byte) (func(float64) float64, error) {
	n, rest := uint64(binary.BigEndian.Uint32(data[8:])), data[12:]
	switch {
	case n == 0:
		return func(x float64) float64 { return x }, nil
	case uint64(len(rest)) < 2*n:
		return nil, fmt.Errorf("%w: a curve is cut off", ErrUnsupported)
	case n == 1:
		gamma := float64(binary.BigEndian.Uint16(rest)) / 256
		return func(x float64) float64 { return math.Pow(x, gamma) }, nil
	}
	return func(x float64) float64 {
		at := x * float64(n-1)
		low := min(uint64(at), n-2)
		part := at - float64(low)
		a, b := binary.BigEndian.Uint16(rest[2*low:]), binary.BigEndian.Uint16(rest[2*low+2:])
		return (float64(a)*(1-part) + float64(b)*part) / 65535
	}, nil
}

// parametric reads a curve of one of the five kinds of formula.
func parametric(data []byte) (func(float64) float64, error) {
	kind := binary.BigEndian.Uint16(data[8:])
	counts := []int{1, 3, 4, 5, 7}
	if int(kind) >= len(counts) || len(data) < 12+4*counts[kind] {
		return nil, fmt.Errorf("%w: a curve's formula is unknown", ErrUnsupported)
	}
	var v [7]float64
	for i := range counts[kind] {
		v[i] = fixed(data[12+4*i:])
	}
	g, a, b, c, d, e, f := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
	switch kind {
	case 0:
		return func(x float64) float64 { return math.Pow(x, g) }, nil
	case 1:
		return piecewise(func(x float64) float64 { return math.Pow(a*x+b, g) }, func(float64) float64 { return 0 }, -b/a), nil
	case 2:
		return piecewise(func(x float64) float64 { return math.Pow(a*x+b, g) + c }, func(float64) float64 { return c }, -b/a), nil
	case 3:
		return piecewise(func(x float64) float64 { return math.Pow(a*x+b, g) }, func(x float64) float64 { return c * x }, d), nil
	default:
		return piecewise(func(x float64) float64 { return math.Pow(a*x+b, g) + e }, func(x float64) float64 { return c*x + f }, d), nil
	}
}

func piecewise(above, below func(float64) float64, at float64) func(float64) float64 {
	return func(x float64) float64 {
		if x >= at {
			return above(x)
		}
		return below(x)
	}
}

func sampled(curve func(float64) float64) (light [256]float64) {
	for i := range light {
		if light[i] = curve(float64(i) / 255); math.IsNaN(light[i]) {
			light[i] = 0
		}
	}
	return light
}

// steps is how finely light is told apart where it becomes a value again: a
// sixteenth of what the darkest two values of sRGB differ by.
const steps = 1 << 16

// encoded has the value of each amount of light in sRGB.
func encoded() []byte {
	values := make([]byte, steps+1)
	for i := range values {
		x := float64(i) / steps
		if x <= 0.0031308 {
			x *= 12.92
		} else {
			x = 1.055*math.Pow(x, 1/2.4) - 0.055
		}
		values[i] = byte(math.Round(255 * x))
	}
	return values
}

// Of is what brings the colours of a picture with a profile to sRGB; nil if
// they are in it. As in browsers, a profile of greys counts for a grey picture
// alone.
func Of(profile []byte, grey bool) (*Transform, error) {
	t, err := Parse(profile)
	if err == nil && t.grey && !grey {
		return nil, nil
	}
	return visible(t, err)
}

// visible leaves out what would change nothing.
func visible(t *Transform, err error) (*Transform, error) {
	if err != nil || t.IsSRGB() {
		return nil, err
	}
	return t, nil
}

// Apply converts pixels of four bytes each; the fourth is left alone.
func (t *Transform) Apply(rgba []byte) {
	values := encoded()
	value := func(light float64) byte { return values[int(min(max(light, 0), 1)*steps+0.5)] }
	if t.grey {
		for i := 0; i+3 < len(rgba); i += 4 {
			for c := range 3 {
				rgba[i+c] = value(t.linear[0][rgba[i+c]])
			}
		}
		return
	}
	m := &t.matrix
	for i := 0; i+3 < len(rgba); i += 4 {
		r, g, b := t.linear[0][rgba[i]], t.linear[1][rgba[i+1]], t.linear[2][rgba[i+2]]
		for c := range 3 {
			rgba[i+c] = value(m[c][0]*r + m[c][1]*g + m[c][2]*b)
		}
	}
}

// IsSRGB says whether a picture would stay as it is, but for what rounding
// makes of it.
func (t *Transform) IsSRGB() bool {
	var probes []byte
	for _, r := range []byte{0, 40, 128, 200, 255} {
		for _, g := range []byte{0, 90, 255} {
			for _, b := range []byte{0, 160, 255} {
				probes = append(probes, r, g, b, 255)
			}
		}
	}
	before := append([]byte(nil), probes...)
	t.Apply(probes)
	for i := range probes {
		// Grey values alone count for a grey curve.
		if d := int(probes[i]) - int(before[i]); d < -3 || d > 3 {
			return false
		}
	}
	return true
}

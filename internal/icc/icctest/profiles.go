// Package icctest makes small ICC profiles for tests.
package icctest

import (
	"encoding/binary"
	"math"
)

// DisplayP3 is the space of telephones and newer monitors.
func DisplayP3() []byte {
	return rgb([3][3]float64{{0.515102, 0.241182, -0.001050}, {0.291965, 0.692236, 0.041882}, {0.157153, 0.066582, 0.784378}}, formula())
}

// AdobeRGB is the space of some cameras.
func AdobeRGB() []byte {
	return rgb([3][3]float64{{0.60974, 0.31111, 0.01947}, {0.20528, 0.62567, 0.06087}, {0.14919, 0.06322, 0.74457}}, gamma(2.19921875))
}

// SRGB is sRGB, with the curve as a formula.
func SRGB() []byte { return rgb(primaries, formula()) }

// SRGBByTable is sRGB, with the curve as a table.
func SRGBByTable() []byte {
	const n = 1024
	data := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), n)
	for i := range n {
		data = binary.BigEndian.AppendUint16(data, uint16(math.Round(65535*light(float64(i)/(n-1)))))
	}
	return rgb(primaries, data)
}

// Grey has one curve.
func Grey(exponent float64) []byte {
	return profile("GRAY", [][2]string{{"kTRC", string(gamma(exponent))}})
}

var primaries = [3][3]float64{{0.436066, 0.222488, 0.013916}, {0.385147, 0.716873, 0.097076}, {0.143066, 0.060608, 0.714096}}

func light(x float64) float64 {
	if x < 0.04045 {
		return x / 12.92
	}
	return math.Pow((x+0.055)/1.055, 2.4)
}

func fixed(to []byte, values ...float64) []byte {
	for _, v := range values {
		to = binary.BigEndian.AppendUint32(to, uint32(int32(math.Round(v*65536))))
	}
	return to
}

func formula() []byte {
	return fixed([]byte("para\x00\x00\x00\x00\x00\x03\x00\x00"), 2.4, 1/1.055, 0.055/1.055, 1/12.92, 0.04045)
}

func gamma(exponent float64) []byte {
	data := binary.BigEndian.AppendUint32([]byte("curv\x00\x00\x00\x00"), 1)
	return binary.BigEndian.AppendUint16(data, uint16(math.Round(exponent*256)))
}

func rgb(primaries [3][3]float64, curve []byte) []byte {
	var tags [][2]string
	for i, channel := range []string{"r", "g", "b"} {
		tags = append(tags, [2]string{channel + "XYZ", string(fixed([]byte("XYZ \x00\x00\x00\x00"), primaries[i][:]...))}, [2]string{channel + "TRC", string(curve)})
	}
	return profile("RGB ", tags)
}

func profile(space string, tags [][2]string) []byte {
	head := make([]byte, 128)
	copy(head[16:], space+"XYZ ")
	copy(head[36:], "acsp")
	head = binary.BigEndian.AppendUint32(head, uint32(len(tags)))
	var data []byte
	for _, tag := range tags {
		head = append(head, tag[0]...)
		head = binary.BigEndian.AppendUint32(head, uint32(132+12*len(tags)+len(data)))
		head = binary.BigEndian.AppendUint32(head, uint32(len(tag[1])))
		data = append(append(data, tag[1]...), make([]byte, -len(tag[1])&3)...)
	}
	whole := append(head, data...)
	binary.BigEndian.PutUint32(whole, uint32(len(whole)))
	return whole
}

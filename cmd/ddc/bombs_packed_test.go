package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bombs of a few bytes that say, or unpack to, very much.

// packedBombs are pictures, fonts and files that are larger than they look.
func packedBombs() []bomb {
	const gigabyte = 1 << 30
	ofPicture := func(kind string) string { return `^static/bomb\.` + kind + `(:\d+:\d+)?: ` }
	return []bomb{
		{name: "a picture that says it is large", make: picture("png", func() []byte { return pngFile(65535, 65535, nil, deflated(1<<20)) }), quick: true},
		{name: "a picture of two thousand million columns", make: picture("png", func() []byte { return pngFile(1<<31-1, 1<<31-1, nil, deflated(1<<20)) })},
		{name: "a picture of one column", make: picture("png", func() []byte { return pngFile(1, 1<<31-1, nil, deflated(1<<20)) })},
		{name: "a colour profile of a gigabyte", make: picture("png", func() []byte {
			return pngFile(40, 30, chunk("iCCP", "x\x00\x00"+string(deflated(gigabyte))), deflated(121*30))
		}), quick: true},
		{name: "texts of a gigabyte in a picture", make: picture("png", func() []byte {
			texts := string(deflated(gigabyte))
			return pngFile(40, 30, append(chunk("zTXt", "x\x00\x00"+texts), chunk("iTXt", "x\x00\x01\x00\x00\x00"+texts)...), deflated(121*30))
		})},
		{name: "a million texts in a picture", make: picture("png", func() []byte {
			return pngFile(40, 30, bytes.Repeat(chunk("tEXt", "a\x00b"), 1_000_000), deflated(121*30))
		})},
		{name: "a gigabyte of pixels in a small picture", fault: ofPicture("png"), make: picture("png", func() []byte { return pngFile(40, 30, nil, deflated(gigabyte)) })},
		{name: "a GIF of 100,000 pictures", make: picture("gif", func() []byte { return gifFile(65535, 65535, 100_000) })},
		{name: "a JPEG that says it is large", make: picture("jpg", func() []byte { return jpegFile(65535, 65535, 1) })},
		{name: "a JPEG of 20,000 scans", mayBuild: true, fault: ofPicture("jpg"), make: picture("jpg", func() []byte { return jpegFile(8000, 8000, 20_000) })},
		{name: "a WebP that says it is large", make: picture("webp", func() []byte { return webpFile(webpPart("VP8L", losslessHead)) })},
		{name: "a WebP of 50,000 pictures", make: picture("webp", func() []byte {
			return webpFile(webpPart("VP8X", "\x12\x00\x00\x00\xff\xff\xff\xff\xff\xff") + webpPart("ANIM", strings.Repeat("\x00", 6)) +
				strings.Repeat(webpPart("ANMF", strings.Repeat("\x00", 16)+webpPart("VP8L", losslessHead)), 50_000))
		})},
		{name: "a JPEG XL of nothing but ones", mayBuild: true, fault: ofPicture("jxl"), make: picture("jxl", func() []byte { return []byte("\xff\x0a" + strings.Repeat("\xff", 200)) })},
		{name: "an icon of 65,535 pictures", make: picture("ico", func() []byte { return []byte("\x00\x00\x01\x00\xff\xff" + strings.Repeat("\xff", 16*65535)) })},
		{name: "a drawing with a path of ten million points", mayBuild: true, fault: ofPicture("svg"),
			make: picture("svg", func() []byte { return drawing(`<path d="` + strings.Repeat("M0 0L1 1", 5_000_000) + `"/>`) })},
		{name: "a drawing with half a million attributes", mayBuild: true, fault: ofPicture("svg"), make: picture("svg", func() []byte { return drawing("<g " + numbered(500_000, `a%d="1" `) + "/>") })},
		{name: "drawings that use each other", make: picture("svg", func() []byte {
			return drawing(`<g id="a0"/>` + numbered(20, "<g id=\"b%d\">"+strings.Repeat("<use href=\"#b%[1]d\"/>", 10)+"</g>"))
		})},
		{name: "a picture that is resized without end", fault: inTemplate, make: func(t *testing.T, site string) {
			picture("png", func() []byte { return pngFile(40, 30, nil, deflated(121*30)) })(t, site)
			template(`{% for i in range(end=100000) %}{% set r = resize_image(path="bomb.png", width=20, op="fit_width") %}{% endfor %}`)(t, site)
		}},
		{name: "a font of 65,535 tables", make: font("ttf", func() []byte { return sfnt(65535, [2]string{"glyf", "1234"}) })},
		{name: "a glyph that is made of itself", make: font("ttf", func() []byte { return trueType([]string{simpleGlyph, composite(1)}, 1) }), quick: true},
		{name: "glyphs that are made of thirty each", make: font("ttf", func() []byte {
			glyphs := []string{simpleGlyph}
			for i := range 60 {
				glyphs = append(glyphs, composite(bytes.Repeat([]byte{byte(i)}, 30)...))
			}
			return trueType(glyphs, len(glyphs)-1)
		})},
		{name: "a font that unpacks to a gigabyte", mayBuild: true, fault: `^static/bomb\.woff2?: `, make: font("woff", func() []byte { return woff(1, gigabyte) })},
		{name: "2000 tables that unpack to a gigabyte each", make: font("woff", func() []byte { return woff(2000, gigabyte) })},
		{name: "a file of ten terabytes of nothing", fault: `^static/bomb\.bin: `, make: nothing, quick: true},
	}
}

// picture is a page with a picture.
func picture(kind string, make func() []byte) func(*testing.T, string) {
	return func(t *testing.T, site string) {
		write(t, site, "static/bomb."+kind, string(make()), "content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n![a](/bomb."+kind+")\n")
	}
}

// font is a page in a font.
func font(kind string, make func() []byte) func(*testing.T, string) {
	return func(t *testing.T, site string) {
		write(t, site, "static/bomb."+kind, string(make()), "static/main.css", "@font-face{font-family:b;src:url(/bomb."+kind+")}\nbody{font-family:b}\n",
			"content/bomb.md", "+++\ntitle = \"bomb\"\n+++\nA\n")
	}
}

func nothing(t *testing.T, site string) {
	write(t, site, "static/bomb.bin", "")
	if err := os.Truncate(filepath.Join(site, "static/bomb.bin"), 10<<40); err != nil {
		t.Skip("a file of ten terabytes: ", err)
	}
}

// deflated are so many zeros, packed.
func deflated(n int) []byte {
	return packed(func(to io.Writer) (err error) {
		for ; err == nil && n > 0; n -= 1 << 20 {
			_, err = to.Write(make([]byte, min(n, 1<<20)))
		}
		return err
	})
}

func packed(write func(io.Writer) error) []byte {
	var into bytes.Buffer
	z, err := zlib.NewWriterLevel(&into, zlib.BestSpeed)
	if err == nil {
		err = errors.Join(write(z), z.Close())
	}
	if err != nil {
		panic(err) // a buffer takes all
	}
	return into.Bytes()
}

func be(parts ...any) string {
	var b bytes.Buffer
	for _, p := range parts {
		if text, is := p.(string); is {
			b.WriteString(text)
		} else if err := binary.Write(&b, binary.BigEndian, p); err != nil {
			panic(err) // as above
		}
	}
	return b.String()
}

func chunk(name, content string) []byte {
	return []byte(be(uint32(len(content)), name, content, crc32.ChecksumIEEE([]byte(name+content))))
}

// pngFile is of three bytes a pixel.
func pngFile(width, height uint32, more, packed []byte) []byte {
	head := chunk("IHDR", be(width, height, []byte{8, 2, 0, 0, 0}))
	return bytes.Join([][]byte{[]byte("\x89PNG\r\n\x1a\n"), head, more, chunk("IDAT", string(packed)), chunk("IEND", "")}, nil)
}

func gifFile(width, height uint16, pictures int) []byte {
	size := string(binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, width), height))
	one := "!\xf9\x04\x00\x00\x00\x00\x00,\x00\x00\x00\x00" + size + "\x00\x02\x02L\x01\x00"
	return []byte("GIF89a" + size + "\x80\x00\x00\x00\x00\x00\xff\xff\xff" + strings.Repeat(one, pictures) + ";")
}

func jpegFile(width, height uint16, scans int) []byte {
	part := func(mark byte, content string) string {
		return be([]byte{0xff, mark}, uint16(len(content)+2), content)
	}
	table := "\x00\x00\x01" + strings.Repeat("\x00", 15)
	return []byte("\xff\xd8" + part(0xdb, "\x00"+strings.Repeat("\x01", 64)) + part(0xc2, be(byte(8), height, width, "\x01\x01\x11\x00")) +
		part(0xc4, table) + part(0xc4, "\x10"+table[1:]) + strings.Repeat(part(0xda, "\x01\x01\x00\x00\x00\x00")+strings.Repeat("\x00", 64), scans) + "\xff\xd9")
}

// losslessHead says 16384 x 16384.
var losslessHead = "\x2f\xff\xff\xff\x0f" + strings.Repeat("\x00", 100)

func webpPart(name, content string) string {
	return name + string(binary.LittleEndian.AppendUint32(nil, uint32(len(content)))) + content + strings.Repeat("\x00", len(content)%2)
}

func webpFile(parts string) []byte {
	return []byte("RIFF" + string(binary.LittleEndian.AppendUint32(nil, uint32(4+len(parts)))) + "WEBP" + parts)
}

func drawing(content string) []byte {
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg">` + content + "</svg>")
}

// sfnt says that it has so many tables.
func sfnt(says uint16, tables ...[2]string) []byte {
	heads, bodies := "", ""
	for _, t := range tables {
		heads += be(t[0], uint32(0), uint32(12+16*len(tables)+len(bodies)), uint32(len(t[1])))
		bodies += t[1] + strings.Repeat("\x00", (4-len(t[1])%4)%4)
	}
	return []byte(be(uint32(1<<16), says, uint16(16), uint16(0), uint16(0), heads, bodies))
}

// simpleGlyph is a point.
var simpleGlyph = be(int16(1), make([]int16, 4), make([]byte, 8))

// composite is a glyph of others.
func composite(of ...byte) string {
	glyph := be(int16(-1), make([]int16, 4))
	for i, g := range of {
		more := uint16(0x20)
		if i == len(of)-1 {
			more = 0
		}
		glyph += be(more, uint16(g), []byte{0, 0})
	}
	return glyph + strings.Repeat("\x00", (4-len(glyph)%4)%4)
}

// trueType is a font whose A is one of the glyphs.
func trueType(glyphs []string, a int) []byte {
	n := uint16(len(glyphs))
	ends, all := []uint32{0}, ""
	for _, g := range glyphs {
		all += g
		ends = append(ends, uint32(len(all)))
	}
	return sfnt(10,
		[2]string{"OS/2", strings.Repeat("\x00", 78)},
		[2]string{"cmap", be([]uint16{0, 1, 3, 10}, uint32(12), []uint16{12, 0}, []uint32{28, 0, 1, 'A', 'A', uint32(a)})},
		[2]string{"glyf", all},
		[2]string{"head", be([]uint32{1 << 16, 0, 0, 0x5f0f3cf5}, []uint16{0, 1000}, make([]uint64, 2), []uint16{0, 0, 1000, 1000, 0, 8, 2, 1, 0})},
		[2]string{"hhea", be(uint32(1<<16), []uint16{800, 200, 0, 1000, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, n})},
		[2]string{"hmtx", strings.Repeat("\x00\x00\x00\x00", int(n))},
		[2]string{"loca", be(ends)},
		[2]string{"maxp", be(uint32(1<<16), n, make([]byte, 26))},
		[2]string{"name", be([]uint16{0, 0, 6})},
		[2]string{"post", be(uint32(3<<16), make([]byte, 28))},
	)
}

// woff is a font of tables that are all the same bytes.
func woff(tables, unpacked int) []byte {
	packed := string(deflated(unpacked))
	at := 44 + 20*tables
	heads := ""
	for i := range tables {
		heads += be(fmt.Sprintf("%04d", i), []uint32{uint32(at), uint32(len(packed)), uint32(unpacked), 0})
	}
	return []byte(be("wOFF", uint32(1<<16), uint32(at+len(packed)), uint16(tables), uint16(0), uint32(1<<31-1), make([]byte, 24), heads, packed))
}

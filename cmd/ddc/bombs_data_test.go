package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
)

// dataBombs are data and front matter that say little at length.
func dataBombs() []bomb {
	data := func(name, kind string, text ...any) bomb {
		return bomb{name: name, mayBuild: true, fault: `^data/bomb\.` + kind + `:\d+:\d+: `, make: file("data/bomb."+kind, text...)}
	}
	front := func(name string, text ...any) bomb {
		return bomb{name: name, mayBuild: true, fault: ofPage, make: file("content/bomb.md", text...)}
	}
	return []bomb{
		data("TOML keys with dots", "toml", repeated("a.", 200_000), "b = 1"),
		data("TOML tables with dots", "toml", count(3000, "[a%d."+strings.Repeat("b.", 100)+"c]\n")),
		data("TOML lists of tables", "toml", repeated("[[a]]\n[[a.b]]\n", 40_000)),
		data("TOML dates", "toml", repeated("a = 9999-99-99T99:99:99Z\n", 100_000)),
		data("YAML that names itself", "yaml", "a: &a [*a, *a]\n"),
		data("YAML that merges itself", "yaml", "a: &a\n  <<: *a\n  <<: [*a, *a]\n"),
		data("YAML keys of keys", "yaml", repeated("? ", 50_000), "a"),
		data("YAML of two bytes a letter", "yaml", "\xff\xfe", repeated("[\x00", 1_000_000)),
		data("JSON half surrogates", "json", "\"", repeated(`\ud800`, 2_000_000), "\""),
		data("KDL comments in each other", "kdl", repeated("/*", 1_000_000)),
		data("KDL nodes that are left out", "kdl", repeated("/-", 1_000_000), "a"),
		front("front matter behind a long text", "+++\ntitle = \"bomb\"\na = \"", repeated("b", 20_000_000), "\"\n", count(4_000, "k%d = 1\n"), "+++\n"),
		front("aliases of a page", "+++\ntitle = \"bomb\"\naliases = [", count(9_000, "\"/a%d/\","), "]\n+++\n"),
	}
}

// moreBombs are pictures, drawings and fonts that say they are more.
func moreBombs() []bomb {
	of := func(name, kind string, data func() []byte) bomb {
		return bomb{name: name, mayBuild: true, fault: `^static/bomb\.` + kind + `(:\d+:\d+)?: `, make: picture(kind, data)}
	}
	exif := func(order string) []byte {
		entry := be([]uint16{0x8769, 4}, []uint32{1, 8}) // an IFD that is itself
		return []byte(order + be(uint16(42), uint32(8), uint16(200)) + strings.Repeat(entry, 200) + be(uint32(8)))
	}
	return []bomb{
		of("a picture with itself in its notes", "jpg", func() []byte {
			jpg := jpegFile(64, 64, 1)
			notes := "Exif\x00\x00" + string(exif("MM"))
			return append([]byte("\xff\xd8"+be([]byte{0xff, 0xe1}, uint16(len(notes)+2), notes)), jpg[2:]...)
		}),
		of("a colour profile of a million tags", "png", func() []byte {
			profile := be(uint32(12_000_132), make([]byte, 32), "acsp", make([]byte, 88), uint32(1_000_000)) + strings.Repeat("rXYZ\x00\x00\x00\x80\x00\x00\x00\x14", 1_000_000)
			return pngFile(40, 30, chunk("iCCP", "x\x00\x00"+string(packed(func(to io.Writer) error {
				_, err := io.WriteString(to, profile)
				return err
			}))), deflated(121*30))
		}),
		of("an AVIF of boxes without a length", "avif", func() []byte {
			inner := strings.Repeat("\x00\x00\x00\x08free", 1_000_000)
			return []byte("\x00\x00\x00\x10ftypavif\x00\x00\x00\x00" + "\x00\x00\x00\x00meta\x00\x00\x00\x00" + "\x00\x00\x00\x00iprp" + "\x00\x00\x00\x00ipco" + inner)
		}),
		of("a WebP whose part is longer than the file", "webp", func() []byte { return webpFile("VP8X\xff\xff\xff\xff" + strings.Repeat("\xff", 100)) }),
		of("a PNG of interlaced nothing", "png", func() []byte {
			head := chunk("IHDR", be([]uint32{30_000, 30_000}, []byte{16, 6, 0, 0, 1}))
			return bytes.Join([][]byte{[]byte("\x89PNG\r\n\x1a\n"), head, chunk("IDAT", string(deflated(1<<20))), chunk("IEND", "")}, nil)
		}),
		of("a drawing that uses itself", "svg", func() []byte { return drawing(`<g id="a"><use href="#a"/><use href="#a"/></g><use href="#a"/>`) }),
		of("a drawing of many names of spaces", "svg", func() []byte { return drawing("<g " + numbered(100_000, `xmlns:a%d="b" `) + "/>") }),
		of("a drawing without an end of its data", "svg", func() []byte { return drawing("<![CDATA[" + strings.Repeat("<![CDATA[", 1_000_000)) }),
		of("a drawing whose type is long", "svg", func() []byte {
			return []byte("<!DOCTYPE svg [" + strings.Repeat("<!ENTITY % a SYSTEM \"file:///etc/passwd\">%a;", 200_000) + "]><svg xmlns=\"http://www.w3.org/2000/svg\"><text>&b;</text></svg>")
		}),
		{name: "a WOFF2 that says it unpacks to four gigabytes", make: font("woff2", func() []byte { return woff2(0xfffffff0) })},
		{name: "a font of more letters than there are", make: font("ttf", func() []byte {
			groups := strings.Repeat(be([]uint32{0, 0x10ffff, 0}), 100_000)
			cmap := be([]uint16{0, 1, 3, 10}, uint32(12), []uint16{12, 0}, []uint32{uint32(16 + len(groups)), 0, 100_000}) + groups
			return withTable(trueType([]string{simpleGlyph}, 0), "cmap", cmap)
		})},
	}
}

// woff2 says that it unpacks to so many bytes.
func woff2(unpacked uint32) []byte {
	return []byte(be("wOF2", uint32(1<<16), uint32(100), []uint16{1, 0}, []uint32{unpacked, 20}, make([]uint16, 2), make([]uint32, 5), []byte{10, 0x8f, 0xff, 0xff, 0xff, 0x7f}, make([]byte, 40)))
}

// withTable is a font with another table in the place of one.
func withTable(font []byte, name, content string) []byte {
	at := bytes.Index(font, []byte(name))
	binary.BigEndian.PutUint32(font[at+8:], uint32(len(font)))
	binary.BigEndian.PutUint32(font[at+12:], uint32(len(content)))
	return append(font, content...)
}

package fonts

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"os"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tdewolff/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/fixture"
	"ddc/internal/tool"
	"ddc/plugins/fonts/fontspb"
)

func needTools(t testing.TB) {
	t.Helper()
	for _, name := range []string{"hb-subset", "woff2_compress", "woff2_decompress"} {
		if _, err := tool.Find(name); err != nil {
			t.Skip(err)
		}
	}
}

// realFonts are fonts of real sites, each with the bytes that its ASCII may
// take.
var realFonts = map[string]int{
	"dodeca-docs/docs/static/fonts/Iosevka-Regular.woff2":    25_000,
	"dodeca-docs/docs/static/fonts/PublicSans-Regular.woff2": 15_000,
	"sample-site/static/fonts/test.woff2":                    50_000, // variable
}

func decompressed(t testing.TB, data []byte) []byte {
	t.Helper()
	got, err := New().Decompress(t.Context(), &fontspb.DecompressRequest{Path: "a.woff2", Data: data})
	require.NoError(t, err)
	return got.Data
}

func subsetted(t testing.TB, data []byte, characters string) []byte {
	t.Helper()
	got, err := New().Subset(t.Context(), &fontspb.SubsetRequest{Path: "a.ttf", Data: data, Characters: characters})
	require.NoError(t, err)
	return got.Data
}

func compressed(t testing.TB, data []byte) []byte {
	t.Helper()
	got, err := New().Compress(t.Context(), &fontspb.CompressRequest{Path: "a.ttf", Data: data})
	require.NoError(t, err)
	return got.Data
}

func ascii() (all string) {
	for r := rune(32); r < 127; r++ {
		all += string(r)
	}
	return all
}

func TestFontsShrinkAndStillHaveTheirCharacters(t *testing.T) {
	needTools(t)
	t.Run("Go Regular", func(t *testing.T) { shrinks(t, compressed(t, goregular.TTF), 15_000) })
	t.Run("Go Mono", func(t *testing.T) { shrinks(t, compressed(t, gomono.TTF), 20_000) })
	for name, limit := range realFonts {
		if file, found := fixture.Real(name); found {
			t.Run(name, func(t *testing.T) {
				data, err := os.ReadFile(file)
				require.NoError(t, err)
				shrinks(t, data, limit)
			})
		}
	}
}

// shrinks cuts a font in WOFF2 down to ASCII, which takes less than limit
// bytes.
func shrinks(t *testing.T, data []byte, limit int) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	whole := decompressed(t, data)
	woff2 := compressed(t, subsetted(t, whole, ascii()))
	assert.Less(t, len(woff2), limit)
	parsed, err := font.ParseSFNT(decompressed(t, woff2), 0)
	require.NoError(t, err)
	before, err := font.ParseSFNT(whole, 0)
	require.NoError(t, err)
	require.NotZero(t, before.GlyphIndex('é'), "there is something to cut")
	for _, r := range ascii() {
		require.NotZero(t, parsed.GlyphIndex(r), "%q", r)
		assert.Equal(t, before.GlyphAdvance(before.GlyphIndex(r)), parsed.GlyphAdvance(parsed.GlyphIndex(r)), "%q", r)
	}
	assert.Zero(t, parsed.GlyphIndex('é'))
	for _, table := range []string{"GSUB", "GPOS", "fvar", "gvar"} {
		if _, had := before.Tables[table]; had {
			assert.Contains(t, parsed.Tables, table)
		}
	}
	assert.Equal(t, woff2, compressed(t, subsetted(t, whole, ascii())), "the same bytes every time")
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestPlainFontsPassDecompressionUnchanged(t *testing.T) {
	assert.Equal(t, goregular.TTF, decompressed(t, goregular.TTF))
}

// woff packs a font's tables with zlib, as WOFF 1.0 says; tables that do not
// shrink stay as they are.
func woff(t *testing.T, sfnt []byte) []byte {
	t.Helper()
	count := int(binary.BigEndian.Uint16(sfnt[4:]))
	head := append([]byte("wOFF"), sfnt[:4]...)
	head = binary.BigEndian.AppendUint32(head, 0) // length, below
	head = binary.BigEndian.AppendUint16(head, uint16(count))
	head = binary.BigEndian.AppendUint16(head, 0)
	head = binary.BigEndian.AppendUint32(head, uint32(len(sfnt)))
	head = append(head, make([]byte, 24)...)
	var tables []byte
	for i := range count {
		entry := sfnt[12+16*i:]
		offset, length := binary.BigEndian.Uint32(entry[8:]), binary.BigEndian.Uint32(entry[12:])
		var packed bytes.Buffer
		writer := zlib.NewWriter(&packed)
		_, err := writer.Write(sfnt[offset : offset+length])
		require.NoError(t, err)
		require.NoError(t, writer.Close())
		data := packed.Bytes()
		if len(data) >= int(length) {
			data = sfnt[offset : offset+length]
		}
		head = append(head, entry[:4]...)
		head = binary.BigEndian.AppendUint32(head, uint32(44+20*count+len(tables)))
		head = binary.BigEndian.AppendUint32(head, uint32(len(data)))
		head = binary.BigEndian.AppendUint32(head, length)
		head = append(head, entry[4:8]...)
		tables = append(tables, data...)
		tables = append(tables, make([]byte, -len(tables)&3)...)
	}
	binary.BigEndian.PutUint32(head[8:], uint32(len(head)+len(tables)))
	return append(head, tables...)
}

func TestWOFFIsUnpacked(t *testing.T) {
	parsed, err := font.ParseSFNT(decompressed(t, woff(t, goregular.TTF)), 0)
	require.NoError(t, err)
	assert.NotZero(t, parsed.GlyphIndex('A'))
}

// appendNumber writes seven bits a byte, the highest first.
func appendNumber(to []byte, n int) []byte {
	for shift := 28; shift > 0; shift -= 7 {
		if n>>shift > 0 {
			to = append(to, byte(n>>shift)|0x80)
		}
	}
	return append(to, byte(n&0x7f))
}

// repack changes the tables of a WOFF2, as they are packed in it.
func repack(t *testing.T, woff2 []byte, change func(tag string, data []byte) []byte) []byte {
	t.Helper()
	known := []string{0: "cmap", 1: "head", 2: "hhea", 3: "hmtx", 4: "maxp", 5: "name", 6: "OS/2", 7: "post", 8: "cvt ", 9: "fpgm", 10: "glyf", 11: "loca", 12: "prep"}
	at := 48
	number := func() (n int) {
		for {
			b := woff2[at]
			at++
			if n = n<<7 | int(b&0x7f); b < 0x80 {
				return n
			}
		}
	}
	type table struct {
		tag    string
		head   []byte
		own    int // its length unpacked
		packed int
		moved  bool // packed differs
	}
	var tables []table
	for range binary.BigEndian.Uint16(woff2[12:]) {
		start := at
		flags := woff2[at]
		at++
		one := table{}
		if flags&0x3f == 0x3f {
			one.tag = string(woff2[at : at+4])
			at += 4
		} else if int(flags&0x3f) < len(known) {
			one.tag = known[flags&0x3f]
		}
		one.head = woff2[start:at]
		one.own = number()
		one.packed = one.own
		if one.moved = (one.tag == "glyf" || one.tag == "loca") && flags>>6 == 0 || one.tag == "hmtx" && flags>>6 == 1; one.moved {
			one.packed = number()
		}
		tables = append(tables, one)
	}
	stream, err := io.ReadAll(brotli.NewReader(bytes.NewReader(woff2[at : at+int(binary.BigEndian.Uint32(woff2[20:]))])))
	require.NoError(t, err)
	out := bytes.Clone(woff2[:48])
	var all []byte
	for _, one := range tables {
		data := change(one.tag, bytes.Clone(stream[:one.packed]))
		stream = stream[one.packed:]
		out = appendNumber(append(out, one.head...), one.own)
		if one.moved {
			out = appendNumber(out, len(data))
		}
		all = append(all, data...)
	}
	var packed bytes.Buffer
	w := brotli.NewWriter(&packed)
	_, err = w.Write(all)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	binary.BigEndian.PutUint32(out[20:], uint32(packed.Len()))
	out = append(out, packed.Bytes()...)
	out = append(out, make([]byte, -len(out)&3)...)
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)))
	return out
}

// Browsers show both: one of each stood on real sites.
func TestWOFF2ThatTheLibraryRefusesIsRead(t *testing.T) {
	needTools(t)
	whole := compressed(t, goregular.TTF)
	for name, change := range map[string]func(string, []byte) []byte{
		"as it is": func(_ string, data []byte) []byte { return data },
		"head without bit 11": func(tag string, data []byte) []byte {
			if tag == "head" {
				data[16] &^= 0x08
			}
			return data
		},
		"overlapSimpleBitmap": func(tag string, data []byte) []byte {
			if tag == "glyf" {
				data[3] |= 1
				data = append(data, make([]byte, (int(binary.BigEndian.Uint16(data[4:]))+7)/8)...)
			}
			return data
		},
	} {
		made := repack(t, whole, change)
		if name != "as it is" {
			_, err := unpack(made)
			assert.Error(t, err, "%s: then the library could be asked again", name)
		}
		parsed, err := font.ParseSFNT(decompressed(t, made), 0)
		require.NoError(t, err, name)
		assert.NotZero(t, parsed.GlyphIndex('A'), name)
	}
}

func TestManyCharactersPassAndThoseNotInTheFontAreIgnored(t *testing.T) {
	needTools(t)
	many := make([]rune, 0, 60_000)
	for r := rune(0x20); r < 0xd000; r++ {
		many = append(many, r)
	}
	parsed, err := font.ParseSFNT(subsetted(t, goregular.TTF, string(many)), 0)
	require.NoError(t, err)
	assert.NotZero(t, parsed.GlyphIndex('é'))
	none, err := font.ParseSFNT(subsetted(t, goregular.TTF, ""), 0)
	require.NoError(t, err)
	assert.Zero(t, none.GlyphIndex('A'))
}

func TestBrokenFontsAreNamed(t *testing.T) {
	needTools(t)
	plain, whole := goregular.TTF, compressed(t, goregular.TTF)
	for name, data := range map[string][]byte{"empty": nil, "text": []byte("hello, this is no font"), "short": whole[:len(whole)/2], "short plain": plain[:len(plain)/2]} {
		t.Run(name, func(t *testing.T) {
			s := New()
			_, err := s.Decompress(t.Context(), &fontspb.DecompressRequest{Path: "fonts/a.woff2", Data: data})
			assert.Equal(t, codes.InvalidArgument, status.Code(err))
			assert.ErrorContains(t, err, "fonts/a.woff2: cannot unpack: ")
			_, err = s.Subset(t.Context(), &fontspb.SubsetRequest{Path: "fonts/a.ttf", Data: data, Characters: "a"})
			assert.Equal(t, codes.InvalidArgument, status.Code(err))
			assert.ErrorContains(t, err, "fonts/a.ttf: cannot subset: ")
			_, err = s.Compress(t.Context(), &fontspb.CompressRequest{Path: "fonts/a.ttf", Data: data})
			assert.Equal(t, codes.InvalidArgument, status.Code(err))
			assert.ErrorContains(t, err, "fonts/a.ttf: cannot compress: ")
		})
	}
}

func TestMissingProgramsAreFailedPreconditions(t *testing.T) {
	t.Setenv(tool.FolderVariable, "")
	t.Setenv("PATH", "/nowhere")
	t.Chdir(t.TempDir())
	_, err := New().Subset(t.Context(), &fontspb.SubsetRequest{Path: "a.ttf", Data: goregular.TTF, Characters: "a"})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	assert.ErrorContains(t, err, "hb-subset, which cuts fonts down to the characters in use, is not installed")
	_, err = New().Compress(t.Context(), &fontspb.CompressRequest{Path: "a.ttf", Data: goregular.TTF})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
}

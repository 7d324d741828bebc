package fonts

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"os"
	"testing"

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
	for _, name := range []string{"hb-subset", "woff2_compress"} {
		if _, err := tool.Find(name); err != nil {
			t.Skip(err)
		}
	}
}

// realFonts are fonts of real sites, each with the bytes that its ASCII may take.
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

// shrinks cuts a font in WOFF2 down to ASCII, which takes less than limit bytes.
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
	t.Setenv("PATH", "/nowhere")
	t.Chdir(t.TempDir())
	_, err := New().Subset(t.Context(), &fontspb.SubsetRequest{Path: "a.ttf", Data: goregular.TTF, Characters: "a"})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	assert.ErrorContains(t, err, "hb-subset, which cuts fonts down to the characters in use, is not installed")
	_, err = New().Compress(t.Context(), &fontspb.CompressRequest{Path: "a.ttf", Data: goregular.TTF})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
}

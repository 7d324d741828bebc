package fonts

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tdewolff/font"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

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

func realFont(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../shared/sites", name))
	if os.IsNotExist(err) {
		t.Skip("the real sites are not beside the repository")
	}
	require.NoError(t, err)
	return data
}

const (
	iosevka  = "dodeca-docs/docs/static/fonts/Iosevka-Regular.woff2"
	sans     = "dodeca-docs/docs/static/fonts/PublicSans-Regular.woff2"
	variable = "sample-site/static/fonts/test.woff2"
)

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

func TestRealFontsShrinkAndStillHaveTheirCharacters(t *testing.T) {
	needTools(t)
	for name, limit := range map[string]int{iosevka: 25_000, sans: 15_000, variable: 50_000} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			whole := decompressed(t, realFont(t, name))
			woff2 := compressed(t, subsetted(t, whole, ascii()))
			assert.Less(t, len(woff2), limit)
			parsed, err := font.ParseSFNT(decompressed(t, woff2), 0)
			require.NoError(t, err)
			before, err := font.ParseSFNT(whole, 0)
			require.NoError(t, err)
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
		})
	}
}

func TestPlainFontsPassDecompressionUnchanged(t *testing.T) {
	whole := decompressed(t, realFont(t, sans))
	assert.Equal(t, whole, decompressed(t, whole))
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
	plain := decompressed(t, realFont(t, sans))
	parsed, err := font.ParseSFNT(decompressed(t, woff(t, plain)), 0)
	require.NoError(t, err)
	assert.NotZero(t, parsed.GlyphIndex('A'))
}

func TestManyCharactersPassAndThoseNotInTheFontAreIgnored(t *testing.T) {
	needTools(t)
	whole := decompressed(t, realFont(t, sans))
	many := make([]rune, 0, 60_000)
	for r := rune(0x20); r < 0xd000; r++ {
		many = append(many, r)
	}
	parsed, err := font.ParseSFNT(subsetted(t, whole, string(many)), 0)
	require.NoError(t, err)
	assert.NotZero(t, parsed.GlyphIndex('é'))
	none, err := font.ParseSFNT(subsetted(t, whole, ""), 0)
	require.NoError(t, err)
	assert.Zero(t, none.GlyphIndex('A'))
}

func TestBrokenFontsAreNamed(t *testing.T) {
	whole := realFont(t, sans)
	plain := decompressed(t, whole)
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
	plain := decompressed(t, realFont(t, sans))
	t.Setenv("PATH", "/nowhere")
	t.Chdir(t.TempDir())
	_, err := New().Subset(t.Context(), &fontspb.SubsetRequest{Path: "a.ttf", Data: plain, Characters: "a"})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	assert.ErrorContains(t, err, "hb-subset, which cuts fonts down to the characters in use, is not installed")
	_, err = New().Compress(t.Context(), &fontspb.CompressRequest{Path: "a.ttf", Data: plain})
	assert.Equal(t, codes.FailedPrecondition, status.Code(err))
}

package fonts

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tdewolff/font"
	"golang.org/x/image/font/gofont/goregular"

	"ddc/plugins/fonts/fontspb"
)

// A script, or a reader, may change what a page is when the fonts are cut.
func TestWhatMayBeShownLaterIsKept(t *testing.T) {
	const face = `@font-face{font-family:F;src:url(f.woff2)} html{font-family:F}`
	for name, c := range map[string]struct{ css, page, want string }{
		"class that a script sets":     {`.active::after{content:"✓"}`, `<p>x`, "✓"},
		"attribute that a script sets": {`[data-theme=dark] p::before{content:"☾"}`, `<p>x`, "☾"},
		"details that a reader opens":  {`details[open] summary::after{content:"▴"}`, `<details><summary>x</summary></details>`, "▴"},
		"family of a class":            {`.on{font-family:F} html{font-family:X}`, `<script></script><p>é`, "é"},
		"family of an attribute":       {`html{font-family:X} [data-font=f] p{font-family:F}`, `<p>é<script></script>`, "é"},
		"family of an open dialog":     {`html{font-family:X} dialog[open]{font-family:F}`, `<dialog>é</dialog>`, "é"},
		"animation":                    {`@keyframes k{50%{content:"◐"}}`, `<p>x`, "◐"},
		"attribute of a drawing":       {`html{font-family:X}`, `<svg><text font-family="F">é</text></svg>`, "é"},
		"attribute of <font>":          {`html{font-family:X}`, `<font face="F">é</font>`, "é"},
		"search box":                   {``, `<input type=search>`, "azAZ09é?"},
		"named input":                  {``, `<input name=q>`, "q"},
		"writing system of the pages":  {``, `<p>я<textarea></textarea>`, "жЩ"},
		"Latin of the pages":           {``, `<p>ő<input id=q>`, "řŁ"},
		"what is editable":             {``, `<p contenteditable>x`, "q"},
		"excerpts of other pages":      {`i{font-family:X}`, `<div id=search></div><script src=/pagefind/pagefind-ui.js></script>x<i>→</i>`, "q→"},
	} {
		got := analyse(t, face+c.css, c.page).Characters["F"]
		for _, r := range c.want {
			assert.Contains(t, got, string(r), name)
		}
	}
}

func TestWhatNobodyCanShowIsLeftOut(t *testing.T) {
	const face = `@font-face{font-family:F;src:url(f.woff2)} html{font-family:X}`
	for name, c := range map[string]struct{ css, page string }{
		"class without a script":  {`.on{font-family:F}`, `<p>é`},
		"input that is no text":   {`*{font-family:F}`, `<input type=checkbox name=c>`},
		"another element's class": {`i.on{font-family:F}`, `<script></script><p>é`},
	} {
		assert.NotContains(t, analyse(t, face+c.css, c.page).Characters["F"], "é", name)
	}
}

// Font Awesome has one variable for each of two thousand icons.
func TestEveryValueOfAVariableThatIsShownIsKept(t *testing.T) {
	var css strings.Builder
	css.WriteString(`@font-face{font-family:F;src:url(f.woff2)} .fa{font-family:F} .fa::before{content:var(--fa)}`)
	for i := range 2000 {
		fmt.Fprintf(&css, `.fa-%d{--fa:"\%x"}`, i, 0xe000+i)
	}
	got := analyse(t, css.String(), `<i class="fa fa-7"></i>`).Characters["F"]
	assert.Equal(t, 2001, len([]rune(got)))
}

func TestFeaturesThatSheetsAskForArePassedOn(t *testing.T) {
	for css, want := range map[string][]string{
		`p{font-feature-settings:"tnum" 1, 'ss01'}`:                   {"ss01", "tnum"},
		`p{font-variant-numeric:tabular-nums slashed-zero}`:           {"tnum", "zero"},
		`p{font-variant:small-caps}`:                                  {"smcp"},
		`p{font:small-caps 1em F}`:                                    {"smcp"},
		`p{font-feature-settings:var(--n)} :root{--n:"onum","long!"}`: {"onum"},
		`p{font-variant-alternates:styleset(x)}`:                      {"*"},
		`@font-face{font-family:F;font-feature-settings:"cv01"}`:      {"cv01"},
		`p{--n:"onum";color:red}`:                                     nil,
	} {
		assert.Equal(t, want, analyse(t, css, "<p>x").Features, css)
	}
}

func TestFeaturesSurviveTheCut(t *testing.T) {
	needTools(t)
	whole := withFeature(t, goregular.TTF)
	for _, c := range []struct {
		features []string
		kept     bool
	}{{nil, false}, {[]string{"ss01"}, true}, {[]string{"*"}, true}} {
		got, err := New().Subset(context.Background(), &fontspb.SubsetRequest{Path: "a.ttf", Data: whole, Characters: "ab", Features: c.features})
		require.NoError(t, err)
		parsed, err := font.ParseSFNT(got.Data, 0)
		require.NoError(t, err)
		assert.Equal(t, c.kept, strings.Contains(string(parsed.Tables["GSUB"]), "ss01"), "%v", c.features)
	}
}

// withFeature adds a table to a font that replaces a by b where ss01 is on.
func withFeature(t *testing.T, sfnt []byte) []byte {
	t.Helper()
	parsed, err := font.ParseSFNT(sfnt, 0)
	require.NoError(t, err)
	u16 := func(values ...uint16) (all []byte) {
		for _, v := range values {
			all = binary.BigEndian.AppendUint16(all, v)
		}
		return all
	}
	gsub := u16(1, 0, 10, 30, 44)                                                                       // version, and where the three lists are
	gsub = append(append(gsub, u16(1)...), append([]byte("DFLT"), u16(8, 4, 0, 0, 0xffff, 1, 0)...)...) // one script, one language
	gsub = append(append(gsub, u16(1)...), append([]byte("ss01"), u16(8, 0, 1, 0)...)...)               // one feature of one lookup
	gsub = append(gsub, u16(1, 4, 1, 0, 1, 8, 2, 8, 1, parsed.GlyphIndex('b'), 1, 1, parsed.GlyphIndex('a'))...)
	count := binary.BigEndian.Uint16(sfnt[4:])
	out := append(bytes.Clone(sfnt[:4]), u16(count+1, 0, 0, 0)...)
	data := make([]byte, 0, len(sfnt)+len(gsub))
	start := 12 + 16*(int(count)+1)
	add := func(tag string, table []byte) {
		out = append(out, tag...)
		out = binary.BigEndian.AppendUint32(out, 0)
		out = binary.BigEndian.AppendUint32(out, uint32(start+len(data)))
		out = binary.BigEndian.AppendUint32(out, uint32(len(table)))
		data = append(append(data, table...), make([]byte, -len(table)&3)...)
	}
	add("GSUB", gsub)
	for i := range int(count) {
		entry := sfnt[12+16*i:]
		offset, length := binary.BigEndian.Uint32(entry[8:]), binary.BigEndian.Uint32(entry[12:])
		add(string(entry[:4]), sfnt[offset:offset+length])
	}
	return append(out, data...)
}

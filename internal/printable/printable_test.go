package printable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forbidden is said in other words than those of the package: what no terminal
// may be sent.
func forbidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c: // bidi
		return true
	case r >= 0x200b && r <= 0x200d, r >= 0x2060 && r <= 0x2064, r == 0xfeff, r == 0x2028, r == 0x2029, r == 0x3164, r == 0xad: // seen as nothing
		return true
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Cs, r)
}

func TestOneThingHasNoPlural(t *testing.T) {
	assert.Equal(t, "0 files, 1 page, 2 calls", Count(0, "file")+", "+Count(int64(1), "page")+", "+Count(uint64(2), "call"))
}

func TestNoRuneThatATerminalObeysGetsThrough(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		for _, shown := range []string{Line(string(r)), Text(string(r))} {
			for _, s := range shown {
				if forbidden(s) {
					t.Fatalf("%U is shown as %q", r, shown)
				}
			}
		}
	}
	assert.NotContains(t, Line("a\nb\tc"), "\n")
	assert.Equal(t, "a\nb\tc", Text("a\nb\tc"))
}

func TestTextsOfAllScriptsStayAsTheyAre(t *testing.T) {
	for _, text := range []string{"", "content/über/naïve 日本語.md", "עברית", "العربية", "हिन्दी", "😀👍🏽", "a\u00a0b", "C:\\dir\\n", "\ufffd", "e\u0301", "→ ✓ ½"} {
		assert.Equal(t, text, Line(text))
		assert.Equal(t, text, Text(text))
	}
}

func TestWhatIsEscapedIsShownInOneWay(t *testing.T) {
	for text, want := range map[string]string{
		"\x1b]52;c;aGk=\a":     `\u001b]52;c;aGk=\u0007`,
		"\x9b31m":              `\x9b31m`, // no UTF-8
		"\u009b31m":            `\u009b31m`,
		"gpj.\u202efdp":        `gpj.\u202efdp`,
		"a\r\nerror: no":       `a\r\nerror: no`,
		"tag \U000e0041":       `tag \udb40\udc41`,
		"\xed\xa0\x80\xff\xc0": `\xed\xa0\x80\xff\xc0`,
	} {
		assert.Equal(t, want, Line(text))
		assert.Equal(t, want, Line(want), "twice does no harm")
	}
}

func TestLaterLinesOfAMessageAreSetIn(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "one": "one", "one\n": "one\n", "one\n\nerror: two\n  three": "one\n\n  error: two\n    three", "\nerror: one": "\n  error: one",
	} {
		assert.Equal(t, want, Message(text))
	}
}

func TestSizesAreSaidAsPeopleDo(t *testing.T) {
	assert.Equal(t, []string{"0 B", "999 B", "1.0 kB", "434.0 MB"}, []string{Size(0), Size(999), Size(1000), Size(434_000_000)})
}

func TestWhatIsCutIsSaid(t *testing.T) {
	assert.Equal(t, strings.Repeat("x", LineBytes)+"… (7 bytes cut)", Line(strings.Repeat("x", LineBytes+7)))
	assert.Equal(t, strings.Repeat("x", LineBytes), Line(strings.Repeat("x", LineBytes)))
	assert.Equal(t, strings.Repeat("€", LineBytes/3)+"… (3 bytes cut)", Line(strings.Repeat("€", LineBytes/3+1)), "no part of a rune is left")
	assert.Equal(t, strings.Repeat("a\n", TextLines-1)+"a… (5 bytes cut)", Text(strings.Repeat("a\n", TextLines)+"aa\na"))
	assert.Equal(t, strings.Repeat("x", TextBytes)+"… (1 bytes cut)", Text(strings.Repeat("x", TextBytes+1)))
	assert.Less(t, len(Text(strings.Repeat("\xff", 1<<20))), 5*TextBytes)
}

// odd is a text with everything in it.
const odd = "\x1b]52;c;aGk=\a \u202e \U000e0041 \x80 \r"

func TestWriterLetsNothingThroughAndCutsLongLines(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	n, err := fmt.Fprintf(w, "error: %s\n\tnext\n", odd)
	require.NoError(t, err)
	assert.Equal(t, len("error: \n\tnext\n")+len(odd), n, "as io.Writer has it")
	assert.Equal(t, "error: "+Line(odd)+"\n\tnext\n", out.String())

	out.Reset()
	for range 10 {
		fmt.Fprint(w, strings.Repeat("x", WriterLine/4))
	}
	fmt.Fprint(w, "\nshort\n")
	assert.Equal(t, strings.Repeat("x", WriterLine)+fmt.Sprintf("… (%d bytes cut)\nshort\n", 6*WriterLine/4), out.String())
}

func TestJSONThroughAWriterMeansTheSame(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	object := map[string]string{"a": strings.ToValidUTF8(odd, "?") + "\u009b\u2066", "long": strings.Repeat("x", 2*WriterLine)}
	require.NoError(t, json.NewEncoder(w.Whole()).Encode(object))
	for _, r := range out.String() {
		require.False(t, forbidden(r), "%U", r)
	}
	var back map[string]string
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	assert.Equal(t, object, back)
}

func TestOnlyNamedSequencesReachTheTerminal(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	require.NoError(t, w.Control(EraseLine, odd))
	require.NoError(t, w.Control(ClearScreen, ""))
	assert.Equal(t, "\r\x1b[K"+Line(odd)+"\x1b[H\x1b[2J", out.String())
}

func TestWriterReportsErrors(t *testing.T) {
	r, pipe := io.Pipe()
	require.NoError(t, r.Close())
	w := NewWriter(pipe)
	_, err := fmt.Fprint(w, "x")
	assert.ErrorIs(t, err, io.ErrClosedPipe)
	assert.ErrorIs(t, w.Control(EraseLine, "x"), io.ErrClosedPipe)
}

func FuzzPrintable(f *testing.F) {
	f.Add(odd)
	f.Add("a\nb")
	f.Fuzz(func(t *testing.T, text string) {
		for _, shown := range []string{Line(text), Text(text)} {
			require.True(t, utf8.ValidString(shown))
			for _, r := range shown {
				require.False(t, forbidden(r), "%U", r)
			}
		}
		require.Equal(t, escape(text, true), escape(escape(text, true), true))
	})
}

func TestTheFirstOfManyNamesAreShownAsTheyAreSpelled(t *testing.T) {
	for want, names := range map[string][]string{"": nil, "a": {"a"}, `a, \u001b`: {"a", "\x1b"}, `a, \u001b, ..`: {"a", "\x1b", "c"}} {
		assert.Equal(t, want, First(2, names, Line))
	}
}

package notation

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
)

// numbered repeats a format with the numbers from 0.
func numbered(format string, n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, format, i)
	}
	return all.String()
}

// readers read a text into anything, each in its language.
var readers = map[string]func(text string, within Bounds) (any, error){
	"json": JSON,
	"yaml": YAML,
	"toml": func(text string, within Bounds) (any, error) {
		var table map[string]any
		err := TOML(text, &table, within)
		return table, err
	},
}

// laughs are nine lists, each of nine of the one before: a billion at last.
func laughs() string {
	text := "a0: &a0 [lol]\n"
	for i := 1; i < 10; i++ {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	return text
}

// merges are nested merge keys, each of nine of the one before.
func merges() string {
	text := "a0: &a0 {k: v}\n"
	for i := 1; i < 10; i++ {
		text += fmt.Sprintf("a%d: &a%d\n  <<: [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	return text
}

func TestTextBeyondABoundIsRefusedWithItsPlace(t *testing.T) {
	small := Bounds{JSON: 10, Values: 10}
	deep := strings.Repeat
	for name, c := range map[string]struct {
		language, text string
		within         Bounds
		says           string
	}{
		"billion laughs":             {"yaml", laughs(), Data, "there are more than 100000 values, those counted that aliases"},
		"nested merge keys":          {"yaml", merges(), Data, "there are more than 100000 values, those counted that aliases"},
		"alias of itself":            {"yaml", "a: &a [*a]\n", Data, "1:8: lists and tables are nested more than 128 deep"},
		"merge of itself":            {"yaml", "a: &a\n  <<: *a\n", Data, "2:7: lists and tables are nested more than 128 deep"},
		"YAML brackets":              {"yaml", deep("[", 100_000), Data, "1:1: exceeded max depth of 10000"},
		"YAML brackets, closed":      {"yaml", deep("[", 5000) + deep("]", 5000), Data, "1:129: lists and tables are nested more than 128 deep"},
		"YAML dashes":                {"yaml", deep("- ", 5000), Data, "1:257: lists and tables are nested more than 128 deep"},
		"YAML lines":                 {"yaml", "a: 1\n" + numbered("k%d: 1\n", 1_000_000), Data, "50001:7: there are more than 100000 lines, commas and brackets"},
		"YAML line separators":       {"yaml", deep("# a\u2028", 20), small, "1:46: there are more than 10 lines"},
		"YAML keys":                  {"yaml", numbered("k%d: 1\n", 8), small, "6:3: there are more than 10 lines"},
		"JSON brackets":              {"json", "\n" + deep("[", 100_000), Data, "2:129: lists and tables are nested more than 128 deep"},
		"JSON values":                {"json", "[1,2,3,\n4,5,6,7,8,9,10,11]", small, "2:15: there are more than 10 values"},
		"JSON keys":                  {"json", "{" + numbered(`"%d":1,`, 1_000_000) + `"a":1}`, Data, "there are more than 500000 values"},
		"TOML dots":                  {"toml", "x = 1\n" + deep("a.", 200) + "b = 1\n", Data, "2:401: lists and tables are nested more than 128 deep"},
		"TOML brackets":              {"toml", "a = " + deep("[", 500) + deep("]", 500), Data, "1:1: lists and tables are nested more than 128 deep"},
		"TOML values":                {"toml", "a = [1,2,3]\nb = [1,2,3,4,5,6]\n", small, "2:1: there are more than 10 values"},
		"TOML keys":                  {"toml", numbered("k%d = 1\n", 1_000_000), Data, ":1: there are too many keys beside one another"},
		"TOML tables":                {"toml", numbered("[k%d]\na = 1\n", 1_000_000), Data, "there are too many keys beside one another"},
		"TOML lists beside many":     {"toml", numbered("k%d = 1\n", 10_000) + "[[a]]\n" + deep("[[a]]\n", 90_000), Data, "there are too many keys beside one another"},
		"YAML error in front matter": {"yaml", "a: 1\nb: [\n", Data, "3:1: did not find expected node content"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readers[c.language](c.text, c.within)
			var fault *diagnostic.Problem
			require.ErrorAs(t, err, &fault)
			assert.Contains(t, err.Error(), c.says)
		})
	}
}

func TestTextWithinTheBoundsIsRead(t *testing.T) {
	for name, c := range map[string]struct{ language, text string }{
		"JSON":                  {"json", "{" + numbered(`"k%d":1,`, 100_000) + `"a":1}`},
		"JSON prose":            {"json", `["` + strings.Repeat(`,[\"{:`, 1_000_000) + `"]`},
		"YAML":                  {"yaml", numbered("k%d: 1\n", 49_000)},
		"TOML keys":             {"toml", numbered("k%d = 1\n", 10_000)},
		"TOML list of tables":   {"toml", numbered("[[k]]\na = %d\nb.c = 2\n", 14_000)},
		"TOML lists in a list":  {"toml", strings.Repeat("[[a]]\nx=1\n[[a.b]]\ny=2\n[[a.b]]\ny=2\n", 4_000)},
		"TOML many small lists": {"toml", numbered("k%d = [1]\n", 9_000)},
		"TOML prose":            {"toml", "a = '''\n" + strings.Repeat("a = 1\n[b]\n", 1_000_000) + "'''\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readers[c.language](c.text, Data)
			assert.NoError(t, err)
		})
	}
}

// What go-toml compares is counted, not timed: twice the keys are four times
// the pairs, and a list of tables costs no more than its length.
func TestPairsOfKeysAreCountedAsTheLibraryComparesThem(t *testing.T) {
	pairs := func(text string) int {
		s := tomlScan{most: 1 << 30}
		require.Nil(t, s.scan(text))
		return s.lookups
	}
	flat := func(n int) int { return pairs(numbered("k%d = 1\n", n)) }
	assert.InDelta(t, 4, float64(flat(2000))/float64(flat(1000)), 0.1)
	list := func(n int) int { return pairs(numbered("[[k]]\na = %d\nb = 1\n", n)) }
	assert.InDelta(t, 2, float64(list(2000))/float64(list(1000)), 0.1)
}

func TestYAMLMeansWhatItsCoreSchemaSays(t *testing.T) {
	value, err := YAML(`
text: a
date: 2024-01-02
yes: yes
is: true
none: ~
whole: -3
hex: 0x10
part: 1.5
huge: 18446744073709551615
quoted: "1"
tagged: !!str 1
own: !theirs 1
data: !!binary aGk=
1: number
~: nothing
base: &base {a: 1, b: 2}
more: &more {b: 3, c: 4}
merged: {<<: [*base, *more], a: 0}
alias: *base
list: [*base, "x"]
`, Data)
	require.NoError(t, err)
	base := map[string]any{"a": int64(1), "b": int64(2)}
	assert.Equal(t, map[string]any{
		"text": "a", "date": "2024-01-02", "yes": "yes", "is": true, "none": nil, "whole": int64(-3), "hex": int64(16), "part": 1.5,
		"huge": uint64(18446744073709551615), "quoted": "1", "tagged": "1", "own": int64(1), "data": "hi", "1": "number", "null": "nothing",
		"base": base, "more": map[string]any{"b": int64(3), "c": int64(4)}, "alias": base, "list": []any{base, "x"},
		"merged": map[string]any{"a": int64(0), "b": int64(2), "c": int64(4)},
	}, value)
	for _, empty := range []string{"", "# nothing\n", "---\n"} {
		value, err := YAML(empty, Data)
		require.NoError(t, err)
		assert.Nil(t, value)
	}
	for text, says := range map[string]string{
		"a: 1\na: 2\n":        `2:1: the key "a" is given twice; it stands in line 1 already`,
		"[1]: 2\n":            "1:1: a key must be a word or a number",
		"a: {<<: 1}\n":        "1:9: a merge key takes a mapping",
		"a: !!int x\n":        `1:4: "x" is not a number`,
		"a: !!bool x\n":       `1:4: "x" is neither true nor false`,
		"a: !!binary \"!\"\n": "1:4: this is not base64",
	} {
		_, err := YAML(text, Data)
		assert.ErrorContains(t, err, says, text)
	}
}

func TestJSONFaultNamesLineAndColumn(t *testing.T) {
	value, err := JSON(`{"a": 12345678901234567890}`, Data)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"a": json.Number("12345678901234567890")}, value)
	for text, says := range map[string]string{
		"{\n \"a\": }": "2:7: invalid character '}'", "1 2": "1:2: there is something after the value", "": "1:1: EOF", "[1,": "1:3: unexpected EOF",
	} {
		_, err := JSON(text, Data)
		assert.ErrorContains(t, err, says, text)
	}
}

func FuzzYAMLStaysWithinItsBounds(f *testing.F) {
	f.Add(laughs())
	f.Add(merges())
	f.Add("a: &a [*a]\n? [b]\n: c\n- !!x y\n")
	f.Fuzz(func(t *testing.T, text string) {
		value, err := YAML(text, Bounds{Values: 100})
		if err == nil {
			assert.LessOrEqual(t, size(value), 100)
		}
	})
}

// size counts the values in a value, keys among them.
func size(value any) int {
	n := 1
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			n += size(item)
		}
	case map[string]any:
		for _, item := range v {
			n += 1 + size(item)
		}
	}
	return n
}

// BenchmarkRead reports, beside the time, how much longer twice as much takes.
func BenchmarkRead(b *testing.B) {
	for name, c := range map[string]struct{ language, format string }{
		"json": {"json", "%d,\n"}, "yaml": {"yaml", "k%d: 1\n"}, "toml lists": {"toml", "[[k]]\na = %d\n"},
	} {
		for _, n := range []int{10_000, 20_000} {
			text := numbered(c.format, n)
			if c.language == "json" {
				text = "[" + text + "0]"
			}
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := readers[c.language](text, Data); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/value")
			})
		}
	}
}

func TestPlacesAreThoseOfTheWholeText(t *testing.T) {
	text := "a\nbé\n\ncd\r\ne"
	p := placer{text: text}
	for offset := range len(text) + 1 {
		if offset < len(text) && !utf8.RuneStart(text[offset]) {
			continue
		}
		whole := diagnostic.At(text, offset, offset, "")
		assert.Equal(t, Place{whole.Line, whole.Col}, p.at(offset), offset)
	}
}

package kdl_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/internal/diagnostic"
	"ddc/internal/kdl"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func args(t *testing.T, source string) []any {
	t.Helper()
	nodes, err := kdl.Parse("test.kdl", source)
	require.NoError(t, err)
	require.Len(t, nodes, 1)
	var values []any
	for _, v := range nodes[0].Args {
		values = append(values, v.Any)
	}
	return values
}

func TestEveryKindOfValueIsRead(t *testing.T) {
	for source, want := range map[string]any{
		`n #true`: true, `n #false`: false, `n #null`: nil,
		`n true`: true, `n false`: false, `n null`: nil,
		`n 12`: int64(12), `n -1_000`: int64(-1000), `n 0xff`: int64(255), `n 0b101`: int64(5), `n -0o17`: int64(-15),
		`n 1.5e3`: 1500.0,
		`n word`:  "word", `n "two words"`: "two words", `n (type)"typed"`: "typed",
		`n "a\n\t\"\\\u{e9}"`: "a\n\t\"\\é", `n "joined \
		   up"`: "joined up",
		`n #"raw \n "quoted""#`: `raw \n "quoted"`, `n ##"with "# inside"##`: `with "# inside`,
		`n r"version\one"`: `version\one`, `n r#"with " in"#`: `with " in`,
		"n \"\"\"\n    two\n      lines\n    \"\"\"": "two\n  lines",
		"n #\"\"\"\n  raw \\n\n  \"\"\"#":            `raw \n`,
		`n --flag`:                                   "--flag", `n .5x`: ".5x",
	} {
		assert.Equal(t, []any{want}, args(t, source), source)
	}
}

func TestCommentsAndContinuedLinesAreNoPartOfTheDocument(t *testing.T) {
	assert.Equal(t, []any{"a", "b", "c"}, args(t, `
// before
n a /* one /* nested */ still */ b \ // goes on
  c // after
/- dropped 1 2 { child }
`))
	assert.Equal(t, []any{"kept"}, args(t, `n /-gone kept /-key=1 /-{ child }`))
}

func TestChildrenAndPropertiesBelongToTheirNode(t *testing.T) {
	nodes, err := kdl.Parse("test.kdl", `a 1 key="v" key="last" { b; c { d } }
e`)
	require.NoError(t, err)
	require.Len(t, nodes, 2)
	last, ok := nodes[0].Prop("key")
	assert.True(t, ok)
	assert.Equal(t, "last", last.Any)
	require.Len(t, nodes[0].Children, 2)
	assert.Equal(t, "d", nodes[0].Children[1].Children[0].Name)
	assert.Equal(t, 2, nodes[1].Line)
}

func TestErrorsNameFileLineAndColumn(t *testing.T) {
	for source, want := range map[string]string{
		"a\nb {\n c\n": "test.kdl:2:3: this { is never closed",
		"a\n  }":       "test.kdl:2:3: unexpected '}': no { is open here",
		"a \"open\nb":  "test.kdl:1:3: this string is never closed on its line",
		"a #maybe":     "test.kdl:1:3: unknown keyword #maybe; there are #true, #false, #null, #inf, #-inf and #nan",
		"/* open":      "test.kdl:1:1: this comment is never closed",
		`a "\q"`:       `test.kdl:1:4: unknown escape \q; a backslash itself is written \\`,
		"a 12px":       `test.kdl:1:3: "12px" is not a number; put it in quotes if it is text`,
		"12":           "test.kdl:1:1: the name of a node must be a word or a string; put it in quotes",
		`a ["b", "c"]`: `test.kdl:1:3: unexpected '[': KDL writes the values of a list one after another, as in: args "run" "--quiet"`,
		`a "b"c`:       `test.kdl:1:6: unexpected 'c' after "a": a space is missing, or quotes`,
	} {
		_, err := kdl.Parse("test.kdl", source)
		assert.EqualError(t, err, want, source)
		var syntax *diagnostic.Problem
		assert.True(t, errors.As(err, &syntax))
	}
}

func FuzzParseNeverPanicsAndAlwaysPlacesItsErrors(f *testing.F) {
	f.Add("a 1 b=#true { c \"x\" }\n/- d\n")
	f.Add("n \"\"\"\n  x\\\n  y\n  \"\"\" #\"raw\"# r#\"old\"#")
	f.Add("(t)a \\\n /* /* */ */ 0x1_0")
	f.Fuzz(func(t *testing.T, source string) {
		_, err := kdl.Parse("f", source)
		var syntax *diagnostic.Problem
		if err != nil && (!errors.As(err, &syntax) || syntax.Line < 1 || syntax.Col < 1) {
			t.Fatalf("error without a place: %v", err)
		}
	})
}

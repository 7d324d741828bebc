package code_execution

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fixture"
	pb "ddc/plugins/code_execution/code_executionpb"
)

// samplesOf extracts the samples of each page of a site, by path below its
// folder.
func samplesOf(t *testing.T, site fs.FS) []*pb.Sample {
	t.Helper()
	var samples []*pb.Sample
	for name, content := range fixture.Folder(t, site, ".") {
		if path.Ext(name) != ".md" {
			continue
		}
		res, err := New().Extract(t.Context(), &pb.ExtractRequest{SourcePath: name, Content: content})
		require.NoError(t, err)
		for _, sample := range res.GetSamples() {
			lines := strings.Split(content, "\n")
			assert.Contains(t, lines[sample.GetLine()-1], "```", "%s:%d is a fence", name, sample.GetLine())
		}
		samples = append(samples, res.GetSamples()...)
	}
	return samples
}

func TestSamplesOfASiteAreFound(t *testing.T) {
	known := map[string]map[string]int{
		"fixture":     {"sh": 1, "rust,noexec": 1, "go": 1, "jinja": 1},
		"dodeca-docs": {"rust": 4, "rust,noexec": 10, "jinja": 31},
	}
	for _, site := range fixture.Sites("dodeca-docs") {
		count := map[string]int{}
		for _, sample := range samplesOf(t, site) {
			name := sample.GetLanguage()
			if !sample.GetExecutable() {
				name += ",noexec"
			}
			count[name]++
		}
		for name, want := range known[site.Name] {
			assert.Equal(t, want, count[name], "%s: %s of %v", site.Name, name, count)
		}
	}
}

func TestFencesAreReadAsMarkdownReadsThem(t *testing.T) {
	page := strings.Join([]string{
		1:  "+++",
		2:  "title = '''",
		3:  "```rust",
		4:  "'''",
		5:  "+++",
		6:  "1. In a list:",
		7:  "",
		8:  "   ```Rust, NoExec",
		9:  "   let x = 1;",
		10: "     indented();",
		11: "   ```",
		12: "",
		13: "> ~~~~ python",
		14: "> print(1)",
		15: "> ~~~",
		16: "> ~~~~",
		17: "",
		18: "````markdown",
		19: "```rust",
		20: "```",
		21: "````",
		22: "```",
		23: "plain",
		24: "```",
		25: "    ```rust",
		26: "    indented code is no sample",
		27: "",
		28: "```rust,skip",
		29: "never closed",
	}, "\n")[1:]
	samples := extract("a.md", page)
	type found struct {
		line       int32
		language   string
		attributes string
		code       string
		executable bool
	}
	var got []found
	for _, s := range samples {
		got = append(got, found{s.GetLine(), s.GetLanguage(), strings.Join(s.GetAttributes(), " "), s.GetCode(), s.GetExecutable()})
	}
	assert.Equal(t, []found{
		{8, "rust", "noexec", "let x = 1;\n  indented();\n", false},
		{13, "python", "", "print(1)\n~~~\n", true},
		{18, "markdown", "", "```rust\n```\n", true},
		{22, "", "", "plain\n", true},
		{28, "rust", "skip", "never closed\n", false},
	}, got)
}

func TestSampleInAFootnoteComesInItsPlace(t *testing.T) {
	page := "x[^a]\n\n[^a]: note\n\n    ```rust\n    one();\n    ```\n\n```rust\ntwo();\n```\n"
	samples := extract("a.md", page)
	require.Len(t, samples, 2)
	assert.EqualValues(t, 5, samples[0].GetLine())
	assert.Equal(t, "one();\n", samples[0].GetCode())
	assert.EqualValues(t, 9, samples[1].GetLine())
}

func FuzzExtractNamesRealLines(f *testing.F) {
	f.Add("+++\na\n+++\n```rust\nx\n```\n")
	f.Add("> - ~~~ a,b\n> x\r\n\r\n[^1]: ```\n")
	f.Fuzz(func(t *testing.T, page string) {
		lines := int32(strings.Count(page, "\n") + 1)
		for _, sample := range extract("a.md", page) {
			assert.Positive(t, sample.GetLine())
			assert.LessOrEqual(t, sample.GetLine(), lines)
		}
	})
}

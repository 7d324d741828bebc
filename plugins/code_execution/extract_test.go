package code_execution

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	pb "ddc/plugins/code_execution/code_executionpb"
)

const sites = "../../../shared/sites"

// samplesOf extracts the samples of each page of a real site, by path below its folder.
func samplesOf(t *testing.T, site string) []*pb.Sample {
	t.Helper()
	root := filepath.Join(sites, site)
	var samples []*pb.Sample
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		res, err := New().Extract(context.Background(), &pb.ExtractRequest{SourcePath: relative, Content: string(content)})
		if err != nil {
			return err
		}
		for _, sample := range res.GetSamples() {
			lines := strings.Split(string(content), "\n")
			assert.Contains(t, lines[sample.GetLine()-1], "```", "%s:%d is a fence", relative, sample.GetLine())
		}
		samples = append(samples, res.GetSamples()...)
		return nil
	})
	if os.IsNotExist(err) {
		t.Skip("no real site to read: ", err)
	}
	require.NoError(t, err)
	return samples
}

func TestSamplesOfTheDocumentationAreFound(t *testing.T) {
	count := map[string]int{}
	for _, sample := range samplesOf(t, "dodeca-docs") {
		name := sample.GetLanguage()
		if !sample.GetExecutable() {
			name += ",noexec"
		}
		count[name]++
	}
	assert.Equal(t, 4, count["rust"], "of %v", count)
	assert.Equal(t, 10, count["rust,noexec"], "of %v", count)
	assert.Equal(t, 31, count["jinja"], "of %v", count)
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

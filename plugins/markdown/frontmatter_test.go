package markdown

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/plugins/markdown/markdownpb"
)

func parse(t *testing.T, source string) *markdownpb.ParseFrontMatterResponse {
	t.Helper()
	page, err := New().ParseFrontMatter(t.Context(), &markdownpb.ParseFrontMatterRequest{Path: "a/b.md", Source: source})
	require.NoError(t, err)
	return page
}

func parseFault(t *testing.T, source string) string {
	t.Helper()
	_, err := New().ParseFrontMatter(t.Context(), &markdownpb.ParseFrontMatterRequest{Path: "a/b.md", Source: source})
	require.Equal(t, codes.InvalidArgument, status.Code(err), "%v", err)
	return status.Convert(err).Message()
}

func TestBothKindsOfFrontMatterSayTheSame(t *testing.T) {
	for name, source := range map[string]string{
		"TOML": "+++\ntitle = \"T\"\nweight = -3\ndescription = \"D\"\ntemplate = \"x.html\"\ndraft = true\ncode_execution = false\n[extra]\nn = 5\ndeep = { list = [1, \"a\"] }\n+++\nBody\n",
		"YAML": "---\ntitle: T\nweight: -3\ndescription: D\ntemplate: x.html\ndraft: true\ncode_execution: false\nextra:\n  n: 5\n  deep:\n    list: [1, a]\n\n---\nBody\n",
	} {
		t.Run(name, func(t *testing.T) {
			page := parse(t, source)
			m := page.FrontMatter
			assert.Equal(t, "T", m.Title)
			assert.EqualValues(t, -3, m.Weight)
			assert.Equal(t, "D", m.GetDescription())
			assert.Equal(t, "x.html", m.GetTemplate())
			assert.True(t, m.Draft)
			require.NotNil(t, m.CodeExecution)
			assert.False(t, m.GetCodeExecution())
			assert.Equal(t, `{"deep":{"list":[1,"a"]},"n":5}`, string(m.ExtraJson))
			assert.Equal(t, "Body\n", page.Body)
			assert.EqualValues(t, strings.Count(source, "\n"), page.BodyLine)
		})
	}
}

func TestPageWithoutFrontMatterIsAllBody(t *testing.T) {
	for _, source := range []string{"", "\n\n", "# Hi\n", "text\n+++\nnot = \"matter\"\n+++\n", "--- not a fence\n"} {
		page := parse(t, source)
		assert.Equal(t, source, page.Body)
		assert.EqualValues(t, 1, page.BodyLine)
		assert.Nil(t, page.FrontMatter.Description)
		assert.Nil(t, page.FrontMatter.CodeExecution)
		assert.Empty(t, page.FrontMatter.ExtraJson)
	}
}

func TestFenceInsideValueDoesNotEndFrontMatter(t *testing.T) {
	page := parse(t, "\n\n+++\ntitle = \"1 +++ 2\"\n+++\nBody")
	assert.Equal(t, "1 +++ 2", page.FrontMatter.Title)
	assert.Equal(t, "Body", page.Body)
	assert.EqualValues(t, 6, page.BodyLine)
}

func TestWindowsLinesAndByteOrderMarkAreRead(t *testing.T) {
	page := parse(t, "\ufeff+++\r\ntitle = \"T\"\r\n+++\r\nBody\r\nmore")
	assert.Equal(t, "T", page.FrontMatter.Title)
	assert.Equal(t, "Body\nmore", page.Body)
	assert.EqualValues(t, 4, page.BodyLine)
}

func TestKeysOfOtherGeneratorsAreLetThrough(t *testing.T) {
	assert.Equal(t, "T", parse(t, "+++\ntitle = \"T\"\ndate = 2024-01-02\n[taxonomies]\ntags = [\"a\"]\n+++\n").FrontMatter.Title)
}

func TestDatesInExtraBecomeStrings(t *testing.T) {
	page := parse(t, "+++\n[extra]\nday = 2024-01-02\nat = 2024-01-02T03:04:05Z\n+++\n")
	assert.Equal(t, `{"at":"2024-01-02T03:04:05Z","day":"2024-01-02"}`, string(page.FrontMatter.ExtraJson))
}

func TestFrontMatterFaultNamesLineAndColumnOfSource(t *testing.T) {
	for name, c := range map[string]struct{ source, at, says string }{
		"TOML syntax":     {"\n+++\ntitle = \"ok\"\nweight = = 3\n+++\n", "a/b.md:4:10: ", "TOML"},
		"TOML type":       {"+++\ntitle = \"ok\"\nweight = \"heavy\"\n+++\n", "a/b.md:3:10: ", "string stands where a whole number is wanted"},
		"TOML range":      {"+++\nweight = 3000000000\n+++\n", "a/b.md:2:", "3000000000"},
		"TOML key twice":  {"+++\ntitle = \"a\"\ntitle = \"b\"\n+++\n", "a/b.md:3:", "title"},
		"YAML syntax":     {"---\ntitle: ok\nlist: [1, 2\n---\n", "a/b.md:3:", "YAML"},
		"YAML type":       {"---\ntitle: ok\nweight: heavy\n---\n", "a/b.md:3:9: ", "string stands where a whole number is wanted"},
		"YAML scalar":     {"---\njust words\n---\n", "a/b.md:2:1: ", "mapping is expected"},
		"unclosed TOML":   {"\n+++\ntitle = \"T\"\n", "a/b.md:2:1: ", "never closed"},
		"unclosed YAML":   {"---\ntitle: T\n", "a/b.md:1:1: ", "***"},
		"not a number":    {"+++\n[extra]\nn = nan\n+++\n", "a/b.md:1:1: ", "NaN"},
		"no UTF-8":        {"+++\n+++\nü\xff", "a/b.md:3:2: ", "UTF-8"},
		"extra no table":  {"+++\nextra = 3\n+++\n", "a/b.md:2:9: ", "integer stands where a table is wanted"},
		"YAML extra list": {"---\nextra: [1]\n---\n", "a/b.md:2:8: ", "a list stands where a table is wanted"},
	} {
		t.Run(name, func(t *testing.T) {
			message := parseFault(t, c.source)
			assert.True(t, strings.HasPrefix(message, c.at), message)
			assert.Contains(t, message, c.says)
		})
	}
}

func FuzzParseFrontMatter(f *testing.F) {
	f.Add("+++\ntitle = \"T\"\n[extra]\na = [1, {b = 2}]\n+++\nBody")
	f.Add("---\ntitle: T\nextra: {a: [1, b]}\n---\nBody")
	f.Add("\r\n+++\r\n+++")
	f.Fuzz(func(t *testing.T, source string) {
		page, err := parseFrontMatter(source)
		if err != nil {
			return
		}
		assert.True(t, strings.HasSuffix(unixLines(source), page.Body))
		before := strings.TrimSuffix(unixLines(source), page.Body)
		if page.Body != "" {
			assert.EqualValues(t, strings.Count(before, "\n")+1, page.BodyLine)
		}
	})
}

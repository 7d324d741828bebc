package markdown

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

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

func TestKeyThatNobodyKnowsIsAWarningThatSaysWhatWasMeant(t *testing.T) {
	for source, want := range map[string]string{
		"+++\ntitle = \"T\"\ndrft = true\n+++\n":           "3:1: did you mean draft?",
		"---\ntitle: T\ndrft: true\n---\n":                 "3:1: did you mean draft?",
		"\n\n+++\n  lastmod = 2024-01-01\n+++\n":           "4:3: write updated",
		"+++\n[exta]\nx = 1\n+++\n":                        "2:2: did you mean extra?",
		"\n{\n  \"title\": \"T\"\n}\ntext":                 "2:1: write it as TOML between two lines +++",
		"---\nlinkTitle: T\n---\n":                         "2:1: put it into [extra], and ask for page.extra.linkTitle",
		"+++\nmenu.main.weight = 3\n+++\n":                 "2:1: what templates want to know goes into [extra]",
		"+++\n[[params]]\nx = 1\n[[params]]\nx = 2\n+++\n": "2:3: what templates want to know goes into [extra]",
	} {
		warnings := parse(t, source).Warnings
		if assert.Len(t, warnings, 1, source) {
			w := warnings[0]
			assert.Equal(t, want, fmt.Sprintf("%d:%d: %s", w.Place.Line, w.Place.Column, w.Hint), source)
		}
	}
	assert.Empty(t, parse(t, "{ \"a\" }\n{{ a(b=1) }}").Warnings)
	assert.Empty(t, parse(t, "+++\ntitle = \"T\"\n[extra]\nanything = 1\n[extra.deep]\ndrft = 2\n+++\n").Warnings)
}

func TestEachKeyIsReadInBothLanguages(t *testing.T) {
	for name, source := range map[string]string{
		"TOML": "+++\ndate = 2024-05-01\nupdated = 2024-05-02T10:00:00Z\nslug = \"s\"\npath = \"/a/b/\"\naliases = [\"old\", \"/older/\"]\nsort_by = \"date\"\npaginate_by = 5\n" +
			"authors = [\"Ada\"]\nin_search_index = false\ninsert_anchor_links = \"right\"\nredirect_to = \"/x/\"\npage_template = \"p.html\"\ngenerate_feeds = true\n[taxonomies]\ntags = [\"x\", \"y z\"]\n+++\n",
		"YAML": "---\ndate: 2024-05-01\nupdated: 2024-05-02 10:00:00Z\nslug: s\npath: a/b\naliases: [old, /older/]\nsort_by: date\npaginate_by: 5\n" +
			"authors:\n- Ada\nin_search_index: false\ninsert_anchor_links: right\nredirect_to: /x/\npage_template: p.html\nfeed: true\ntags: [x, y z]\n---\n",
	} {
		page := parse(t, source)
		assert.Empty(t, page.Warnings, name)
		m := page.FrontMatter
		no := false
		want := &markdownpb.FrontMatter{Date: "2024-05-01", Updated: "2024-05-02T10:00:00Z", Slug: "s", Address: "/a/b", Aliases: []string{"old", "/older/"}, SortBy: "date", PaginateBy: 5,
			Authors: []string{"Ada"}, InSearchIndex: &no, InsertAnchorLinks: "right", RedirectTo: "/x/", PageTemplate: "p.html", Feed: true,
			Taxonomies: map[string]*markdownpb.Terms{"tags": {Names: []string{"x", "y z"}}}}
		assert.True(t, proto.Equal(want, m), "%s: %v", name, m)
		assert.EqualValues(t, 4, page.Keys["slug"].Line, name)
	}
}

func TestDateIsTheSameHoweverItIsWritten(t *testing.T) {
	for written, want := range map[string]string{
		`2024-05-01`: "2024-05-01", `"2024-05-01"`: "2024-05-01", `2024-05-01T10:00:00`: "2024-05-01T10:00:00", `"2024-05-01 10:00"`: "2024-05-01T10:00:00",
		`2024-05-01T10:00:00+02:00`: "2024-05-01T10:00:00+02:00", `"2024-05-01T10:00:00Z"`: "2024-05-01T10:00:00Z", `"2024-05-01 10:00:00 +0200"`: "2024-05-01T10:00:00+02:00",
	} {
		assert.Equal(t, want, parse(t, "+++\ndate = "+written+"\n+++\n").FrontMatter.Date, written)
		assert.Equal(t, want, parse(t, "---\ndate: "+written+"\n---\n").FrontMatter.Date, written)
	}
}

func TestReferenceHasALineForEachKey(t *testing.T) {
	for _, k := range Keys() {
		assert.NotEmpty(t, k.Doc, k.Name)
	}
	assert.Len(t, Keys(), len(keys))
	for name := range elsewhere {
		assert.NotContains(t, keys, name)
	}
}

func TestDatesInExtraBecomeStrings(t *testing.T) {
	page := parse(t, "+++\n[extra]\nday = 2024-01-02\nat = 2024-01-02T03:04:05Z\n+++\n")
	assert.Equal(t, `{"at":"2024-01-02T03:04:05Z","day":"2024-01-02"}`, string(page.FrontMatter.ExtraJson))
}

func TestFrontMatterFaultNamesLineAndColumnOfSource(t *testing.T) {
	for name, c := range map[string]struct{ source, at, says string }{
		"TOML syntax":     {"\n+++\ntitle = \"ok\"\nweight = = 3\n+++\n", "a/b.md:4:10: ", "TOML"},
		"TOML type":       {"+++\ntitle = \"ok\"\nweight = \"heavy\"\n+++\n", "a/b.md:3:10: ", `"heavy" stands where a whole number is wanted`},
		"TOML range":      {"+++\nweight = 3000000000\n+++\n", "a/b.md:2:", "3000000000"},
		"TOML key twice":  {"+++\ntitle = \"a\"\ntitle = \"b\"\n+++\n", "a/b.md:3:", "title"},
		"YAML syntax":     {"---\ntitle: ok\nlist: [1, 2\n---\n", "a/b.md:3:", "YAML"},
		"YAML type":       {"---\ntitle: ok\nweight: heavy\n---\n", "a/b.md:3:9: ", `"heavy" stands where a whole number is wanted`},
		"YAML scalar":     {"---\njust words\n---\n", "a/b.md:2:1: ", "mapping is expected"},
		"unclosed TOML":   {"\n+++\ntitle = \"T\"\n", "a/b.md:2:1: ", "never closed"},
		"unclosed YAML":   {"---\ntitle: T\n", "a/b.md:1:1: ", "***"},
		"not a number":    {"+++\n[extra]\nn = nan\n+++\n", "a/b.md:1:1: ", "NaN"},
		"no UTF-8":        {"+++\n+++\nü\xff", "a/b.md:3:2: ", "UTF-8"},
		"extra no table":  {"+++\nextra = 3\n+++\n", "a/b.md:2:9: ", "the number 3 stands where a table is wanted"},
		"date":            {"+++\ntitle = \"x\"\ndate = \"2024-02-30\"\n+++\n", "a/b.md:3:8: ", `"2024-02-30" stands where a date, such as 2024-05-01`},
		"TOML date":       {"+++\ndate = 2024-02-30\n+++\n", "a/b.md:2:", "TOML"},
		"YAML date":       {"---\nupdated: soon\n---\n", "a/b.md:2:10: ", `"soon" stands where a date`},
		"sort_by":         {"+++\nsort_by = \"wieght\"\n+++\n", "a/b.md:2:11: ", `"wieght" stands where weight is wanted`},
		"slug":            {"+++\nslug = \"a/b\"\n+++\n", "a/b.md:2:8: ", "one part of an address"},
		"path":            {"+++\npath = \"https://x.org/\"\n+++\n", "a/b.md:2:8: ", "an address of this site"},
		"paginate_by":     {"+++\npaginate_by = -1\n+++\n", "a/b.md:2:15: ", "a whole number from 0"},
		"tags":            {"+++\ntags = \"a\"\n+++\n", "a/b.md:2:8: ", "a list of texts is wanted"},
		"taxonomies":      {"+++\n[taxonomies]\ntags = 3\n+++\n", "a/b.md:2:2: ", `a table of lists, as in: tags = ["a", "b"]`},
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

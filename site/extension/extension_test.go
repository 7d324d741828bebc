package extension

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/proto/sitepb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

func TestStagesComeInTheOrderInWhichAPageComesToThem(t *testing.T) {
	d, err := Described(&sitepb.DescribeResponse{
		Stages:     []sitepb.Stage{sitepb.Stage_STAGE_CHECK, sitepb.Stage_STAGE_HTML, sitepb.Stage_STAGE_HTML, sitepb.Stage_STAGE_MARKDOWN, sitepb.Stage_STAGE_FILES},
		Shortcodes: []string{"b", "a"}, Functions: []*sitepb.Signature{{Name: "f", Parameters: []string{"x", "y"}, Required: 1}},
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"markdown", "shortcode", "function", "html", "files", "check"}, d.Stages)
	require.NoError(t, d.Only([]string{"check", "function"}))
	assert.Equal(t, []string{"function", "check"}, d.Stages)
	assert.Empty(t, d.Shortcodes)
	assert.Len(t, d.Functions, 1)
	assert.ErrorContains(t, d.Only([]string{"html"}), "has no part in the stage html, only in function, check")
}

func TestDescriptionsThatCannotBeMeantAreRefused(t *testing.T) {
	html := []sitepb.Stage{sitepb.Stage_STAGE_HTML}
	for says, d := range map[string]*sitepb.DescribeResponse{
		"needs revision 2":               {LeastRevision: 2, Stages: html},
		"works with revisions up to -1":  {MostRevision: -1, Stages: html},
		"says that it does nothing":      {},
		"has a part in stage 77":         {Stages: []sitepb.Stage{77}},
		"has a part in stage 0":          {Stages: []sitepb.Stage{0}},
		"has a version of 101 bytes":     {Version: strings.Repeat("1", 101), Stages: html},
		"has 101 shortcodes":             {Shortcodes: make([]string, 101)},
		`has a shortcode ""`:             {Shortcodes: []string{""}},
		`has a shortcode "a b"`:          {Shortcodes: []string{"a b"}},
		"has the shortcode a twice":      {Shortcodes: []string{"a", "a"}},
		"has the function f twice":       {Functions: []*sitepb.Signature{{Name: "f"}, {Name: "f"}}},
		"of which 2 must be given":       {Functions: []*sitepb.Signature{{Name: "f", Parameters: []string{"x"}, Required: 2}}},
		"of which -1 must be given":      {Functions: []*sitepb.Signature{{Name: "f", Required: -1}}},
		"has the parameter of f x twice": {Functions: []*sitepb.Signature{{Name: "f", Parameters: []string{"x", "x"}}}},
		`has a function ""`:              {Functions: []*sitepb.Signature{nil}},
	} {
		_, err := Described(d)
		assert.ErrorContains(t, err, says)
	}
}

func TestPluginWithoutDescribeHasTheStagesOfTheConfiguration(t *testing.T) {
	d, err := Undescribed([]string{"html", "markdown"})
	require.NoError(t, err)
	assert.Equal(t, []string{"markdown", "html"}, d.Stages)
	_, err = Undescribed(nil)
	assert.ErrorContains(t, err, "the configuration names no stage")
	_, err = Undescribed([]string{"function"})
	assert.ErrorContains(t, err, "has no Describe, which is to name its functions")
}

func TestProblemsHavePlacesThatTheirPageHas(t *testing.T) {
	warnings, faults := Problems("p", []*sitepb.Problem{
		{Line: 2, Column: 3, Length: 1, Message: "right", Hint: "so"},
		{Line: 3, Message: "beyond", Warning: true},
		{Line: math.MinInt32, Column: -1, Length: -1, Message: "before"},
		{File: "../x", Line: 1, Message: "outside"},
		{File: "content/b.md", Line: 9, Message: "another"},
		nil,
	}, "content/a.md", "a\nb")
	require.Len(t, warnings, 1)
	assert.Equal(t, "content/a.md: p: beyond", warnings[0].String())
	var said []string
	for _, f := range faults {
		said = append(said, f.String())
	}
	assert.Equal(t, []string{"content/a.md:2:3: p: right (so)", "content/a.md: p: before", "content/a.md:1: p: outside", "content/b.md:9: p: another", "content/a.md: p: "}, said)

	_, faults = Problems("p", make([]*sitepb.Problem, 1000), "a", "")
	assert.Len(t, faults, mostProblems+1)
	assert.Equal(t, "p: and 800 more", faults[mostProblems].Message)
}

func TestOnlyFilesBelowTheOutputAreAdded(t *testing.T) {
	file := func(paths ...string) *sitepb.FilesResponse {
		a := &sitepb.FilesResponse{}
		for _, p := range paths {
			a.Files = append(a.Files, &sitepb.File{Path: p})
		}
		return a
	}
	assert.NoError(t, Added(file("a", "b/c.json", ".well-known/x", "ä/ö.txt")))
	for _, path := range []string{"", ".", "..", "/etc/x", "../x", "a/../../x", "a//b", "a/", "./a", `a\b`, "a\x00b", "a\nb", "a\xffb", strings.Repeat("x", 256), strings.Repeat("x/", 600) + "x"} {
		assert.Error(t, Added(file(path)), "%q", path)
	}
	assert.ErrorContains(t, Added(file("a", "a")), `adds "a" twice`)
	assert.ErrorContains(t, Added(&sitepb.FilesResponse{Files: []*sitepb.File{nil}}), "adds")
	page := func(url string) *sitepb.FilesResponse {
		return &sitepb.FilesResponse{Pages: []*sitepb.NewPage{{Url: url}}}
	}
	assert.NoError(t, Added(page("/a/b/")))
	for _, url := range []string{"", "/", "//", "a/", "/a", "/../a/", "/a?b/", "/a#b/", "/a%2e/", "https://example.org/"} {
		assert.Error(t, Added(page(url)), "%q", url)
	}
	assert.ErrorContains(t, Added(&sitepb.FilesResponse{Files: make([]*sitepb.File, mostFiles+1)}), "at most 100000")
}

func TestLongTextsOfProblemsAreCut(t *testing.T) {
	_, faults := Problems("a", []*sitepb.Problem{{Message: "two\nlines", Hint: strings.Repeat("h", 1<<20)}, {Message: strings.Repeat("m", 1<<20)}}, "a.md", "")
	assert.Equal(t, "a: two\nlines", faults[0].Message)
	assert.Less(t, len(faults[0].Hint), 5000)
	assert.Less(t, len(faults[1].Message), 5000)
	assert.Contains(t, faults[1].Message, "bytes")
}

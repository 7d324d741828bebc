package site

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/internal/markup"
	"ddc/plugins/markdown/markdownpb"
	"ddc/site/config"
	"ddc/site/content"
)

// What is done for every page by a quick way gives what the plain way gives.

func TestWordsAreWhatStandsBetweenTheirEnds(t *testing.T) {
	for _, text := range []string{"", " ", "a", "a b", "(a)", "ü-ö/x:y", "a\xffb", "a\uFFFDb", "\xff", "日本/語", "x.y_z~@%20!", "a\x00b", "//", "ü\xc3"} {
		assert.Equal(t, strings.FieldsFunc(text, endsName), slices.AppendSeq([]string{}, words(text, &inNames)), "%q", text)
		assert.Equal(t, strings.FieldsFunc(text, endsPath), slices.AppendSeq([]string{}, words(text, &inPaths)), "%q", text)
	}
	for range words("a b", &inNames) {
		break // a caller may
	}
}

func TestCodeStandsWhereItsPlaceholderDid(t *testing.T) {
	for _, marks := range [][]string{{"<1>"}, {"<!--A_0-->", "<!--A_1-->", "<!--A_10-->"}, {"<1>", "<12>", "<1", "<2>"}, {"ab", "a", "abc"}, {"<x>", "<x>"}} {
		for _, html := range []string{"", "<", "<1", "<1>", "a<1>b<12>c<2><1<1>>", "<!--A_1--><!--A_0-->x<!--A_1<!--A_10-->", "aababcab", "<x><x>", "x<1><!--A_0", "<!--A_<!--A_0-->"} {
			var blocks []*markdownpb.CodeBlock
			var pairs, texts []string
			for i, mark := range marks {
				texts = append(texts, strings.Join(marks, "")[i:]) // which may hold other marks
				blocks = append(blocks, &markdownpb.CodeBlock{Placeholder: mark})
				pairs = append(pairs, mark, texts[i])
			}
			assert.Equal(t, strings.NewReplacer(pairs...).Replace(html), withTexts(html, blocks, texts, 0), "%q in %q", marks, html)
		}
	}
}

func TestLikelyNamesAreTheWordsWithADotInside(t *testing.T) {
	for _, text := range []string{"", ".", "a", "a.", "..", "a. b", "a.b", ".a", "a..b", "..a", "a.b.", "a.b.c d.e", "x/y.z/w", "(a.ü)", "ü.ö/é.à", "a.\xffb", "a\uFFFD.b", "\xff.a", "日.本/語.", "end. Next", "a.-", "a._", "a.!", "a./b", "./b", "x:a.b", "a.b\x00c.d"} {
		for inside, ends := range map[*ascii]func(rune) bool{&inNames: endsName, &inPaths: endsPath} {
			all := strings.FieldsFunc(text, ends)
			assert.Equal(t, all, slices.AppendSeq([]string{}, likelyNames(text, inside, true)), "%q", text)
			dotted := slices.DeleteFunc(slices.Clone(all), func(word string) bool { return !regexp.MustCompile(`\.[^.]`).MatchString(word) })
			assert.Equal(t, dotted, slices.AppendSeq([]string{}, likelyNames(text, inside, false)), "%q", text)
			assert.Equal(t, append(all, "%2E"), slices.AppendSeq([]string{}, likelyNames(text+" %2E", inside, false)), "%q: a dot may be written otherwise", text)
		}
	}
}

func TestMarksAreFoundAsAPatternWouldFindThem(t *testing.T) {
	mark, digest := "/__ddc8f3a61c0_123456789012345678__", "__ddc8f3a61c0_sha384_000000000000000000__"
	for _, text := range []string{"", mark, "a" + mark + "b" + mark, digest + mark, mark[:len(mark)-1], mark[:20], "/__ddc8f3a61c0_" + mark, strings.Replace(mark, "5", "x", 1),
		strings.Replace(mark, "5", "55", 1), mark + "__", digest + "_" + digest, "__ddc8f3a61c0_sha384_" + digest[1:]} {
		for before, pattern := range map[string]string{beforeMark: `/__ddc8f3a61c0_(\d{18})__`, beforeDigest: `__ddc8f3a61c0_sha384_(\d{18})__`} {
			var want []string
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
				want = append(want, m[1])
			}
			assert.Equal(t, want, numbersIn(text, before), "%q", text)
			for at, number := range marksIn(text, before) {
				assert.Equal(t, before+number+afterMark, text[at:at+len(before)+digitsOfMark+2])
			}
		}
	}
}

func TestOnlyKnownMarksAreReplaced(t *testing.T) {
	all := &statics{byNumber: map[string]*static{}, byPath: map[string]*static{}, prefix: "/p"}
	all.add(&static{path: "a.css"})
	known, other := all.list[0].mark(), "/__ddc8f3a61c0_123456789012345678__"
	name := func(f *static) string { return "<" + f.path + ">" }
	for text, want := range map[string]string{"": "", "x": "x", known: "<a.css>", "x" + known + other + known + "y": "x<a.css>" + other + "<a.css>y", other: other} {
		assert.Equal(t, want, all.unmark(text, name))
	}
}

func TestAPlainLinkLeadsWhereResolvingItLeads(t *testing.T) {
	p := &page{Node: &content.Node{Route: "/a/b"}}
	plain := 0
	for _, link := range []string{"/", "/a", "/a/", "/a/b.html", "/a-b_c/1.2/x", "//host/a", "/a//b", "/.", "/..", "/a/./b", "/a/../b", "/a.", "/a..b", "/a?x", "/a#b", "/%41", "/ü", "/a b", " /a", "a", "", "#a", "/a:b", "/a~"} {
		quick, err := resolve(p, link)
		assert.NoError(t, err)
		if !markup.IsPlainPath(link) {
			continue
		}
		plain++
		slow, err := resolve(p, link+"?")
		assert.NoError(t, err)
		slow.ForceQuery = false
		assert.Equal(t, slow, quick, link)
	}
	assert.Equal(t, 7, plain)
}

func TestAPageWithoutAFenceOfALanguageThatIsRunHasNoSamples(t *testing.T) {
	run := config.CodeExecution{Languages: map[string]config.Language{"rust": {}, "python": {}}}
	for source, want := range map[string]bool{
		"": false, "rust": false, "```go\nrust\n```\n": false, "```\n```": false, "```rust\n```": true, "> - ~~~~  Rust,noexec\n": true, "```rs": true, "```python\r\n": true,
		"```go\n```\n\n```Python x\n": true, "`rust` ~~x~~": false,
	} {
		assert.Equal(t, want, mayHaveSamples(source, run), "%q", source)
	}
	assert.False(t, mayHaveSamples("```rs\n", config.CodeExecution{Languages: map[string]config.Language{"python": {}}}))
}

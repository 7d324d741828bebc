package markdown

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"

	"ddc/plugins/markdown/markdownpb"
)

func callsOf(t *testing.T, body string) []string {
	t.Helper()
	answer, err := New().Shortcodes(t.Context(), &markdownpb.ShortcodesRequest{Path: "a.md", Body: body, BodyLine: 4, Names: []string{"video", "note", "end_"}})
	require.NoError(t, err)
	var all []string
	for _, c := range answer.Calls {
		text := fmt.Sprintf("%d:%d %s %s", c.Line, c.Column, c.Name, c.ArgumentsJson)
		if c.Literal != nil {
			text = fmt.Sprintf("%d:%d = %s", c.Line, c.Column, c.GetLiteral())
		} else if c.Unknown {
			text = fmt.Sprintf("%d:%d %s?", c.Line, c.Column, c.Name)
		} else if c.Body != nil {
			text += fmt.Sprintf(" [%s]%d", c.GetBody(), c.BodyLine)
		}
		all = append(all, text)
	}
	return all
}

func TestShortcodesAreFoundWithTheirArguments(t *testing.T) {
	for body, want := range map[string][]string{
		`a {{ video(id="x") }} b`: {`4:3 video {"id":"x"}`},
		"\n{{video()}}":           {`5:1 video {}`},
		"{{ video(\n  id = 'it\\'s',\n  n=-3, x=1.50, on=true, list=[\"a\", 2,], b=`c`,\n) }}":   {`4:1 video {"b":"c","id":"it's","list":["a",2],"n":-3,"on":true,"x":1.50}`},
		"{% note(kind=\"tip\") %}\n*hi*\n{% end %}":                                              {"4:1 note {\"kind\":\"tip\"} [\n*hi*\n]4"},
		"{% note() %}a {% note() %}b{% end %} c{% end %} {{ video() }}":                          {`4:1 note {} [a {% note() %}b{% end %} c]4`, `4:49 video {}`},
		"<div>{{ video(n=007) }}</div>":                                                          {`4:6 video {"n":7}`},
		"{{ vidoe(x=page.title) }} {{ page.title }} {{ m::note() }}":                             {`4:1 vidoe?`},
		"{{ video () }} {% note (kind=1) %}{% if (a) %}{% end %}":                                {`4:1 video {}`, `4:16 note {"kind":1} [{% if (a) %}]4`},
		"`{{ video() }}` ``a ` {{ video() }}`` \\{{ video() }}":                                  nil,
		"```\n{{ video() }}\n```\n\n    {{ video() }}\n\n- a\n\n  ~~~\n  {{ video() }}\n  ~~~\n": nil,
		"{{/* video(id=\"x\") */}} `{{/* a() */}}` {%/* note() */%}\nx\n{%/* end */%}":           {`4:1 = {{ video(id="x") }}`, "4:26 = {{ a() }}", "4:41 = {% note() %}", "6:1 = {% end %}"},
		"```\n{{/*video()*/}}\n```\n{{/* a comment */}} {{/* video() }}":                         {"5:1 = {{video()}}"},
		"{% note() %}{{/* video() */}}{% end %}{{/* a() */}}{{ video() }}":                       {"4:1 note {} [{{/* video() */}}]4", "4:39 = {{ a() }}", "4:52 video {}"},
		"{% note() %}\n```\n{% end %}\n```\n{% end %}":                                           {"4:1 note {} [\n```\n{% end %}\n```\n]4"},
		"` {{ video() }}\n\n` x":                                                                 {`4:3 video {}`},
	} {
		assert.Equal(t, want, callsOf(t, body), body)
	}
}

func TestShortcodeThatIsNotWellWrittenIsAFaultWithItsPlace(t *testing.T) {
	for body, want := range map[string]string{
		"\n {{ video(id=) }}":                  "a.md:5:14: the shortcode video: a text in quotes, a number",
		`{{ video("x") }}`:                     "a.md:4:10: the shortcode video: an argument's name is expected here",
		`{{ video(a=1 b=2) }}`:                 "a.md:4:14: the shortcode video: a comma or a closing bracket",
		`{{ video(a=1, a=2) }}`:                "a.md:4:15: the shortcode video: the argument a is given twice",
		`{{ video(a="x) }}`:                    "a.md:4:13: the shortcode video: this text has no closing quote",
		`{{ video(a=1) %}`:                     "a.md:4:15: the shortcode video is not closed",
		`x {% note() %} {% note() %}{% end %}`: "a.md:4:3: the shortcode note has no end",
		`{{ video(a=[[1]]) }}`:                 "a list in a list",
		`{{ video(a`:                           "= and a value are expected",
		strings.Repeat("{{x()", 10_001):        "there are more than 10000 shortcodes",
	} {
		_, err := New().Shortcodes(t.Context(), &markdownpb.ShortcodesRequest{Path: "a.md", Body: body, BodyLine: 4, Names: []string{"video", "note"}})
		assert.Contains(t, status.Convert(err).Message(), want, body[:min(len(body), 50)])
	}
}

func TestShortcodesOfHugoAreToldWithWhatToWriteInstead(t *testing.T) {
	answer, err := New().Shortcodes(t.Context(), &markdownpb.ShortcodesRequest{Path: "a.md", BodyLine: 4, Body: "\nsee {{< figure src=\"a.png\" >}} {{% my-note %}}x{{% /my-note %}} `{{< code >}}` {{ page.title }}\n"})
	require.NoError(t, err)
	assert.Empty(t, answer.Calls)
	require.Len(t, answer.Warnings, 2)
	assert.Equal(t, "{{< figure is a shortcode as Hugo has them: it is shown as text", answer.Warnings[0].Message)
	assert.Equal(t, [3]int32{5, 5, 10}, [3]int32{answer.Warnings[0].Place.Line, answer.Warnings[0].Place.Column, answer.Warnings[0].Place.Length})
	assert.Equal(t, `write {{ my_note(name="value") }}, or {% my_note() %} text {% end %}, and templates/shortcodes/my_note.html`, answer.Warnings[1].Hint)
}

func TestWhatOnlyLooksLikeACallIsToldWithWhatToWriteInstead(t *testing.T) {
	for body, want := range map[string]string{
		"a {% note %}x":               `1:3+7 {% note is a shortcode without its brackets: it is shown as text (write {% note() %} text {% end %})`,
		"{{ video }}":                 `1:1+8 {{ video is a shortcode without its brackets: it is shown as text (write {{ video() }})`,
		"\n{% end %}":                 `2:1+6 {% end ends no shortcode: it is shown as text (write {% name() %} before the text)`,
		"{%- if page.title -%}x":      "",
		"{{ page.title }} {{ video":   `1:18+8 {{ video is a shortcode without its brackets: it is shown as text (write {{ video() }})`,
		"{{ video \"x\" }}":           `1:1+8 {{ video is a shortcode without its brackets: it is shown as text (write {{ video() }})`,
		"{% note kind=1 %}x":          `1:1+7 {% note is a shortcode without its brackets: it is shown as text (write {% note() %} text {% end %})`,
		"{{ my-video(id=1) }}":        `1:1+11 {{ my-video is no name of a shortcode: it is shown as text (write my_video(..), and templates/shortcodes/my_video.html)`,
		"a\n{{/* video() }}":          `2:1+11 {{/* video( does not end: it is shown as text (write */}} behind it)`,
		"{%/* end %}":                 `1:1+8 {%/* end does not end: it is shown as text (write */%} behind it)`,
		"{{/* video() */}}":           "",
		"{{ video.title }} {{ video-": "",
		"{% if (video) %}":            "",
		"`{% note %}` \\{% end %} {%": "",
		"{% note() %}x{% end %}":      "",
		"    {% if x %}":              "",
	} {
		answer, err := New().Shortcodes(t.Context(), &markdownpb.ShortcodesRequest{Path: "a.md", BodyLine: 1, Body: body, Names: []string{"note", "video"}})
		require.NoError(t, err, body)
		var all []string
		for _, w := range answer.Warnings {
			all = append(all, fmt.Sprintf("%d:%d+%d %s (%s)", w.Place.Line, w.Place.Column, w.Place.Length, w.Message, w.Hint))
		}
		assert.Equal(t, want, strings.Join(all, "\n"), body)
	}
}

func FuzzShortcodes(f *testing.F) {
	f.Add("a {{ video(id=\"x\", l=[1,2]) }} `{{ video() }}`\n\n{% note() %}x{% end %}")
	f.Fuzz(func(t *testing.T, body string) {
		answer, err := shortcodes(&markdownpb.ShortcodesRequest{Body: body, Names: []string{"video", "note"}})
		if err != nil {
			return
		}
		last := int32(0)
		for _, c := range answer.Calls {
			assert.True(t, c.Start >= last && c.End > c.Start && int(c.End) <= len(body))
			last = c.End
		}
	})
}

// crowds are texts in which one thing is there n times, and would be looked
// for, from there to the end, each time.
func crowds(n int) map[string]string {
	return map[string]string{
		"bodies":     strings.Repeat("{% note() %}"+strings.Repeat("a", 500)+"{% end %}\n\n", n),
		"one line":   strings.Repeat("{{ video() }}"+strings.Repeat("a", 500), n),
		"code spans": strings.Repeat("`a`"+strings.Repeat("a", 500), n) + "{{ video() }}",
		"no ends":    strings.Repeat("{{ vidoe() }} {% note() %}{% end %} {% not "+strings.Repeat("a", 500), n),
	}
}

func TestManyShortcodesAreFoundInOnePass(t *testing.T) {
	for name, body := range crowds(maxCalls / 2) {
		found := callsOf(t, body)
		assert.Contains(t, []int{1, maxCalls / 2, maxCalls}, len(found), name)
		assert.NotContains(t, found[len(found)-1], "4:0", name)
	}
	assert.Equal(t, fmt.Sprintf("4:%d video {}", 1+513*(maxCalls/2-1)), callsOf(t, crowds(maxCalls / 2)["one line"])[maxCalls/2-1])
	_, err := New().Shortcodes(t.Context(), &markdownpb.ShortcodesRequest{Path: "a.md", Names: []string{"note"}, Body: "{% note() %}" + strings.Repeat("{% note() %}{% end %}", maxTags) + "{% end %}"})
	assert.ErrorContains(t, err, "there are more than 100000 shortcodes and ends of them")
}

func TestBodiesEndWhereTheirOwnEndIs(t *testing.T) {
	assert.Equal(t, []string{`4:1 note {"a":"{% note("} [x]4`, "4:45 note {} [{% note() %}{% end %}{% note() %}y{% end %}]4"},
		callsOf(t, `{% note(a="{% note(") %}x{% end %} {% end %}{% note() %}{% note() %}{% end %}{% note() %}y{% end %}{% end %}`))
}

// BenchmarkShortcodes reports how long a call takes: as long among twice as
// many.
func BenchmarkShortcodes(b *testing.B) {
	for _, n := range []int{maxCalls / 4, maxCalls / 2} {
		for name, body := range crowds(n) {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := New().Shortcodes(b.Context(), &markdownpb.ShortcodesRequest{Path: "a.md", Body: body, Names: []string{"video", "note"}}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/call")
			})
		}
	}
}

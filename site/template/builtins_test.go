package template_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/diagnostic"
	"ddc/site/template"
)

// What each filter, test and function gives, as the documentation of Tera and
// Jinja says.
var (
	textCases = [][2]string{
		{`{{ "hello" | upper }} {{ "HeLLo" | lower }} {{ "élan vital" | capitalize }} {{ "foo bar" | title }}`, "HELLO hello Élan vital Foo Bar"},
		{`[{{ "  a b  " | trim }}] [{{ "  a " | trim_start }}] [{{ " a  " | trim_end }}]`, "[a b] [a ] [ a]"},
		{`{{ "//a/b//" | trim_start_matches(pat="//") }} {{ "//a/b////" | trim_end_matches(pat="//") }} {{ "x" | trim_end_matches(pat="") }}`, "a/b// //a/b x"},
		{`{{ "I am Bob. Bob is fine" | replace(from="Bob", to="Robert") }}`, "I am Robert. Robert is fine"},
		{`{{ "A long head of a page" | truncate(length=6) }} {{ "Abc" | truncate(length=3) }} {{ "éàü" | truncate(length=2, end="") }}`, "A long… Abc éà"},
		{`{{ "<b>Joel</b> &amp; <!-- x > y --><i class='>'>I</i> 1 < 2" | striptags | safe }}`, "Joel &amp; I 1 < 2"},
		{`{{ "<p>\n<a> </a>\r\n </p>" | spaceless | safe }}`, "<p><a></a></p>"},
		{`{{ "a\nb\r\nc" | linebreaksbr | safe }}`, "a<br>b<br>c"},
		{`{{ " -Hello  world!! " | slugify }} {{ "Crème Brûlée & Straße" | slugify }} {{ "Ærø №5" | slugify }} {{ "日本 語" | slugify }} [{{ "!!" | slugify }}]`, "hello-world creme-brulee-strasse aero-5 日本-語 []"},
		{`{{ "a b/c?d=é&e+f~" | urlencode }} {{ "a/b c" | urlencode_strict }}`, "a%20b/c%3Fd%3D%C3%A9%26e%2Bf~ a%2Fb%20c"},
		{"{{ 'one\n\ntwo\nthree' | indent }}", "one\n\n    two\n    three"},
		{"{{ 'one\n\ntwo' | indent(prefix='> ', first=true, blank=true) }}{{ 'a\nb' | indent(2) }}", "&gt; one\n&gt; \n&gt; twoa\n  b"},
		{`{{ " one  two\nthree " | wordcount }} {{ "" | wordcount }}`, "3 0"},
		{`{{ 5 | as_str ~ "!" }} {{ [1, "a"] | as_str }}`, "5! [1, a]"},
		{`{{ "a-b-c" | split(pat="-") | join(sep="+") }} {{ "héé" | length }} {{ "abc" | reverse }}`, "a+b+c 5 cba"},
		{`{{ "<a>" | escape }} {{ "<&>" | escape_xml }} {{ "<i>" | safe }}`, "&lt;a&gt; &lt;&amp;&gt; <i>"},
		{`{{ missing | default(value=1) }} {{ blank | default("e") }} {{ dict | typeof }}`, "1 e dict"},
		{`{{ "*a*" | markdown | safe }} {{ "*a*" | markdown(inline=true) }}`, "<p>*a*</p>\n *a*"},
		{`{{ dict | json_encode }}`, `{&quot;a&quot;:1,&quot;b&quot;:2}`},
		{`{{ {"s": "</script>", "n": [1, 2.5, none, true], "o": {}, "l": []} | json_encode | safe }}`, `{"l":[],"n":[1,2.5,null,true],"o":{},"s":"\u003c/script\u003e"}`},
		{`{{ {"a": [1, {"b": "c"}], "e": []} | json_encode(pretty=true) | safe }}`, "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"c\"\n    }\n  ],\n  \"e\": []\n}"},
	}
	dateCases = [][2]string{
		{`{{ 1648252203 | date }} {{ 1648252203 | date(format="%Y-%m-%d %H:%M") }} {{ 0 | date(format="%s") }}`, "2022-03-25 2022-03-25 23:50 0"},
		{`{{ "2024-05-01" | date(format="%B %-d, %Y") }} {{ "2024-05-01T10:20:30Z" | date(format="%A %e %b %y %I:%M %p %j") }}`, "May 1, 2024 Wednesday  1 May 24 10:20 AM 122"},
		{`{{ "2024-05-01T23:30:00-05:00" | date(format="%F %T %:z") }} {{ "2024-05-01T23:30:00-05:00" | date(format="%F", timezone="UTC") }}`, "2024-05-01 23:30:00 -05:00 2024-05-02"},
		{`{{ [[1, 2], 3].0.1 }}{% set d = {"a": [{"b": 7}]} %}{{ d.a.0.b }}`, "27"},
		{`{{ "2024-05-01" | date(format="%+") }} {{ "2024-05-01T01:02:03+02:00" | date(format="%+ %-e.%-l.%_d %%+") }}`, "2024-05-01T00:00:00+00:00 2024-05-01T01:02:03+02:00 1.1. 1 %+"},
		{`{{ "2024-05-01" | date(format="%B", locale="en_GB") }} {{ get_url(path="a", lang="en") }}`, "May /a"},
		{`{{ "2019-09-19T13:18:48.731Z" | date(timezone="America/New_York", format="%H:%M") }} {{ "2024-05-01 10:00:00" | date(format="100%% %d/%m/%Y") }}`, "09:18 100% 01/05/2024"},
		{`{{ "2024-05-01 10:00:00 +0000 UTC" | date }} {{ "2024-05-01T10:00:00" | date(format="%R") }}`, "2024-05-01 10:00"},
	}
	numberCases = [][2]string{
		{`{{ (-3) | abs }} {{ (-2.5) | abs }} {{ 4 | abs }}`, "3 2.5 4"},
		{`{{ -3 | abs }} {{ - -3 | abs }} {{ 1 - 4 | abs }} {{ -n | abs }} {{ -2 ** 2 }} {{ -2 | abs ** 2 }} {{ 2 * -3 | abs }}`, "3 3 -3 7 -4 4 6"},
		{`{{ [3, 1, 2] | min }} {{ [3, 1, 2.5] | max }} {{ [1, 2, 3.5] | sum }} {{ [] | sum }} [{{ [] | max }}] {{ pages | max(attribute="weight") == pages | sort(attribute="weight") | last }}`, "1 3 6.5 0 [] true"},
		{`{{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 1 is in([1, 2]) }} {{ "z" is in("abc") }} {{ "a" is in({"a": 1}) }}`, "true false true false true true false true"},
		{`{{ "abc" | count }} {{ missing | d(1) }} {{ "<" | e }} {{ 5 | string ~ "!" }} {{ [1] | tojson }} {{ "it's \\ \"x\"" | addslashes | safe }}`, `3 1 &lt; 5! [1] it\'s \\ \"x\"`},
		{`{{ 2.1 | round }} {{ 2.5 | round }} {{ 2.1 | round(method="ceil") }} {{ 2.9 | round(method="floor") }} {{ 2.12345 | round(precision=2) }} {{ 7 | round }}`, "2 3 3 2 2.12 7"},
		{`{{ "42" | int + 1 }} {{ "42.9" | int }} {{ "x" | int }} {{ "x" | int(default=7) }} {{ "0x2A" | int(base=16) }} {{ "-101" | int(base=2) }} {{ 3.9 | int }} {{ " 5 " | int }}`, "43 42 0 7 42 -5 3 5"},
		{`{{ "1.5" | float + 1 }} {{ "x" | float(default=0.5) }} {{ "x" | float }} {{ 2 | float }}`, "2.5 0.5 0 2"},
		{`{{ 1 }} dog{{ 1 | pluralize }} {{ 2 }} dog{{ 2 | pluralize }} categor{{ 3 | pluralize(singular="y", plural="ies") }} categor{{ 1 | pluralize(singular="y", plural="ies") }} {{ 0 | pluralize }}`, "1 dog 2 dogs categories category s"},
		{`{{ 123456789 | filesizeformat }} {{ 123456789 | filesizeformat(binary=true) }} {{ 999 | filesizeformat }} {{ 1000 | filesizeformat }} {{ 110000000 | filesizeformat }}`, "123.46 MB 117.74 MiB 999 B 1 kB 110 MB"},
	}
	listCases = [][2]string{
		{`{{ list | first }} {{ list | last }} {{ list | nth(n=1) }} [{{ list | nth(n=9) }}] {{ list | sort }} {{ list | reverse }} {{ list | slice(start=1) }} {{ list | length }}`, "3 2 1 [] [1, 2, 3] [2, 1, 3] [1, 2] 3"},
		{`{{ [1, 2] | concat(with=[3]) }} {{ [1] | concat(with=2) }} {{ [1] | concat(with=[[2]]) }} {{ words | join(sep="/") }}`, "[1, 2, 3] [1, 2] [1, [2]] b/a"},
		{`{{ pages | filter(attribute="extra.kind", value="x") | map(attribute="title") }} {{ pages | filter(attribute="draft") | map(attribute="title") }} {{ pages | filter(attribute="nope") }}`, "[Two, Three] [Two, One] []"},
		{`{% for kind, group in pages | group_by(attribute="extra.kind") %}{{ kind }}: {{ group | map(attribute="title") }} {% endfor %}`, "x: [Two, Three] y: [One] "},
		{`{% set by = pages | group_by(attribute="draft") %}{{ by.true | length }}{{ by["false"] | length }}{{ by | length }}`, "112"},
		{`{% for kind, group in pages | groupby(attribute="extra.kind") %}{{ kind }}{% endfor %} {{ pages | selectattr("draft") | length }}{{ pages | rejectattr("draft") | length }}`, "xy 12"},
		{`{{ ["b", "a", "B", "b"] | unique }} {{ ["b", "B", "b"] | unique(case_sensitive=true) }} {{ [1, 1.0, 2, none, none, [1], [1]] | unique }}`, "[b, a] [b, B] [1, 2, , [1]]"},
		{`{{ pages | unique(attribute="extra.kind") | map(attribute="title") }}`, "[Two, One]"},
		{`{{ [{"a": {"b": 1}}, {"a": none}, {"a": {"b": none}}, {"a": {"b": 2}}] | map(attribute="a.b") }} {{ [{"a": {}}] | map(attribute="a.b") }} {{ [{"a": 1}, {}, {}] | unique(attribute="a") | length }}`, "[1, 2] [] 1"},
		{`{{ dict | get(key="a") }} {{ dict | get(key="z", default="none") }} {{ page | get(key="extra") | get(key="icon") }}`, "1 none book"},
	}
	testCases = [][2]string{
		{`{{ n is defined }} {{ x is undefined }} {{ nothing is none }} {{ s is string }} {{ n is number }} {{ n is integer }} {{ f is float }}`, "true true true true true true true"},
		{`{{ dict is mapping }} {{ dict is dict }} {{ dict is object }} {{ list is object }} {{ list is iterable }} {{ list is sequence }} {{ n is iterable }}`, "true true true false true true false"},
		{`{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby(3) }} {{ 9 is divisibleby(2) }} {{ 9 is divisibleby(0) }} {{ "x" is divisibleby(1) }}`, "true false true false false false"},
		{`{{ "qt" is matching("^[qwerty]") }} {{ "xt" is matching("^[qwerty]") }} {{ "a.b" is matching("\\.b$") }} {{ "ab" is not matching("c") }}`, "true false true true"},
		{`{{ "path/x" is starting_with("path") }} {{ "path/x" is startswith("x") }} {{ "x.md" is ending_with(".md") }} {{ "x" is endswith("y") }} {{ [1, 2] is containing(1) }} {{ "abc" is contains("z") }}`, "true false true false true false"},
		{`{{ 1 is truthy }} {{ 0 is falsy }} {{ [] is empty }} {{ 1 is eq(1) }} {{ 1 is equalto(2) }} {{ 1 is sameas(1) }} {{ 1 is ne(1) }}`, "true true true true false true false"},
		{`{{ 1 is lt(2) }} {{ 1 is lessthan(1) }} {{ 1 is le(1) }} {{ 2 is gt(1) }} {{ 1 is greaterthan(1) }} {{ 1 is ge(2) }}`, "true false true true false false"},
	}
	functionCases = [][2]string{
		{`{{ now() }} {{ now(timestamp=true) }} {{ now(utc=true) | date(format="%Y") }}`, "2024-05-01T10:00:00Z 1714557600 2024"},
		{`{{ range(end=3) }} {{ range(start=1, end=4) }} {{ range(start=0, end=10, step_by=4) }} {{ range(end=0) }}{% for i in range(end=2) %}{{ i }},{% endfor %}`, "[0, 1, 2] [1, 2, 3] [0, 4, 8] []0,1,"},
		{`{{ get_image_metadata(path="a.png").width }} [{{ get_image_metadata(path="missing", allow_missing=true) }}]`, "640 []"},
		{`{{ resize_image(path="a.png", width=20, height=10).url }} {{ resize_image("a.png", height=9, op="fit_height", format="jpeg", quality=90).url }}`, "a.png 20x10 fill auto 75 a.png 0x9 fit_height jpg 90"},
		{`{% if false %}{{ throw(message="no") }}{% endif %}ok`, "ok"},
		{`{{ get_page(path="a.md").title }} {{ get_section(path="b/_index.md").title }} {{ get_section(path=get_section(path="b/_index.md")).path }} {{ get_section("b/_index.md", metadata_only=true).title }}`, "a.md b/_index.md b/_index.md b/_index.md"},
		{`{{ get_url(path="a") }} {{ get_url(path="a", trailing_slash=true) }} {{ get_url(path="a/", trailing_slash=true) }} {{ get_url(path="a?b", trailing_slash=true) }} {{ get_url(path="c.css", cachebust=true) }}`, "/a /a/ /a/ /a/?b /c.css?h=abc"},
		{`{{ get_taxonomy(kind="tags").title }} {{ get_taxonomy_term(kind="tags", term="rust").name }} {{ get_taxonomy_url(kind="tags", name="rust") }}`, "tags tags: rust /tags/rust/"},
		{`{{ load_data(path="d.toml").path }} {{ load_data(path="d.txt", format="json").format }} [{{ load_data(path="missing", required=false) }}]`, "d.toml json []"},
	}
)

// siteFuncs are a site's functions that answer with what they were asked.
func siteFuncs() template.Funcs {
	named := func(path string) (any, error) { return map[string]any{"title": path, "path": path}, nil }
	return template.Funcs{
		Language: "en",
		GetURL:   func(path string) (string, error) { return "/" + path, nil }, Fingerprint: func(string) (string, error) { return "abc", nil },
		GetPage: named, GetSection: named, GetTaxonomy: func(kind string, _ bool) (any, error) { return named(kind) },
		GetTaxonomyTerm: func(kind, term string, _ bool) (any, error) { return map[string]any{"name": kind + ": " + term}, nil },
		GetTaxonomyURL:  func(kind, term string, _ bool) (string, error) { return "/" + kind + "/" + term + "/", nil },
		LoadData: func(path, format string, required bool) (any, error) {
			if path == "missing" {
				if required {
					return nil, &template.Refusal{Message: "there is no file", Hint: "write it"}
				}
				return nil, nil
			}
			return map[string]any{"path": path, "format": format}, nil
		},
		ImageMetadata: func(path string, required bool) (any, error) {
			if !required {
				return nil, nil
			}
			return map[string]any{"width": int64(640)}, nil
		},
		ResizeImage: func(r template.Resize) (any, error) {
			return map[string]any{"url": fmt.Sprintf("%s %dx%d %s %s %d", r.Path, r.Width, r.Height, r.Op, r.Format, r.Quality)}, nil
		},
		Markdown: func(text string) (string, error) { return "<p>" + text + "</p>\n", nil },
		Now:      func() time.Time { return time.Date(2024, 5, 1, 12, 0, 0, 0, time.FixedZone("", 7200)) },
	}
}

func renderWith(t *testing.T, sources files, budget template.Budget, read func(string)) (string, error) {
	t.Helper()
	set, err := template.Load(sources)
	if err != nil {
		return "", err
	}
	return set.RenderPage(t.Context(), "page.html", template.Page{Vars: values(), Funcs: siteFuncs(), Budget: budget, Read: read})
}

func allCases() [][2]string {
	return slices.Concat(textCases, dateCases, numberCases, listCases, testCases, functionCases)
}

func TestEachFilterTestAndFunctionGivesWhatItsNameMeansElsewhere(t *testing.T) {
	for _, c := range allCases() {
		got, err := renderWith(t, files{"page.html": c[0]}, template.Budget{}, nil)
		if assert.NoError(t, err, c[0]) {
			assert.Equal(t, c[1], got, c[0])
		}
	}
}

func TestEachFilterTestAndFunctionHasACase(t *testing.T) {
	var all strings.Builder
	for _, c := range allCases() {
		all.WriteString(c[0])
	}
	written := map[string]string{"filter": `\| %s\b`, "test": `is (not )?%s\b`, "function": `\b%s\(`}
	for _, e := range template.Reference() {
		if !e.Missing {
			assert.True(t, regexp.MustCompile(fmt.Sprintf(written[e.Kind], e.Name)).MatchString(all.String()), "no case here has the %s %s", e.Kind, e.Name)
		}
		assert.NotEmpty(t, e.Doc, e.Name)
	}
}

func TestWrongUseOfAFilterOrFunctionNamesPlaceAndHint(t *testing.T) {
	for source, want := range map[string]string{
		`{{ "a" | slugfy }}`:                                                `1:10: unknown filter "slugfy" (did you mean slugify?)`,
		`{{ "a" | replace(from="a") }}`:                                     `1:10: the filter replace needs to`,
		`{{ "a" | replace(from="", to="b") }}`:                              `1:10: replace needs a text to look for, and from is empty`,
		`{{ "a" | replace(from=1, to="b") }}`:                               `1:10: from is to be a string, not a number`,
		`{{ "a" | truncate(lenght=1) }}`:                                    `1:19: the filter truncate takes no "lenght" (did you mean length?)`,
		`{{ list | slugify }}`:                                              `1:11: a string is needed here, not a list (make one of it with | join, or take a field)`,
		`{{ "1" | abs }}`:                                                   `1:10: a number is needed here, not a string (| int and | float make a number of a text)`,
		`{{ 1.5 | round(method="cel") }}`:                                   `1:10: round knows no method "cel" (did you mean ceil?)`,
		`{{ "1" | int(base=99) }}`:                                          `1:10: base is 2 to 36, not 99`,
		`{{ "2024-02-30" | date }}`:                                         `1:19: the date "2024-02-30" cannot be (dates are written 2024-05-01, `,
		`{{ "2024-02-01" | date(format="%Q") }}`:                            `1:19: a date's format knows no "%Q"`,
		`{{ "2024-02-01" | date(format="%") }}`:                             `1:19: a date's format knows no "%"`,
		`{{ "2024-02-01" | date(timezone="Berlin") }}`:                      `1:19: there is no time zone "Berlin" (zones are called as Europe/Berlin or UTC)`,
		`{{ "2024-02-01" | date(timezone="Local") }}`:                       `1:19: there is no time zone "Local"`,
		`{{ 1700000000000 | date }}`:                                        `1:20: 1700000000000 is no date in seconds since 1970`,
		`{{ pages | map(attribute="titel") }}`:                              `1:12: an item has no field "titel" (did you mean title?)`,
		`{{ dict | get(key="c") }}`:                                         `1:11: the dict has no field "c" (there are a, b)`,
		`{{ list | nth(n=-1) }}`:                                            `1:11: nth counts from 0; -1 is before that`,
		`{{ "a" is matching("(") }}`:                                        `1:11: the regular expression "(" cannot be read: missing closing )`,
		`{{ "a" is matchin("a") }}`:                                         `1:11: unknown test "matchin" (did you mean matching?)`,
		"\n{{ range(end=1, step_by=0) }}":                                   `2:4: range: step_by is to be 1 or more (| reverse turns the list around)`,
		`{{ range(1, 5) }}`:                                                 `1:4: range: start, 5, is beyond end, 1 (write range(start=.., end=..))`,
		`{{ throw(message="no title") }}`:                                   `1:4: throw: no title (the template itself says so)`,
		`{{ load_data(path="missing") }}`:                                   `1:4: load_data: there is no file (write it)`,
		`{{ get_section(path=dict) }}`:                                      `1:4: get_section: the section has no field "path"`,
		`{{ resize_image(path="a.png") }}`:                                  `1:4: resize_image: op="fill" takes a width and a height (write both, or op="fit_width" or op="fit_height")`,
		`{{ resize_image(path="a.png", height=3, op="fit_width") }}`:        `1:4: resize_image: op="fit_width" takes a width and no height (write width alone, or op="fit")`,
		`{{ resize_image(path="a.png", width=3, op="fil") }}`:               `1:4: resize_image: op is not to be "fil" (did you mean "fill"?)`,
		`{{ resize_image(path="a.png", width=3, format="avif") }}`:          `1:4: resize_image: format is not to be "avif" (there are auto, jpeg, jpg, jxl, png, webp)`,
		`{{ resize_image(path="a.png", width=0, height=1) }}`:               `1:4: resize_image: width is to be 1 to 16383 pixels, not 0`,
		`{{ resize_image(path="a.png", width=1, height=1, quality=101) }}`:  `1:4: resize_image: quality is to be 1 to 100, not 101`,
		`{{ get_env(name="HOME") }}`:                                        `1:4: there is no function get_env here (put the value into a file`,
		`{{ trans(key="more", lang=lang) }}`:                                `1:4: there is no function trans here (a site has one language: write its texts into data/texts.toml, and {{ data.texts.KEY }})`,
		`{{ "a" | regex_replace(pattern="a", rep="b") }}`:                   `1:10: there is no filter regex_replace here (write | replace(`,
		`{{ dict | items }}`:                                                `1:11: there is no filter items here (a loop goes over a dict itself`,
		`{{ "a" is upper }}`:                                                `1:11: there is no test upper here (compare with | upper)`,
		`{{ get_url(path="a", lang="fr") }}`:                                `1:4: get_url: the site is in "en", and has nothing in "fr" (a site has one language, as the configuration says: leave lang out)`,
		`{{ load_data(url="http://a.org") }}`:                               `1:14: the function load_data takes no "url" (a build fetches nothing`,
		`{{ "2024-02-01" | date(locale="fr") }}`:                            `1:19: date knows no locale "fr" (months and days have their English names`,
		`{{ ["a"] | sum }}`:                                                 `1:12: a number is needed here, not a string`,
		`{{ "a" | min }}`:                                                   `1:10: min needs a list, not a string`,
		`{{ nwo() }}`:                                                       `1:4: unknown function "nwo" (did you mean now?)`,
		`{{ now(timestamp=1) }}`:                                            `1:4: now: timestamp is to be true or false, not a number`,
		`{% set x | uper %}a{% endset %}`:                                   `1:12: unknown filter "uper" (did you mean upper?)`,
		`{% filter %}a{% endfilter %}`:                                      `1:11: expected the name of a filter, found the end of the tag`,
		`{% set x %}a`:                                                      `1:4: this set is never closed (it ends in {% endset %})`,
		`{% for x in list %}{% set y %}{% break %}{% endset %}{% endfor %}`: `1:34: break stands in no loop`,
	} {
		_, err := renderWith(t, files{"page.html": source}, template.Budget{}, nil)
		assert.ErrorContains(t, err, "templates/page.html:"+want, source)
		assert.NotEmpty(t, diagnostic.Of(err), source)
	}
}

func TestWhatStatementsPrintCanBeSetAndFiltered(t *testing.T) {
	for source, want := range map[string]string{
		`{% set x %}<b>{{ html }}</b>{% endset %}[{{ x }}]{{ x | length }}`:                                              "[<b>&lt;b&gt;&quot;a&quot; &amp; &#x27;b&#x27;&lt;/b&gt;</b>]59",
		`{% set x | upper | trim %} a {% if yes %}b{% endif %} {% endset %}[{{ x }}]`:                                    "[A B]",
		`{% filter upper %}<i>{{ "a&b" }}</i>{% endfilter %}`:                                                            "<I>A&AMP;B</I>",
		`{% filter replace(from="a", to="b") | upper %}aha{% endfilter %}`:                                               "BHB",
		`{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y is defined }}`:                                         "1false",
		`{% set x %}{% set y %}a{% endset %}{{ y }}b{% endset %}{{ x }}`:                                                 "ab",
		`{% for i in list %}{% set x %}{{ i }}{% endset %}{{ x }}{% endfor %}{{ x is defined }}`:                         "312false",
		`{% set last = 0 %}{% for i in list %}{% set_global last = i %}{% endfor %}{{ last }}`:                           "2",
		`{% for i in list %}{% for j in list %}{% set_global n = i * j %}{% endfor %}{% endfor %}{{ n }}`:                "4",
		`{% for i in list %}{% if i == 1 %}{% set_global x %}<{{ i }}>{% endset_global %}{% endif %}{% endfor %}{{ x }}`: "<1>",
		`{% block b %}{% for i in list %}{% set_global x = i %}{% endfor %}{{ x }}{% endblock %}{{ x is defined }}`:      "2false",
	} {
		got, err := renderWith(t, files{"page.html": source}, template.Budget{}, nil)
		if assert.NoError(t, err, source) {
			assert.Equal(t, want, got, source)
		}
	}
}

func TestAnIncludeSeesTheImportsOfWhatIncludesIt(t *testing.T) {
	macros := `{% macro hi(name) %}hi {{ name }}{% endmacro %}`
	got, err := renderWith(t, files{"m.html": macros, "page.html": `{% import "m.html" as m %}{% include "a.html" %}`,
		"a.html": `{% include "b.html" %}`, "b.html": `{{ m::hi(name=s) }}`}, template.Budget{}, nil)
	require.NoError(t, err)
	assert.Equal(t, "hi héllo", got)

	_, err = renderWith(t, files{"m.html": macros, "n.html": macros, "page.html": `{% import "m.html" as m %}{% include "b.html" %}`,
		"other.html": `{% import "n.html" as m %}{% include "b.html" %}`, "b.html": `{{ m::hi(name=s) }}`}, template.Budget{}, nil)
	assert.EqualError(t, err, `templates/b.html:1:4: "m" stands for "m.html" where one template includes this one, and for "n.html" where another does (import it in this template too)`)

	_, err = renderWith(t, files{"page.html": `{% include "b.html" %}`, "b.html": `{% include "page.html" %}{{ m::hi() }}`}, template.Budget{}, nil)
	assert.ErrorContains(t, err, `templates/b.html:1:29: nothing is imported as "m"`)
}

func TestFiltersAndFunctionsReadWhatTheyLookAt(t *testing.T) {
	for source, want := range map[string]string{
		`{{ page.title | slugify }}`:                           `page.title`,
		`{{ page.extra | json_encode }}`:                       `page.extra page.extra.icon`,
		`{{ pages | filter(attribute="draft") | length }}`:     `pages pages[*].draft`,
		`{% set g = pages | group_by(attribute="weight") %}`:   `pages pages[*].weight`,
		`{{ pages | unique(attribute="title") | length }}`:     `pages pages[*].title`,
		`{{ dict | get(key="z", default=1) }}`:                 `dict dict.z`,
		`{{ now() }}`:                                          `now()`,
		`{{ range(end=n) | length }}`:                          `n`,
		`{{ get_page(path=s).title }}`:                         `get_page("héllo") get_page("héllo").title s`,
		`{{ get_section(path=get_section(path="a")) }}`:        `get_section("a") get_section("a").path`,
		`{{ load_data(path="a.csv", format="csv") | length }}`: `load_data("a.csv", format="csv")`,
		`{{ get_url(path="a", cachebust=true) }}`:              `get_url("a", cachebust=true)`,
		`{{ get_image_metadata(path=s).width }}`:               `get_image_metadata("héllo") get_image_metadata("héllo").width s`,
	} {
		var paths []string
		_, err := renderWith(t, files{"page.html": source}, template.Budget{}, func(path string) { paths = append(paths, path) })
		if assert.NoError(t, err, source) {
			slices.Sort(paths)
			assert.Equal(t, want, strings.Join(paths, " "), source)
		}
	}
}

func TestEachFilterAndFunctionPaysForALongTextOrList(t *testing.T) {
	const text = `{% set s = "a b<c>\n" %}`
	const list = `{% set s = [1, 2, 3, 4] %}`
	double := func(n int) string { return strings.Repeat("{% set s = s + s %}", n) }
	for start, uses := range map[string][]string{
		text: {"slugify", "replace(from='a', to='bb')", "trim_start", "trim_end", "truncate(length=99999)", "striptags", "spaceless", "linebreaksbr", "urlencode", "urlencode_strict",
			"indent", "wordcount", "json_encode", "markdown", "trim_start_matches(pat='a b')"},
		list: {"json_encode", "concat(with=1)", "unique", "as_str"},
	} {
		for _, use := range uses {
			source := func(n int) string {
				return start + double(n) + "{% for a in [1,2,3,4] %}{% for b in [1,2,3,4] %}{% set x = s | " + use + " %}{% endfor %}{% endfor %}"
			}
			budget := template.Budget{Steps: 100_000, Bytes: 4 << 20}
			_, err := renderWith(t, files{"page.html": source(1)}, budget, nil)
			assert.NoError(t, err, use)
			_, err = renderWith(t, files{"page.html": source(16)}, template.Budget{Steps: 100_000, Bytes: 8 << 20}, nil)
			assert.ErrorIs(t, err, template.ErrOverBudget, use)
		}
	}
	for _, source := range []string{`{{ range(end=9223372036854775807) }}`, `{{ range(start=-9223372036854775807, end=9223372036854775807) }}`, text + double(16) + `{{ s is matching("(a.*b.*c.*){50}$") }}`,
		`{% for i in range(end=100000) %}{% if load_data(path="x") %}{% endif %}{% endfor %}`,
		text + double(16) + `{% for i in range(end=100) %}{% if get_taxonomy_url(kind="tags", name=s) %}{% endif %}{% endfor %}`,
		text + double(16) + `{% for i in range(end=100) %}{% if get_taxonomy_term(kind="tags", term=s, required=false) %}{% endif %}{% endfor %}`,
		text + double(16) + `{% for i in range(end=300) %}{% if get_taxonomy(kind=s, required=false) %}{% endif %}{% endfor %}`} {
		_, err := renderWith(t, files{"page.html": source}, template.Budget{}, nil)
		var fault *diagnostic.Problem
		assert.True(t, errors.Is(err, template.ErrOverBudget), "%s: %v", source, err)
		assert.ErrorAs(t, err, &fault, source)
	}
}

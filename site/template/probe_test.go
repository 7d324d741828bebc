package template_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/site/template"
)

// values are what the probes see.
func values() map[string]any {
	return map[string]any{
		"n": 7, "neg": -7, "f": 2.5, "s": "héllo", "html": `<b>"a" & 'b'</b>`, "yes": true, "nothing": nil, "blank": "",
		"list": []any{3, 1, 2}, "words": []string{"b", "a"}, "none_left": []any{},
		"dict": map[string]any{"b": 2, "a": 1},
		"page": map[string]any{"title": "T", "weight": 5, "extra": map[string]any{"icon": "book"}, "content": "<p>x</p>"},
		"pages": []map[string]any{
			{"title": "Two", "weight": 2, "draft": true, "extra": map[string]any{"kind": "x"}},
			{"title": "One", "weight": 1, "draft": false, "extra": map[string]any{"kind": "y"}},
			{"title": "Three", "weight": 3, "extra": map[string]any{"kind": "x"}},
		},
	}
}

// constructs are templates, and what comes of them.
var constructs = []struct{ source, want string }{
	// Literals and how values are printed.
	{`{{ "a" }}{{ 'b' }}{{ "q\"\n\t\\" }}`, "ab" + "q&quot;\n\t\\"}, {`{{ 'it\'s' }}`, "it&#x27;s"}, {`{{ 1_000 }} {{ 1.5 }} {{ 2.0 }}`, "1000 1.5 2"},
	{`{{ true }} {{ True }} {{ false }} {{ False }}`, "true true false false"}, {`[{{ none }}{{ None }}{{ nothing }}]`, "[]"},
	{`{{ [1, "a", true, [none]] }}`, "[1, a, true, []]"}, {`{{ {"a": 1} }}`, "[object]"}, {`{{ dict }}`, "[object]"},
	{`{{ {"a": {"b": 3}}.a.b }}`, "3"}, {`{{ {"a": {"b": 3}}}}`, "[object]"},
	// Escaping.
	{`{{ html }}`, "&lt;b&gt;&quot;a&quot; &amp; &#x27;b&#x27;&lt;/b&gt;"}, {`{{ "/a/b" }}`, "/a/b"}, {`{{ page.content | safe }}`, "<p>x</p>"},
	{`{{ html | safe | upper }}`, "&lt;B&gt;&quot;A&quot; &amp; &#x27;B&#x27;&lt;/B&gt;"}, {`{{ "<" | escape }}{{ "<" | escape | escape }}`, "&lt;&lt;"},
	{`{% set x = page.content | safe %}{{ x }}`, "<p>x</p>"}, {`{{ "<" ~ ("<" | safe) }}`, "&lt;&lt;"},
	// Fields and items.
	{`{{ page.title }}{{ page["title"] }}{{ page.extra.icon }}`, "TTbook"}, {`{{ list[0] }}{{ list[-1] }}`, "32"}, {`{{ s[1] }}`, "é"},
	{`{% set k = "icon" %}{{ page.extra[k] }}`, "book"}, {`{{ (pages | first).title }}`, "Two"}, {`{{ pages[1].extra.kind }}`, "y"},
	// Arithmetic.
	{`{{ 1 + 2 }} {{ n - 10 }} {{ 3 * 4 }} {{ 6 / 2 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ neg // 2 }} {{ 7 % 4 }} {{ 2 ** 10 }}`, "3 -3 12 3 3.5 3 -4 3 1024"},
	{`{{ "a" + "b" }} {{ [1] + [2] }}`, "ab [1, 2]"},
	{`{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }} {{ 2 ** -1 }}`, "7 9 -4 512 0.5"}, {`{{ 10 - 2 - 3 }}`, "5"},
	{`{{ 9223372036854775807 + 1 }} {{ 2 ** 70 }}`, "9223372036854776000 1180591620717411300000"}, {`{{ f + 1 }} {{ -f }} {{ 1.5 // 1 }}`, "3.5 -2.5 1"},
	{`{{ 1 ~ true ~ 2.0 ~ none ~ "x" }}`, "1true2x"},
	// Comparison and logic.
	{`{{ 1 == 1.0 }} {{ 1 == "1" }} {{ none == nothing }} {{ [1, [2]] == [1, [2]] }} {{ dict == {"a": 1, "b": 2} }}`, "true false true true true"},
	{`{{ 1 != 2 }} {{ 1 < 2 }} {{ 2 <= 2 }} {{ 1 > 2 }} {{ 2 >= 3 }} {{ "a" < "b" }}`, "true true true false false true"},
	{`{{ 1 in list }} {{ 9 in list }} {{ 9 not in list }} {{ "ell" in "hello" }} {{ "a" in dict }} {{ "z" in dict }}`, "true false true true true false"},
	{`{{ "" or "x" }} {{ "a" and "b" }} {{ not 0 }} {{ not "a" }} {{ none_left or 5 }}`, "x b true false 5"}, {`{{ false and missing }}{{ true or missing }}`, "falsetrue"},
	{`{{ not n == 8 }} {{ not false and true }} {{ not 1 in list }}`, "true true false"},
	{`{{ "a" if yes else "b" }} {{ "a" if not yes else "b" if 0 else "c" }}`, "a c"}, {`{{ missing if false else "ok" }}`, "ok"},
	// Statements.
	{`{% if n > 6 %}a{% elif n %}b{% else %}c{% endif %}`, "a"}, {`{% if "" %}a{% elif [] %}b{% elif dict %}d{% endif %}`, "d"}, {`{% if {} %}a{% else %}b{% endif %}`, "b"},
	{`{% for x in list %}{{ x }},{% endfor %}`, "3,1,2,"}, {`{% for x in none_left %}a{% else %}none{% endfor %}`, "none"}, {`{% for c in "hé" %}{{ c }}.{% endfor %}`, "h.é."},
	{`{% for k, v in dict %}{{ k }}={{ v }};{% endfor %}`, "a=1;b=2;"}, {`{% for e in dict %}{{ e.key }}={{ e.value }};{% endfor %}`, "a=1;b=2;"},
	{`{% for a, b in [[1, 2], [3, 4]] %}{{ a + b }} {% endfor %}`, "3 7 "}, {`{% for a, b, c in [[1, 2, 3]] %}{{ c }}{{ a }}{% endfor %}`, "31"},
	{`{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {% endfor %}`, "10truefalse3 21falsefalse3 32falsetrue3 "},
	{`{% for x in [1,2,3,4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}`, "13"},
	{`{% for x in [1,2] %}{% for y in [3,4] %}{{ loop.index }}{{ x * y }} {% endfor %}{{ loop.index }};{% endfor %}`, "13 24 1;16 28 2;"},
	{`{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}`, "2"}, {`{% set x = 1 %}{% for y in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}`, "21"},
	{`{% macro b(label, class="btn") %}<a class="{{ class }}">{{ label }}</a>{% endmacro %}{{ self::b("x<") }}{{ self::b(class=n, label=1) }}`, `<a class="btn">x&lt;</a><a class="7">1</a>`},
	{`{{ self::late() }}{% macro late() %}late {{ n }}{% endmacro %}`, "late 7"}, {`{% macro m(a=1 + n) %}{{ a }}{% endmacro m %}{{ self::m() }}`, "8"},
	{`{% macro fact(k) %}{% if k > 1 %}{{ k }}*{{ self::fact(k - 1) }}{% else %}1{% endif %}{% endmacro %}{{ self::fact(3) }}`, "3*2*1"},
	{`a{# x {# nested #} {{ y }} #}b`, "ab"}, {`{% raw %}{{ x }}{% if %}{# #}{% endraw %}`, "{{ x }}{% if %}{# #}"}, {"a \n{%- if true -%}\n b {%- endif %} c", "ab c"},
	{"line\n", "line\n"}, {`{ {x} } % # }} %}`, `{ {x} } % # }} %}`},
	// Filters.
	{`{{ s | upper }} {{ "ABC" | lower }} {{ "abC d" | capitalize }} {{ "the HTML guide" | title }} [{{ " x " | trim }}]`, "HÉLLO abc AbC d The HTML Guide [x]"},
	{`{{ s | length }} {{ list | length }} {{ dict | length }}`, "6 3 2"}, {`{{ list | first }}{{ list | last }}{{ s | first }}[{{ [] | first }}{{ "" | last }}]`, "32h[]"},
	{`{{ list | reverse }} {{ s | reverse }}`, "[2, 1, 3] olléh"}, {`{{ list | sort }} {{ words | sort | join("-") }} {{ list | join }}`, "[1, 2, 3] a-b 312"},
	{`{{ pages | sort(attribute="weight") | map(attribute="title") | join(sep=", ") }}`, "One, Two, Three"}, {`{{ pages | sort(attribute="extra.kind") | map("weight") }}`, "[2, 3, 1]"},
	{`{{ "a b c" | split }} {{ "a,b" | split(pat=",") | last }}`, "[a, b, c] b"}, {`{{ missing | default("d") }}{{ page.nope.deep | default(value="e") }}{{ blank | default("f") }}{{ nothing | default("g") }}{{ 0 | default("h") }}`, "defg0"},
	{`{{ n | typeof }} {{ s | typeof }} {{ list | typeof }} {{ dict | typeof }} {{ yes | typeof }} {{ none | typeof }}`, "number string list dict bool none"},
	{`{{ list | slice(1, 2) }} {{ list | slice(start=1) }} {{ s | slice(0, -3) }} {{ list | slice(-1) }} {{ list | slice(2, 1) }} {{ list | slice(end=9) }}`, "[1] [1, 2] hé [2] [] [3, 1, 2]"},
	{`{{ pages | selectattr("draft") | map("title") }} {{ pages | rejectattr("draft") | map("title") }}`, "[Two] [One, Three]"},
	{`{{ pages | selectattr("weight", "gt", 1) | length }} {{ pages | selectattr("title", "starting_with", "T") | length }} {{ pages | selectattr("draft", "undefined") | map("title") }} {{ pages | selectattr("extra.kind", "eq", "y") | length }}`, "2 2 [Three] 1"},
	{`{{ pages | selectattr("draft", "falsy") | length }}`, "2"}, {`{% for k, group in pages | groupby(attribute="extra.kind") %}{{ k }}:{{ group | length }} {% endfor %}`, "x:2 y:1 "},
	{`{{ "a" | upper ~ "b" }} {{ 1 + list | length }} {{ -1 | default(2) }}`, "Ab 4 -1"},
	// Tests.
	{`{{ n is defined }} {{ missing is defined }} {{ missing is undefined }} {{ missing is not defined }} {{ page.nope.deep is defined }} {{ nothing is defined }}`, "true false true true false false"},
	{`{{ none is none }} {{ n is not none }} {{ s is string }} {{ n is number }} {{ n is integer }} {{ f is integer }} {{ f is float }}`, "true true true true true false true"},
	{`{{ dict is mapping }} {{ dict is dict }} {{ list is iterable }} {{ s is sequence }} {{ n is iterable }}`, "true true true true false"},
	{`{{ 3 is odd }} {{ 3 is even }} {{ -3 is odd }} {{ f is odd }} {{ "" is empty }} {{ [] is empty }} {{ {} is empty }} {{ n is empty }}`, "true false true false true true true false"},
	{`{{ 1 is truthy }} {{ 0 is falsy }} {{ "/guide/x" is starting_with("/guide") }} {{ "a.md" is ending_with(".md") }} {{ "abc" is containing("b") }} {{ list is containing(9) }}`, "true true true true true false"},
	{`{{ "ab" is startswith("a") }}{{ "ab" is endswith("a") }}{{ "ab" is contains("b") }}`, "truefalsetrue"},
	{`{{ 1 is eq(1) }} {{ 1 is ne(1) }} {{ 1 is lt(2) }} {{ 1 is lessthan(2) }} {{ 1 is gt(2) }} {{ 3 is greaterthan(2) }} {{ 1 is equalto(1) }} {{ 1 is sameas(2) }}`, "true false true true false true true false"},
	{`{{ n + 1 is even }} {{ not n is even }} {{ n is odd and yes is truthy }}`, "true true true"},
	{`{% if page.extra.author is defined and page.extra.author == "x" %}a{% else %}b{% endif %}`, "b"},
}

func TestEachConstructMeansWhatTheDialectSays(t *testing.T) {
	for _, probe := range constructs {
		set, err := template.Load(map[string]string{"probe.html": probe.source})
		if !assert.NoError(t, err, probe.source) {
			continue
		}
		got, err := set.Render(t.Context(), "probe.html", values(), template.Funcs{})
		if assert.NoError(t, err, probe.source) {
			assert.Equal(t, probe.want, got, probe.source)
		}
	}
}

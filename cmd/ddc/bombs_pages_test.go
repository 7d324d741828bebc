package main

import (
	"fmt"
	"strings"
	"testing"
)

// markupBomb is a page whose markup is in its template, which nothing but the
// steps for pages reads.
func markupBomb(name string, body ...any) bomb {
	return bomb{name: name, mayBuild: true, fault: `^(content/bomb\.md|templates/page\.html)(:\d+(:\d+)?)?: `, make: func(t *testing.T, site string) {
		template("<html><head><title>a</title></head><body>"+whole(body...)+"</body></html>")(t, site)
	}}
}

// markupBombs are pages whose markup, scripts and styles are hard to read.
func markupBombs() []bomb {
	return []bomb{
		markupBomb("elements that each paragraph repeats, and a noscript", "<noscript>a</noscript>", count(400, "<b a=%d>"), repeated("<p>x", 50_000)),
		markupBomb("drawings and formulas in each other", within(200, "<svg><foreignObject><math><annotation-xml encoding=text/html>", "a", "</math></svg>")),
		markupBomb("a script without an end", "<script>", repeated("<!--<script>", 500_000)),
		markupBomb("ten thousand inline styles", count(10_000, "<style>a{b:url(/nowhere%d.png)}</style>")),
		markupBomb("an import map of half a million names", "<script type=importmap>{\"imports\":{", count(500_000, "\"a%d\":\"/nowhere.js\","), "\"b\":\"/c.js\"}}</script>"),
		markupBomb("classes of a script in each other", "<script>", within(900, "(class{a=", "1", "})"), "</script>"),
		markupBomb("rows without cells", "<table>", repeated("<tr><td><table>", 200), repeated("a<b>", 100_000)),
	}
}

// putTogether are pages whose faults stand in no source.
func putTogether() []bomb {
	long := repeated("a long text. ", 200_000)
	loop := func(n int, text string) string {
		return fmt.Sprintf(`{%% for i in range(end=%d) %%}%s{%% endfor %%}`, n, text)
	}
	of := func(name, body string) bomb {
		return bomb{name: name, mayBuild: true, fault: `^(content|templates)/[a-z]+\.(md|html)(:\d+(:\d+)?)?: `, make: func(t *testing.T, site string) {
			template(body)(t, site)
			write(t, site, "templates/unused.html", "{# "+whole(long)+"#}", "content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n"+whole(long))
		}}
	}
	return []bomb{
		{name: "a long address that is repeated", mayBuild: true, fault: ofPage, make: file("content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n", repeated("[a]\n\n", 4_000), "[a]: /", repeated("a", 10_000), "\n")},
		{name: "the same link to no page, everywhere", fault: inPage, make: file("content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n", repeated("[a](no.md)\n\n", 50_000))},
		of("dead links that a template puts together", loop(20_000, `<a href="/nowhere{{ i }}#a{{ i }}">b</a>`)),
		of("styles that a template puts together", loop(20_000, `<style>a{b:url(/nowhere{{ i }}.png)}</style>`)),
		of("styles without an end that a template puts together", loop(20_000, `<style>a{{ i }}{</style>`)),
		of("scripts without an end that a template puts together", loop(20_000, `<script>a{{ i }}(</script>`)),
	}
}

// codeBombs are pages with code that takes long to colour.
func codeBombs() []bomb {
	return []bomb{
		{name: "a page of code that takes long to colour", mayBuild: true, fault: inPage,
			make: file("content/bomb.md", "+++\ntitle = \"bomb\"\n+++\n", count(10, "```html\n<!-- %d -->"+strings.Repeat("<script>", 1500)+"\n```\n\n"))},
	}
}

// scriptBombs are scripts in files of their own.
func scriptBombs() []bomb {
	script := func(name string, js ...any) bomb {
		return bomb{name: name, mayBuild: true, fault: `^static/bomb\.js(:\d+:\d+)?: `, make: file("static/bomb.js", js...)}
	}
	return []bomb{
		script("a file with templates in each other", within(10_000, "`${", "1", "}`")),
		script("a file of half surrogates", "'", repeated(`\ud800`, 2_000_000), "'"),
	}
}

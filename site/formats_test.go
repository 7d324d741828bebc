package site_test

import (
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/fixture"
	"ddc/site"
)

func TestDataOfEveryFormatLooksTheSame(t *testing.T) {
	const template = `{{ data.d.word }} {{ data.d.whole + 1 }} {{ data.d.part * 2 }} {{ data.d.yes }} {{ data.d.list | join(sep="+") }} {{ data.d.deep.x }}`
	const want = `a 4 3 true 1+2 y`
	for name, text := range map[string]string{
		"d.json": `{"word": "a", "whole": 3, "part": 1.5, "yes": true, "list": [1, 2], "deep": {"x": "y"}}`,
		"d.toml": "word = \"a\"\nwhole = 3\npart = 1.5\nyes = true\nlist = [1, 2]\n[deep]\nx = \"y\"\n",
		"d.yaml": "word: a\nwhole: 3\npart: 1.5\nyes: true\nlist: [1, 2]\ndeep: {x: y}\n",
		"d.yml":  "word: a\nwhole: 3\npart: 1.5\n\"yes\": true\nlist:\n- 1\n- 2\ndeep:\n  x: y\n",
		"d.kdl":  "word \"a\"\nwhole 3\npart 1.5\nyes #true\nlist 1 2\ndeep x=\"y\"\n",
	} {
		p := newProject(t, "data/"+name, text, "templates/index.html", template)
		assert.Empty(t, p.mustBuild(), name)
		assert.Equal(t, want, strings.TrimSpace(p.read("index.html")), name)
	}
}

func TestNodesOfKDLAreValuesListsOrMaps(t *testing.T) {
	p := newProject(t,
		"data/d.kdl", "none\nlink \"a\" url=\"/a\"\nlink \"b\" url=\"/b\" { note \"n\" }\n",
		"templates/index.html", "{{ data.d.none is none }} {% for l in data.d.link %}{{ l.args[0] }}{{ l.url }}{{ l.note | default(value=\"-\") }} {% endfor %}",
	)
	p.mustBuild()
	assert.Equal(t, "true a/a- b/bn", strings.TrimSpace(p.read("index.html")))
}

func TestDataFileThatAnotherHidesIsAWarning(t *testing.T) {
	p := newProject(t, "data/a/team.json", `{"x": 1}`, "data/b/team.toml", "x = 2", "templates/index.html", "{{ data.team.x }}")
	assert.Equal(t, []string{"data/a/team.json: is not seen: data.team is made of data/b/team.toml (rename one of the two)"}, p.mustBuild())
	assert.Equal(t, "2", strings.TrimSpace(p.read("index.html")))
}

func TestPageMayHaveAnyAddress(t *testing.T) {
	p := newProject(t,
		"content/odd.md", "+++\ntitle = \"x\"\nslug = \"100%\"\n+++\n[up](../) [self](#here)\n\n## Here\n<p style=\"background:url('../a.svg')\">x</p>\n",
		"content/a b.md", "+++\ntitle = \"x\"\nslug = \"a b\"\n+++\n", "content/ü.md", "+++\ntitle = \"x\"\n+++\n",
		"content/_index.md", "+++\ntitle = \"x\"\n+++\n[1](<@/a b.md>) [2](@/odd.md) [3](@/ü.md) [4](/a%20b/) [5](/ü/)\n",
		"static/a.svg", `<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>`,
	)
	assert.Empty(t, p.mustBuild())
	home := p.read("index.html")
	for _, link := range []string{"href=/a%20b/>1", "href=/100%25/>2", "href=/%C3%BC/>3"} {
		assert.Contains(t, home, link)
	}
	assert.Regexp(t, `url\('?/a\.[0-9acdeo]{12}\.svg`, p.read("100%/index.html"))
}

func TestPageWithoutExtraHasAnEmptyOne(t *testing.T) {
	p := newProject(t, "templates/index.html", `[{{ section.extra.icon | default(value="none") }}]{% if "icon" in section.extra %}x{% endif %}`)
	p.mustBuild()
	assert.Equal(t, "[none]", strings.TrimSpace(p.read("index.html")))
}

func TestPictureOfEveryFormatIsRead(t *testing.T) {
	needTools(t, "cjxl", "djxl")
	p := newProject(t, "static/first.png", pngFile(40, 30), "static/moving.gif", gifFile(2))
	p.mustBuild()
	webp, jxl := p.read("first.*.webp"), p.read("first.*.jxl")
	p = newProject(t, "static/a.webp", webp, "static/b.jxl", jxl, "static/c.PNG", pngFile(40, 30),
		"content/_index.md", "+++\ntitle = \"x\"\n+++\n![](/a.webp)\n\n![](/b.jxl)\n\n![](/c.PNG)\n")
	assert.Empty(t, p.mustBuild())
	assert.ElementsMatch(t, []string{"404.html", "index.html", "a.*.jxl", "a.*.webp", "b.*.jxl", "b.*.webp", "c.*.jxl", "c.*.webp"}, p.output())
	assert.Equal(t, 3, strings.Count(p.read("index.html"), "width=40 height=30"))
}

func TestOriginalOfAPictureIsThereWhereAStyleOrScriptNamesIt(t *testing.T) {
	for where, files := range map[string][]string{
		"style sheet":      {"static/s.css", "body{background:url(/p.png)}"},
		"script":           {"static/s.js", `load("/p.png")`},
		"script in a page": {"templates/index.html", `<!DOCTYPE html><html><body><script>load("/p.png")</script></body></html>`},
		"attribute":        {"templates/index.html", `<!DOCTYPE html><html><body><p style="background:url(/p.png)">x</p></body></html>`},
	} {
		p := newProject(t, append(files, "static/p.png", pngFile(20, 20))...)
		p.mustBuild()
		assert.Contains(t, p.output(), "p.*.png", where)
		whole := p.read("p.*.png")
		assert.Equal(t, pngFile(20, 20), whole, where)
		var named string
		for _, f := range []string{"index.html", "s.css", "s.js"} {
			if matches, _ := filepath.Glob(filepath.Join(p.folder, "public", f)); matches != nil {
				named += p.read(f)
			}
		}
		assert.Regexp(t, `/p\.[0-9acdeo]{12}\.png`, named, where)
	}
}

func TestLinkOrIconThatNamesAPictureGetsTheLargestWebP(t *testing.T) {
	p := newProject(t, "static/p.png", pngFile(20, 20),
		"templates/index.html", `<!DOCTYPE html><html><head><link rel="icon" href="/p.png"><meta property="og:image" content="/p.png"></head><body><a href="/p.png">x</a></body></html>`)
	p.mustBuild()
	page := hash.ReplaceAllString(p.read("index.html"), ".*.")
	assert.Equal(t, 3, strings.Count(page, "/p.*.webp"), page)
	assert.NotContains(t, p.output(), "p.*.png")
}

func TestStablePictureKeepsItsNameAndHasVariants(t *testing.T) {
	p := newProject(t, "static/p.png", pngFile(20, 20),
		"templates/index.html", `<!DOCTYPE html><html><head><link rel="icon" type="image/png" href="/p.png"></head><body><img src="/p.png"></body></html>`,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nstable_assets { path \"p.png\"; path \"gone.txt\" }\n")
	warnings := p.mustBuild()
	assert.Contains(t, strings.Join(warnings, "\n"), `.config/dodeca.kdl: stable_assets names "gone.txt", which is not in the static folder`)
	assert.Contains(t, p.output(), "p.png")
	assert.Contains(t, p.output(), "p.*.webp")
	page := hash.ReplaceAllString(p.read("index.html"), ".*.")
	assert.Contains(t, page, "type=image/png href=/p.png>")
	assert.Contains(t, page, "<source srcset=/p.*.webp type=image/webp>")
	assert.Contains(t, page, "<img src=/p.png width=20 height=20")
}

func TestDotFilesAreCopiedButForThoseThatToolsLeave(t *testing.T) {
	p := newProject(t, "static/.nojekyll", "", "static/.well-known/security.txt", "x", "content/.draft.md", "+++\n",
		"static/.git/config", "x", "static/.DS_Store", "x", "static/.a.txt.swp", "x", "static/a.txt~", "x")
	assert.Empty(t, p.mustBuild())
	assert.ElementsMatch(t, []string{"404.html", "index.html", ".nojekyll", ".well-known/security.txt"}, p.output())
}

func TestStyleSheetsAndScriptsNameOneAnotherInACircle(t *testing.T) {
	p := newProject(t, "static/a.css", "@import '/b.css';p{color:red}", "static/b.css", "@import '/a.css';i{background:url(/d.svg)}",
		"static/d.svg", `<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>`, "static/self.js", `load("/self.js")`)
	p.mustBuild()
	sheet, self := p.read("b.*.css"), p.read("self.*.js")
	assert.Regexp(t, `/a\.[0-9acdeo]{12}\.css`, sheet)
	assert.Regexp(t, `/self\.[0-9acdeo]{12}\.js`, self)
	p.mustBuild()
	assert.Equal(t, sheet, p.read("b.*.css"), "building again names them alike")
	p.write("static/a.css", "@import '/b.css';p{color:blue}")
	p.mustBuild()
	assert.NotEqual(t, sheet, p.read("b.*.css"), "one of a circle changes them all")
	assert.Equal(t, self, p.read("self.*.js"))
}

func TestExternalLinksAreAskedOnlyWhenWanted(t *testing.T) {
	asked := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Path
		if r.URL.Path != "/fine" {
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	body := fmt.Sprintf("+++\ntitle = \"x\"\n+++\n[1](%s/fine#part) [2](%s/gone) <img src=\"%s/picture.png\">\n\n[3](http://skipped.invalid/)\n", server.URL, server.URL, server.URL)
	p := newProject(t, "content/_index.md", body,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nlink_check { skip_domain \"skipped.invalid\"; rate_limit_ms 1 }\n")
	assert.Empty(t, p.mustBuild())
	assert.Empty(t, asked)
	result, err := p.build(site.Options{CheckLinks: true})
	require.NoError(t, err)
	require.Len(t, result.Warnings, 1)
	assert.Contains(t, result.Warnings[0].String(), "content/_index.md:4:")
	assert.Contains(t, result.Warnings[0].Message, "/gone\" is answered with 404")
	close(asked)
	for path := range asked {
		assert.Contains(t, []string{"/fine", "/gone"}, path, "what is only loaded is not asked for")
	}
}

func TestSampleWhoseToolIsMissingIsAWarningThatNamesIt(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\n+++\n```rust\nfn main() {}\n```\n",
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ncode_execution { rust { command \"no-such-cargo\"; args \"run\" } }\n")
	warnings := p.mustBuild()
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0], "no-such-cargo")
	assert.NotContains(t, p.read("a/index.html"), "Verified: ")
}

func TestSamplesOfAPageThatSaysSoAreNotRun(t *testing.T) {
	p := newProject(t, "content/a.md", "+++\ntitle = \"A\"\ncode_execution = false\n+++\n```rust\nnot rust\n```\n")
	assert.Empty(t, p.mustBuild())
}

func TestSitesBuildInThisProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	needTools(t, "sass", "cjxl", "hb-subset", "pagefind_extended")
	own := &project{t, fixture.Site(t)}
	result, err := own.build(site.Options{NoCodeExec: true})
	require.NoError(t, err)
	require.Len(t, result.Warnings, 1, "one link leads nowhere")
	assert.Contains(t, result.Warnings[0].String(), "content/guide/boats/sloop.md:9:44")
	pages := 0
	for _, name := range own.output() {
		if filepath.Base(name) == "index.html" {
			pages++
		}
	}
	assert.Equal(t, fixture.Pages, pages)
	assert.FileExists(t, filepath.Join(own.folder, "public/pagefind/pagefind.js"))
	for _, name := range []string{"sample-site", "no-scss-site"} {
		folder, found := fixture.Real(name)
		if !found {
			continue
		}
		p := &project{t, filepath.Join(t.TempDir(), name)}
		out, err := exec.Command("cp", "-r", folder, p.folder).CombinedOutput()
		require.NoError(t, err, "%s", out)
		_, err = p.build(site.Options{NoCodeExec: true, Strict: true})
		require.NoError(t, err)
		assert.Contains(t, p.output(), "index.html")
		assert.FileExists(t, filepath.Join(p.folder, "public/pagefind/pagefind.js"))
	}
}

func TestPictureWithTransparentPartsHasNoPlaceholder(t *testing.T) {
	clear := image.NewNRGBA(image.Rect(0, 0, 20, 20))
	var file strings.Builder
	require.NoError(t, png.Encode(&file, clear))
	p := newProject(t, "static/clear.png", file.String(), "static/opaque.png", pngFile(20, 20),
		"templates/index.html", `<!DOCTYPE html><img src="/clear.png"><img src="/opaque.png">`)
	p.mustBuild()
	page := p.read("index.html")
	assert.Equal(t, 1, strings.Count(page, "background:url(data:"), page)
	assert.Less(t, strings.Index(page, "/clear."), strings.Index(page, "background:url(data:"))
	assert.Less(t, strings.Index(page, "/opaque."), strings.Index(page, "background:url(data:"))
}

package site_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/tool"
	"ddc/site"
)

func (p *project) remove(name string) {
	p.t.Helper()
	require.NoError(p.t, os.RemoveAll(filepath.Join(p.folder, name)))
}

func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := tool.Find(name); err != nil {
			t.Skip(err)
		}
	}
}

func TestEveryReferenceFollowsTheHashedName(t *testing.T) {
	p := newProject(t,
		"static/css/style.css", `@import "more.css"; body { background: url("../img/dot.svg") } @font-face { font-family: F; src: url(/fonts/f.ttf) } p { font-family: F }`,
		"static/css/more.css", "p { color: red }",
		"static/img/dot.svg", `<svg xmlns="http://www.w3.org/2000/svg"><circle r="4"/></svg>`,
		"static/fonts/f.ttf", goFont,
		"static/js/main.js", `import "./lib.js"; const sheet = "/css/style.css";`,
		"static/js/lib.js", `export const x = 1;`,
		"static/robots.txt", "x",
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nstable_assets { path \"robots.txt\" }\n",
		"templates/index.html", `<!DOCTYPE html><html><head><link rel="stylesheet" href="/css/style.css"><style>i{background:url(/img/dot.svg)}</style></head>
<body><p style="background: url('/img/dot.svg')">Hi</p><a href="/robots.txt">r</a><script>load("/js/main.js")</script><script src="/js/main.js"></script></body></html>`,
	)
	assert.Empty(t, p.mustBuild())
	assert.ElementsMatch(t, []string{"404.html", "index.html", "css/style.*.css", "css/more.*.css", "img/dot.*.svg", "fonts/f.*.woff2", "js/main.*.js", "js/lib.*.js", "robots.txt"}, p.output())

	sheet := p.read("css/style.*.css")
	for _, name := range []string{`/css/more\.`, `/img/dot\.`, `/fonts/f\.`} {
		assert.Regexp(t, name+`[0-9acdeo]{12}\.`, sheet)
	}
	assert.Regexp(t, `"/css/style\.[0-9acdeo]{12}\.css"`, p.read("js/main.*.js"))
	assert.Regexp(t, `lib\.[0-9acdeo]{12}\.js`, p.read("js/main.*.js"))
	page := hash.ReplaceAllString(p.read("index.html"), ".*.")
	assert.Equal(t, 2, strings.Count(page, "/img/dot.*.svg"), page)
	assert.Equal(t, 2, strings.Count(page, "/js/main.*.js"), page)
	assert.Contains(t, page, "href=/css/style.*.css")
	assert.Contains(t, page, "href=/robots.txt")
}

// The letters of such pages are not looked for to the end: none may be missing.
func TestFontOfPagesThatTakeTooMuchIsCopiedWhole(t *testing.T) {
	p := newProject(t, "static/fonts/f.ttf", goFont,
		"static/css/style.css", ".x div div div div div div div i { font-family: F } @font-face { font-family: F; src: url(/fonts/f.ttf) } p { font-family: F }",
		"templates/index.html", `<html><head><link rel="stylesheet" href="/css/style.css"></head><body><p>Hi</p>`+strings.Repeat("<div>", 400)+"<i>a</i>"+strings.Repeat("</div>", 400)+"</body></html>")
	warnings := p.mustBuild()
	require.Len(t, warnings, 1)
	assert.Regexp(t, `^static/fonts/f\.ttf: .*takes too much`, warnings[0])
	assert.Equal(t, goFont, p.read("fonts/f.*.ttf"))
}

func TestNameOfASheetChangesWithWhatItNames(t *testing.T) {
	p := newProject(t, "static/a.css", "@import '/b.css';", "static/b.css", "p{color:red}",
		"templates/index.html", `<!DOCTYPE html><link rel="stylesheet" href="/a.css">`)
	p.mustBuild()
	before := p.read("a.*.css")
	p.write("static/b.css", "p{color:blue}")
	p.mustBuild()
	assert.NotEqual(t, before, p.read("a.*.css"))
}

func TestFilesThatNameOneAnotherAreNamedTogether(t *testing.T) {
	p := newProject(t, "static/a.js", `import "./b.js"; a`, "static/b.js", `import "./a.js"; b`)
	p.mustBuild()
	assert.Regexp(t, `b\.[0-9acdeo]{12}\.js`, p.read("a.*.js"))
	assert.Regexp(t, `a\.[0-9acdeo]{12}\.js`, p.read("b.*.js"))
}

func TestPictureGetsVariantsBelowItsWidth(t *testing.T) {
	needTools(t, "cjxl")
	p := newProject(t,
		"static/photo.png", pngFile(700, 20),
		"static/still.gif", gifFile(1), "static/moving.gif", gifFile(3),
		"content/_index.md", "+++\ntitle = \"x\"\n+++\n![a photo](/photo.png)\n\n![](/moving.gif)\n\n[the file](/photo.png)\n",
	)
	assert.Empty(t, p.mustBuild())
	assert.ElementsMatch(t, []string{"404.html", "index.html", "moving.*.gif",
		"photo-320w.*.jxl", "photo-320w.*.webp", "photo-640w.*.jxl", "photo-640w.*.webp", "photo.*.jxl", "photo.*.webp",
		"still.*.jxl", "still.*.webp", "still.gif"}, p.output())
	page := hash.ReplaceAllString(p.read("index.html"), ".*.")
	assert.Contains(t, page, `<source srcset="/photo-320w.*.jxl 320w, /photo-640w.*.jxl 640w, /photo.*.jxl 700w" sizes="(max-width:700px) 100vw, 700px" type=image/jxl>`)
	assert.Contains(t, page, `<img src=/photo.*.webp alt="a photo" width=700 height=20 decoding=async style="background:url(data:image/png;base64,`)
	assert.Regexp(t, `<img src=/moving\.\*\.gif[^>]* width=8 height=8`, page)
}

// Its header tells its size, and the decoder whether it moves.
func TestMovingJPEGXLHasItsSizeInThePage(t *testing.T) {
	needTools(t, "cjxl", "djxl")
	moving, err := tool.Command{Program: tool.Program{Name: "cjxl"}, Args: []string{"/dev/stdin", "/dev/stdout"}, Input: []byte(gifFile(3))}.Run(t.Context())
	require.NoError(t, err)
	p := newProject(t, "static/moving.jxl", string(moving), "content/_index.md", "+++\ntitle = \"x\"\n+++\n![moves](/moving.jxl)\n")
	require.Len(t, p.mustBuild(), 1, "that it has no variants")
	assert.Regexp(t, `<img src=/moving\.[0-9a-eo]{12}\.jxl alt=moves width=8 height=8>`, p.read("index.html"))
}

func TestFontsAreCutToThePagesThatLoadTheirSheet(t *testing.T) {
	needTools(t, "hb-subset", "woff2_compress")
	face := `@font-face { font-family: F; src: url(f.ttf) format("truetype") } body { font-family: F }`
	p := newProject(t,
		"static/used.css", face, "static/f.ttf", goFont,
		// Nobody loads this sheet: it must not change what the pages show in F.
		"static/z-unused.css", "body { font-family: sans-serif }",
		"templates/index.html", `<!DOCTYPE html><html><head><link rel="stylesheet" href="/used.css"></head><body>abc</body></html>`,
	)
	p.mustBuild()
	small := p.read("f.*.woff2")
	assert.Less(t, len(small), 10_000)
	assert.Equal(t, "wOF2", small[:4])
	assert.Regexp(t, `url\(/f\.[0-9acdeo]{12}\.woff2\) ?format\("woff2"\)`, p.read("used.*.css"))
	p.write("content/_index.md", "+++\ntitle = \"x\"\n+++\n", "templates/index.html", `<!DOCTYPE html><html><head></head><body>abc</body></html>`)
	p.mustBuild()
	assert.Equal(t, goFont, p.read("f.*.ttf"), "a font that no page loads is copied")
	assert.Regexp(t, `url\(/f\.[0-9acdeo]{12}\.ttf\)`, p.read("used.css"))

	p.write("static/s.js", `new FontFace("F", "url(/f.ttf)")`, "templates/index.html", `<!DOCTYPE html><html><head><link rel="stylesheet" href="/used.css"></head><body>abc</body></html>`)
	p.mustBuild()
	assert.Equal(t, goFont, p.read("f.*.ttf"), "a script may show anything in a font that it loads")
}

func TestBuildGoesOnWithoutTheToolsItCanDoWithout(t *testing.T) {
	empty := t.TempDir()
	t.Setenv(tool.FolderVariable, empty)
	t.Setenv("PATH", empty)
	t.Chdir(empty) // no .tools above
	p := newProject(t, "static/photo.png", pngFile(20, 20), "static/f.ttf", goFont,
		"static/s.css", "@font-face{font-family:F;src:url(f.ttf)}body{font-family:F}",
		"templates/index.html", `<!DOCTYPE html><html><head><link rel="stylesheet" href="/s.css"></head><body>abc<img src="/photo.png" alt=""></body></html>`)
	warnings := strings.Join(p.mustBuild(), "\n")
	for _, want := range []string{"cjxl", "hb-subset", "pagefind", "make tools", "the site has no search", "fonts are copied whole", "image/jxl"} {
		assert.Contains(t, warnings, want)
	}
	assert.ElementsMatch(t, []string{"404.html", "index.html", "photo.*.webp", "f.*.ttf", "s.*.css"}, p.output())

	p.write("sass/main.scss", "body { color: red }")
	_, err := p.build(site.Options{})
	require.Error(t, err)
	assert.NotErrorAs(t, err, new(site.Errors))
	assert.ErrorContains(t, err, "make tools")
}

func TestSamplesFailTheBuildOrWarn(t *testing.T) {
	needTools(t, "cargo")
	sample := func(code string) string {
		return "+++\ntitle = \"x\"\n+++\n\n```rust\n" + code + "\n```\n\n```rust,noexec\nnot rust\n```\n"
	}
	p := newProject(t, "content/a.md", sample(`let x: i32 = "no";`))
	faults := p.faults(site.Options{})
	require.Len(t, faults, 1)
	assert.Contains(t, faults[0], "content/a.md:6:14: the code sample failed")
	assert.Contains(t, faults[0], "mismatched types")

	_, err := p.build(site.Options{NoCodeExec: true})
	require.NoError(t, err)

	p.write(".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ncode_execution { fail_on_error #false }\n")
	warnings := p.mustBuild()
	require.Len(t, warnings, 1)
	assert.Contains(t, warnings[0], "mismatched types")

	p.write("content/a.md", sample(`println!("fine");`))
	assert.Empty(t, p.mustBuild())
	assert.Contains(t, p.read("a/index.html"), "Verified: ")
}

func TestJobsChangeNoByte(t *testing.T) {
	files := []string{"static/a.png", pngFile(400, 9), "static/x.css", "p{color:red}", "static/y.js", "let y"}
	for _, name := range []string{"a", "b", "c", "d"} {
		files = append(files, "content/"+name+".md", "+++\ntitle = \""+name+"\"\n+++\n```go\nvar "+name+" int\n```\n![](/a.png)")
	}
	p := newProject(t, files...)
	snapshot := func(jobs int) map[string]string {
		_, err := p.build(site.Options{Jobs: jobs})
		require.NoError(t, err)
		all := map[string]string{}
		public := filepath.Join(p.folder, "public")
		require.NoError(t, filepath.Walk(public, func(path string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				data, err := os.ReadFile(path)
				all[strings.TrimPrefix(path, public)] = string(data)
				return err
			}
			return err
		}))
		return all
	}
	assert.Equal(t, snapshot(1), snapshot(16))
}

// Whenever a build is cancelled, it leaves the last output and nothing else.
func TestCancelledBuildLeavesTheLastOutput(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: some ten builds")
	}
	p := newProject(t, "static/a.png", pngFile(700, 300), "content/a.md", "+++\ntitle = \"A\"\n+++\nold\n")
	p.mustBuild()
	p.write("content/a.md", "+++\ntitle = \"A\"\n+++\nnew\n")
	for calls := 1; calls < 40; calls += 4 {
		ctx, cancel := context.WithCancel(t.Context())
		seen := 0
		_, err := p.buildIn(ctx, site.Options{Progress: func(site.Event) {
			if seen++; seen == calls {
				cancel()
			}
		}})
		cancel()
		if err == nil {
			break // it had ended by then
		}
		require.ErrorIs(t, err, context.Canceled)
		assert.Contains(t, p.read("a/index.html"), "old")
		entries, err := os.ReadDir(p.folder)
		require.NoError(t, err)
		for _, e := range entries {
			assert.NotContains(t, e.Name(), "ddc-")
		}
	}
}

func TestLinksAndDevicesOutsideTheProjectAreRefused(t *testing.T) {
	p := newProject(t, "static/a.txt", "x")
	static := filepath.Join(p.folder, "static")
	require.NoError(t, os.Symlink("/etc", filepath.Join(static, "outside")))
	require.NoError(t, os.Symlink(filepath.Join(static, "loop"), filepath.Join(static, "loop")))
	require.NoError(t, os.Symlink(filepath.Join(static, "a.txt"), filepath.Join(static, "b.txt")))
	faults := strings.Join(p.faults(site.Options{}), "\n")
	assert.Contains(t, faults, "static/outside: is a symbolic link that leads out of the project")
	assert.Contains(t, faults, "static/loop: is a symbolic link that leads to itself")
	assert.NotContains(t, faults, "b.txt", "a link that stays within is followed")
}

func TestCleanLeavesNothingOfABuild(t *testing.T) {
	p := newProject(t)
	p.mustBuild()
	p.write(".cache/code-execution/x", "y")
	cfg := p.config()
	removed, err := site.Clean(cfg, false)
	require.NoError(t, err)
	assert.Len(t, removed, 2)
	assert.NoDirExists(t, cfg.Output)
	removed, err = site.Clean(cfg, false)
	require.NoError(t, err)
	assert.Empty(t, removed)
}

func TestSassFilesBesideTheMainOneAreStyleSheetsOfTheirOwn(t *testing.T) {
	p := newProject(t, "sass/main.scss", "@use \"colours\"; @import 'deep/part';\na { color: colours.$ink }", "sass/colours.scss", "$ink: red;", "sass/deep/part.scss", "i { top: 0 }",
		"sass/theme.scss", "@use \"colours\";\nb { color: colours.$ink }", "sass/blog/print.scss", "@use \"../colours\";\nu { color: colours.$ink }", "sass/_partial.scss", "x {",
		"content/_index.md", fronted("title = \"H\"", "<link rel=stylesheet href=\"/theme.css\"><link rel=stylesheet href=\"/blog/print.css\">"))
	assert.Empty(t, p.mustBuild())
	assert.Equal(t, "b{color:red}", strings.TrimSpace(p.read("theme.*.css")))
	assert.Equal(t, "u{color:red}", strings.TrimSpace(p.read("blog/print.*.css")))
	assert.NotContains(t, strings.Join(p.output(), " "), "colours")
	assert.NotContains(t, strings.Join(p.output(), " "), "part")
	p.write("sass/theme.scss", "b {\n  @include nope;\n}\n")
	assert.Contains(t, p.faults(site.Options{})[0], "sass/theme.scss:2:3: ")
}

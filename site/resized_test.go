package site_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/image/webp"

	"ddc/internal/fixture"
	"ddc/site"
	"ddc/site/asset"
)

// striped is a PNG of three stripes, red, green and blue.
func striped(t *testing.T, width, height int) string {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	stripes := []color.NRGBA{{R: 255, A: 255}, {G: 255, A: 255}, {B: 255, A: 255}}
	for y := range height {
		for x := range width {
			m.SetNRGBA(x, y, stripes[x*3/width])
		}
	}
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, m))
	return file.String()
}

func TestResizedPictureHasTheSizeThatItsOperationSays(t *testing.T) {
	p := newProject(t, "static/flag.png", striped(t, 300, 100))
	for call, want := range map[string]string{
		`width=40, height=40`:                "40x40",
		`width=40, height=40, op="scale"`:    "40x40",
		`width=60, op="fit_width"`:           "60x20",
		`height=50, op="fit_height"`:         "150x50",
		`width=60, height=60, op="fit"`:      "60x20",
		`width=600, height=50, op="fit"`:     "150x50",
		`width=600, height=600, op="fit"`:    "300x100",
		`width=600, op="fit_width"`:          "600x200",
		`width=1, height=1`:                  "1x1",
		`width=90, height=1, op="fit"`:       "3x1",
		`width=9, height=9, format="webp"`:   "9x9",
		`width=300, height=100, op="fill"`:   "300x100",
		`width=300, height=100, op="scale" `: "300x100",
	} {
		p.write("templates/index.html", `{% set r = resize_image(path="flag.png", `+call+`) %}{{ r.width }}x{{ r.height }} {{ r.orig_width }}x{{ r.orig_height }} {{ r.static_path }} {{ r.url }}`)
		assert.Empty(t, p.mustBuild(), call)
		words := strings.Fields(p.read("index.html"))
		require.Len(t, words, 4)
		assert.Equal(t, want, words[0], call)
		assert.Equal(t, "300x100", words[1], call)
		assert.Equal(t, "/"+words[2], words[3])
		width, height := asset.Size([]byte(p.read(words[2])))
		assert.Equal(t, want, fmt.Sprintf("%dx%d", width, height), call)
	}
}

func TestFillCutsTheSidesOffAndScaleDoesNot(t *testing.T) {
	at := func(call string) (left, middle color.Color) {
		p := newProject(t, "static/flag.png", striped(t, 300, 100), "templates/index.html", `{{ resize_image(path="static/flag.png", width=10, height=10, `+call+`).static_path }}`)
		p.mustBuild()
		file := []byte(p.read(strings.TrimSpace(p.read("index.html"))))
		m, _, err := image.Decode(bytes.NewReader(file))
		if strings.Contains(call, "webp") {
			m, err = webp.Decode(bytes.NewReader(file))
		}
		require.NoError(t, err)
		return m.At(1, 5), m.At(5, 5)
	}
	near := func(want, got color.Color) {
		t.Helper()
		r, g, b, _ := want.RGBA()
		x, y, z, _ := got.RGBA()
		assert.InDeltaSlice(t, []int{int(r >> 8), int(g >> 8), int(b >> 8)}, []int{int(x >> 8), int(y >> 8), int(z >> 8)}, 30)
	}
	red, green := color.NRGBA{R: 255, A: 255}, color.NRGBA{G: 255, A: 255}
	for _, format := range []string{"png", "jpg", "webp"} {
		left, middle := at(`format="` + format + `", quality=95`)
		near(green, left)
		near(green, middle)
		left, _ = at(`op="scale", format="` + format + `", quality=95`)
		near(red, left)
	}
}

// A picture of JPEG XL is made of a PNG, and then smaller ones of that.
func TestPicturesOfJPEGXLAreResizedAndMade(t *testing.T) {
	needTools(t, "cjxl", "djxl")
	p := newProject(t, "static/flag.png", striped(t, 300, 100), "templates/index.html", `{{ resize_image(path="flag.png", width=150, op="fit_width", format="jxl", quality=95).static_path }}`)
	assert.Empty(t, p.mustBuild())
	name := strings.TrimSpace(p.read("index.html"))
	assert.Regexp(t, `^processed_images/flag\.[0-9a-eo]{12}\.jxl$`, name)
	p.write("static/flag.jxl", p.read(name))
	p.write("templates/index.html", `{% set m = get_image_metadata(path="flag.jxl") %}{{ m.width }}x{{ m.height }} {{ m.format }} {{ m.mime }}`+
		`{% for format in ["auto", "png", "webp", "jpg"] %}{% set r = resize_image(path="flag.jxl", width=10, height=10, format=format) %} {{ r.static_path }} {{ r.orig_width }}{% endfor %}`)
	assert.Empty(t, p.mustBuild())
	words := strings.Fields(p.read("index.html"))
	require.Len(t, words, 3+2*4)
	assert.Equal(t, []string{"150x50", "jxl", "image/jxl"}, words[:3])
	for i, format := range []string{".jxl", ".png", ".webp", ".jpg"} {
		made := words[3+2*i]
		assert.Equal(t, format, filepath.Ext(made))
		assert.Equal(t, "150", words[4+2*i])
		if format != ".png" {
			p.read(made)
			continue
		}
		m, err := png.Decode(strings.NewReader(p.read(made)))
		require.NoError(t, err)
		assert.Equal(t, image.Rect(0, 0, 10, 10), m.Bounds())
		r, g, b, _ := m.At(5, 5).RGBA()
		assert.InDeltaSlice(t, []int{0, 255, 0}, []int{int(r >> 8), int(g >> 8), int(b >> 8)}, 40, "the middle of the flag")
	}
}

var processed = regexp.MustCompile(`processed_images/[^"' )<>]+`)

func TestResizedPicturesOfPagesShortcodesAndTextsAreWritten(t *testing.T) {
	p := newProject(t,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nbase_url \"https://x.org/sub\"\nfeed #true\n",
		"content/trip/index.md", "+++\ntitle = \"T\"\ndate = 2024-05-01\n+++\n{{ thumb(src=\"hill.png\") }}\n", "content/trip/hill.png", striped(t, 90, 30),
		"static/photo.jpg", string(fixture.JPEG(t, fixture.Photograph(200, 100))),
		"templates/shortcodes/thumb.html", `<img alt src="{{ resize_image(path=page.colocated_path ~ src, width=30, op="fit_width").url }}">`,
		"templates/index.html", `{% set r = resize_image(path="photo.jpg", width=50, height=50, quality=60) %}<body><img alt src="{{ r.url }}" width="{{ r.width }}"><p style="background:url({{ r.url }})">`+
			`<meta property="og:image" content="{{ config.base_url }}{{ r.url }}">{% for q in section.pages %}{{ q.content | safe }}{% endfor %}`,
		"templates/atom.xml", `<feed><icon>{{ config.base_url }}{{ resize_image(path="photo.jpg", width=16, height=16).url }}</icon></feed>`,
	)
	assert.Empty(t, p.mustBuild())
	home := p.read("index.html")
	for _, want := range []string{`src=/sub/processed_images/photo.`, `url(/sub/processed_images/photo.`, `content=https://x.org/sub/processed_images/photo.`, `src=/sub/processed_images/hill.`} {
		assert.Contains(t, home, want)
	}
	for _, text := range []string{home, p.read("trip/index.html"), p.read("atom.xml")} {
		for _, name := range processed.FindAllString(text, -1) {
			p.read(name)
		}
	}
	files, err := os.ReadDir(filepath.Join(p.folder, "public/processed_images"))
	require.NoError(t, err)
	assert.Len(t, files, 3)
}

func TestPictureThatCannotBeResizedIsToldWithItsPlace(t *testing.T) {
	resize := func(path string) string { return `{{ resize_image(path="` + path + `", width=4, height=4).url }}` }
	files := []string{"data/a.svg", "<svg/>", "data/b.png", "\x89PNG\r\n\x1a\nxx", "data/c.txt", "text", "static/flag.png", striped(t, 9, 9)}
	for path, want := range map[string]string{
		"flog.png":        `templates/index.html:1:4: resize_image: there is no file "flog.png" (paths count from the project's folder, `,
		"../flag.png":     `templates/index.html:1:4: resize_image: "../flag.png" is not in the project (copy the file into static/)`,
		"data/a.svg":      `templates/index.html:1:4: resize_image: "data/a.svg" is a drawing, which is sharp at any size (write <img src="data/a.svg" width="4">)`,
		"data/b.png":      "data/b.png: cannot decode PNG: ",
		"data/c.txt":      "data/c.txt: not a PNG, JPEG or GIF file",
		"public/flag.png": `resize_image: "public/flag.png" is in the output`,
	} {
		assert.Contains(t, faultOf(t, resize(path), files...), want, path)
	}
	assert.Contains(t, faultOf(t, `<img src="/processed_images/nope.png">`+resize("flag.png")+"{{ fail() }}", files...), "unknown function")
}

func TestLinkToAPictureThatNobodyResizedIsDead(t *testing.T) {
	p := newProject(t, "static/flag.png", striped(t, 9, 9), "templates/index.html", `<body><img alt src="/processed_images/nope.png"><img alt src="{{ resize_image(path="flag.png", width=4, height=4).url }}">`)
	assert.Equal(t, []string{`templates/index.html:1:21: the link "/processed_images/nope.png" leads nowhere: the site has neither a page nor a file /processed_images/nope.png`}, p.mustBuild())
}

func TestPictureIsMeasuredAsItIsShown(t *testing.T) {
	measure := func(path string) string {
		return `{% set m = get_image_metadata(path="` + path + `") %}{{ m.width }}x{{ m.height }} {{ m.format }} {{ m.mime }}`
	}
	svg := func(attributes string) string {
		return `<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x"><svg xmlns="http://www.w3.org/2000/svg" ` + attributes + `><path d="M0 0h9"/></svg>`
	}
	for path, c := range map[string][2]string{
		"a.png": {striped(t, 30, 10), "30x10 png image/png"},
		"b.jpg": {string(fixture.JPEG(t, fixture.Photograph(20, 12))), "20x12 jpg image/jpeg"},
		"c.gif": {gifFile(1), "8x8 gif image/gif"},
		"d.svg": {svg(`width="40" height="1in"`), "40x96 svg image/svg+xml"},
		"e.svg": {svg(`viewBox="0 0 24 12"`), "24x12 svg image/svg+xml"},
		"f.svg": {svg(`width="100%" height="50" viewBox="0,0,24,12"`), "100x50 svg image/svg+xml"},
		"g.SVG": {svg(`width="3.6px" height="4"`), "4x4 svg image/svg+xml"},
	} {
		assert.Equal(t, c[1], shown(t, measure(path), "static/"+path, c[0]), path)
		assert.Equal(t, c[1], shown(t, measure("@/"+path), "content/"+path, c[0]), path)
	}
	assert.Equal(t, "none", shown(t, `{{ get_image_metadata(path="a.png", allow_missing=true) | typeof }}`))
	assert.Contains(t, faultOf(t, measure("a.png")), `templates/index.html:1:12: get_image_metadata: there is no file "a.png"`)
	assert.Contains(t, faultOf(t, measure("data/a.svg"), "data/a.svg", svg("")), "data/a.svg: does not say how large it is (give its svg element a width and a height, or a viewBox)")
	assert.Contains(t, faultOf(t, measure("data/a.svg"), "data/a.svg", "<html/>"), "data/a.svg: is no SVG: its first element is html")
	assert.Contains(t, faultOf(t, measure("data/a.webp"), "data/a.webp", "RIFF0000WEBPxxxx"), "data/a.webp: is no WebP")
}

func TestPictureIsResizedOnce(t *testing.T) {
	folder := t.TempDir()
	p := newProject(t, "static/flag.txt", striped(t, 90, 30), "templates/index.html", `{{ resize_image(path="flag.txt", width=30, height=30, format="webp").url }}`)
	first, calls, _ := p.remembering(folder, "1")
	assert.Equal(t, 2, calls["image"])
	assert.Equal(t, 1, calls["webp"])
	again, calls, counts := p.remembering(folder, "1")
	assert.Equal(t, first, again)
	if counts.Checked == 0 {
		assert.Zero(t, calls["image"]+calls["webp"])
	}
	p.write("templates/index.html", `{{ resize_image(path="flag.txt", width=30, height=30, format="webp", quality=76).url }}`)
	_, calls, _ = p.remembering(folder, "1")
	assert.Equal(t, 1, calls["webp"], "of another quality it is another")
}

// A picture that changes has another name, and those who show it follow; the
// old file is gone.
func TestSessionMakesResizedPicturesAnew(t *testing.T) {
	p := newProject(t, "static/flag.png", striped(t, 90, 30), "templates/index.html", `<body><img alt src="{{ resize_image(path="flag.png", width=30, op="fit_width").url }}">`)
	s := p.opened()
	name := func() string {
		file, err := s.File(t.Context(), "index.html")
		require.NoError(t, err)
		return processed.FindString(string(file.Data))
	}
	first := name()
	file, err := s.File(t.Context(), first)
	require.NoError(t, err)
	assert.True(t, file.Hashed)
	width, height := asset.Size(file.Data)
	assert.Equal(t, [2]int{30, 10}, [2]int{width, height})

	p.write("static/flag.png", striped(t, 90, 60))
	_, err = s.Refresh(t.Context())
	require.NoError(t, err)
	second := name()
	assert.NotEqual(t, first, second)
	_, err = s.File(t.Context(), first)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = s.File(t.Context(), second)
	assert.NoError(t, err)
	names, err := s.Names(t.Context())
	require.NoError(t, err)
	assert.Contains(t, names, second)
	assert.NotContains(t, names, first)
}

// A page had five thousand sizes made of one picture, which took minutes.
func TestSizesOfOnePictureAreBoundedForEachPage(t *testing.T) {
	p := newProject(t, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nmax_resized 3\n",
		"static/flag.png", striped(t, 30, 10), "static/other.png", striped(t, 9, 9),
		"content/a.md", "+++\ntitle = \"A\"\n+++\n{{ pair() }}\n\n{{ two(from=3) }}\n",
		"templates/shortcodes/pair.html", `{% for n in range(start=1, end=3) %}{{ resize_image(path="flag.png", width=n, height=n).url }}{% endfor %}`,
		"templates/shortcodes/two.html", `{% for n in range(start=from, end=from + 2) %}{{ resize_image(path="static/flag.png", width=n, height=n).url }}{% endfor %}`,
		"templates/index.html", `{% for n in range(start=1, end=4) %}{% for again in [1, 2] %}{{ resize_image(path="flag.png", width=n, height=n).url }}{{ resize_image(path="other.png", width=n, height=n).url }}{% endfor %}{% endfor %}`)
	faults := p.faults(site.Options{})
	require.Len(t, faults, 1)
	assert.Contains(t, faults[0], `templates/shortcodes/two.html:1:50: resize_image: this page has more than 3 sizes and formats made of "static/flag.png" (ask for fewer, or allow more with max_resized in .config/dodeca.kdl)`)

	p.write(".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nmax_resized 4\n")
	assert.Empty(t, p.mustBuild())
}

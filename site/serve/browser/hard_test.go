package browser_test

import (
	"bytes"
	"embed"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/hard
var hard embed.FS

// hardPages are pages as people write them, below a folder of the content: with
// what is long, wide, deep, empty, or written in other directions.
func hardPages(t *testing.T, folder string) (files []string) {
	t.Helper()
	pages, err := fs.Sub(hard, "testdata/hard")
	require.NoError(t, err)
	require.NoError(t, fs.WalkDir(pages, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(pages, name)
		files = append(files, "content/"+folder+"/"+name, string(text))
		return err
	}))
	var wide, tall, small bytes.Buffer
	require.NoError(t, jpeg.Encode(&wide, slope(1600, 300), nil))
	require.NoError(t, jpeg.Encode(&tall, slope(300, 900), nil))
	require.NoError(t, png.Encode(&small, slope(24, 24)))
	files = append(files,
		"content/"+folder+"/everything/wide.jpg", wide.String(),
		"content/"+folder+"/everything/tall.jpg", tall.String(),
		"content/"+folder+"/everything/small.png", small.String(),
		"content/"+folder+"/everything/drawing.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="120"><rect width="900" height="120" rx="8" fill="teal"/></svg>`,
		"content/about.md", "+++\ntitle = \"About\"\n+++\n\nA page beside the sections.\n",
		"content/"+folder+"/deep/_index.md", "+++\ntitle = \"A section in a section\"\ninsert_anchor_links = \"right\"\n+++\n",
		"content/"+folder+"/deep/one.md", "+++\ntitle = \"A page in it\"\n+++\n\n## With a heading\n\nText.\n",
		"content/"+folder+"/deep/deeper/_index.md", "+++\ntitle = \"And a third one\"\n+++\n",
		"content/"+folder+"/deep/deeper/two.md", "+++\ntitle = \"A page at the bottom\"\n+++\n\nText.\n",
	)
	for i := range 25 {
		files = append(files, fmt.Sprintf("content/%s/entry-%02d.md", folder, i),
			fmt.Sprintf("+++\ntitle = \"Entry %d of many\"\ndate = 2025-03-%02d\ntags = [\"many\"]\n+++\n\nIts first words.\n\n<!-- more -->\n\nAnd the others.\n", i, i+1))
	}
	return files
}

// slope is a picture of these sides.
func slope(width, height int) image.Image {
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			picture.Set(x, y, color.NRGBA{uint8(255 * x / width), uint8(255 * y / height), 160, 255})
		}
	}
	return picture
}

var hardThemes = map[string]struct {
	folder string
	pages  []string
}{
	"docs":    {"guide", []string{"/guide/deep/deeper/two/"}},
	"blog":    {"posts", []string{"/posts/page/2/", "/tags/", "/tags/many/"}},
	"minimal": {"guide", nil},
}

var tags = regexp.MustCompile(`(?m)^tags = .*\n`)

// TestThemesHoldWhatPeopleWrite looks at pages that are no example's.
func TestThemesHoldWhatPeopleWrite(t *testing.T) {
	for theme, of := range hardThemes {
		t.Run(theme, func(t *testing.T) {
			files := hardPages(t, of.folder)
			if theme != "blog" { // only that has tags
				for i := range files {
					files[i] = tags.ReplaceAllString(files[i], "")
				}
			}
			b := themed(t, theme, files...)
			t.Run("no dead link", func(t *testing.T) { b.in(t).crawlAll() })
			t.Run("no page without a way to it", func(t *testing.T) {
				seen := b.in(t).crawl(below + "/")
				for _, page := range []string{"/about/", "/" + of.folder + "/everything/", "/" + of.folder + "/entry-00/", "/" + of.folder + "/deep/deeper/two/"} {
					assert.NotNil(t, seen[below+page], page)
				}
			})
			t.Run("valid", func(t *testing.T) { b.in(t).validate() })
			s := &site{t: t, url: b.url + below, said: func() string { return "" }}
			s.browse()
			pages := append([]string{"/", "/" + of.folder + "/", "/about/"}, of.pages...)
			for _, page := range []string{"everything", "arabic", "japanese", "untitled-page", "empty"} {
				pages = append(pages, path.Join("/", of.folder, page)+"/")
			}
			for _, seen := range []screen{{width: 320, scheme: "dark"}, {width: 640, scheme: "light"}, {width: 1280, scheme: "light"}} {
				if testing.Short() && seen.width != 320 {
					continue
				}
				for _, page := range pages {
					t.Run(fmt.Sprintf("%s %v", page, seen), func(t *testing.T) { s.in(t).look("hard-"+theme, page, seen) })
				}
			}
			for _, kind := range []string{"print", "forced", "silent"} {
				seen := screen{width: 390, scheme: "light", kind: kind}
				if kind == "print" {
					seen.width = 700 // as wide as A4
				}
				t.Run(kind, func(t *testing.T) { s.in(t).look("hard-"+theme, "/"+of.folder+"/everything/", seen) })
			}
		})
	}
}

// TestThemesRunFromRightToLeft looks at themes in a language that does.
func TestThemesRunFromRightToLeft(t *testing.T) {
	arabic, err := hard.ReadFile("testdata/hard/arabic.md")
	require.NoError(t, err)
	for theme, of := range hardThemes {
		t.Run(theme, func(t *testing.T) {
			config := ".config/dodeca.kdl"
			folder := filepath.Join(t.TempDir(), "site")
			ddc(t, "init", folder, "--theme", theme)
			text, err := os.ReadFile(filepath.Join(folder, config))
			require.NoError(t, err)
			text = bytes.Replace(text, []byte(`language "en"`), []byte(`language "ar"`), 1)
			b := themed(t, theme, config, string(text), "content/"+of.folder+"/arabic.md", string(arabic))
			s := &site{t: t, url: b.url + below, said: func() string { return "" }}
			s.browse()
			for _, seen := range []screen{{width: 390, scheme: "light"}, {width: 1280, scheme: "dark"}} {
				for _, page := range []string{"/", "/" + of.folder + "/arabic/"} {
					t.Run(fmt.Sprintf("%s %v", page, seen), func(t *testing.T) {
						s.in(t).look("rtl-"+theme, page, seen)
						v := s.in(t).view(page, seen)
						defer v.close()
						brand, search := `document.querySelector(".brand").getBoundingClientRect()`, `document.querySelector(".search").getBoundingClientRect()`
						assert.True(t, eval[bool](v.tab, brand+".right > "+search+".left && "+brand+".right > innerWidth / 2"), "the site's name is at the right")
					})
				}
			}
		})
	}
}

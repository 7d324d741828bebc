package site

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/site/asset"
)

func TestPathIsFoundHoweverATextSpellsIt(t *testing.T) {
	wanted := []string{"img/a.png", "img/ü.png", "img/a b.png", "img/100%.png", "img/it's.png", "img/a_b.png"}
	var paths []string
	for _, name := range wanted {
		paths = append(paths, asset.Names(name)...)
	}
	var others []string
	for i := range 2000 {
		others = append(others, fmt.Sprintf("/other/%d.png", i))
	}
	m := newMentions(append(paths, others...))
	for text, want := range map[string]string{
		"url(/img/a.png)": "/img/a.png", "url(../img/a.png?v=1#x)": "/img/a.png", "see /img/a.png.": "/img/a.png", `"./a.png"`: "/img/a.png",
		`url("\2f img/\61.png")`: "/img/a.png", `"\x2fimg\u002fa.png"`: "/img/a.png", `"\u{2f}img/\u{61}.png"`: "/img/a.png",
		`"a.\` + "\n" + `png"`: "/img/a.png", "(@/img/%61.png)": "/img/a.png", "(img&#47;a&#46;png)": "/img/a.png", `[x](a\_b.png)`: "/img/a_b.png",
		"img/ü.png": "/img/ü.png", "img/%C3%BC.png": "/img/%C3%BC.png", `\fc .png`: "/img/ü.png", "x%2Fimg%2Fa.png": "/img/a.png",
		"<img srcset='a.png 1x,b.png 2x'>": "/img/a.png",
	} {
		assert.Contains(t, m.in(text), want, text)
	}
	nothing := m.in("img/b.png a.png2 xa.png 5.pngs")
	assert.ElementsMatch(t, []string{"/img/a b.png", "/img/a%20b.png", "/img/100%.png", "/img/100%25.png", "/img/it's.png", "/img/it%27s.png"}, nothing,
		"those that may be spelt in any way are always there")
	assert.Contains(t, m.in("url(/other/7.png)"), "/other/7.png")
	assert.Empty(t, newMentions([]string{"/img/a.png"}).in("nothing"), "also where there are few")
}

// The paths sent for each text are bounded by what it says, not by the site.
func TestPathsThatATextNamesDoNotGrowWithTheSite(t *testing.T) {
	for _, n := range []int{1000, 2000} {
		var paths []string
		for i := range n {
			paths = append(paths, fmt.Sprintf("/css/%d.css", i))
		}
		assert.Equal(t, []string{"/css/7.css"}, newMentions(paths).in(`@import "7.css"; a{b:url(/gone.css)}`))
	}
}

package browser_test

import (
	"bytes"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestDocumentationOfTheOriginalLooksRight opens each page of a site that was
// not written for ddc: nothing is missing, the console is empty, and its search
// finds. What it looks like is for a person to see in out/shots; its colours,
// and tables wider than a phone, are its authors'.
func TestDocumentationOfTheOriginalLooksRight(t *testing.T) {
	if os.Getenv("DDC_SITES") == "" {
		t.Skip("left out: DDC_SITES names a folder that has it")
	}
	source := filepath.Join(os.Getenv("DDC_SITES"), "dodeca-docs")
	b := &built{t: t, public: filepath.Join(t.TempDir(), "public")}
	out, err := exec.CommandContext(t.Context(), program, "build", source, "-o", b.public, "--base-url", published+below, "--no-code-exec", "--no-cache").CombinedOutput()
	require.NoError(t, err, "%s", out)
	b.publish()
	s := &site{t: t, url: b.url + below, said: func() string { return "" }}
	s.browse()
	sitemap, err := os.ReadFile(filepath.Join(b.public, "sitemap.xml"))
	require.NoError(t, err)
	pages := regexp.MustCompile(`<loc>([^<]*)</loc>`).FindAllStringSubmatch(string(sitemap), -1)
	require.Greater(t, len(pages), 20)
	for _, m := range pages {
		page := strings.TrimPrefix(m[1], published+below)
		t.Run(page, func(t *testing.T) {
			s := s.in(t)
			v := s.view(page, screen{width: 390, scheme: "dark"})
			defer v.close()
			v.loadPictures()
			v.until("the search box to be there", `!!document.querySelector("#search input")`)
			v.run(chromedp.Focus("#search input"), chromedp.KeyEvent("incremental"))
			v.until("the search to find something", `!!document.querySelector(".pagefind-ui__result-link[href^='`+below+`/']")`)
			v.loadedAll()
			s.shoot(v, "original"+strings.ReplaceAll(page, "/", "-"), screen{width: 390, scheme: "dark"})
		})
	}
}

// TestBlogWithEverythingLooksRight opens the blog that has all that the guide
// tells of: feeds, terms, pages of lists, aliases, bundles, shortcodes.
func TestBlogWithEverythingLooksRight(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "blog")
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join(repository(t), "cmd", "ddc", "testdata", "blog"))))
	var hill bytes.Buffer
	require.NoError(t, jpeg.Encode(&hill, slope(60, 40), nil))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "content", "posts", "trip", "hill.jpg"), hill.Bytes(), 0o666))
	b := build(t, folder)
	s := &site{t: t, url: b.url + below, said: func() string { return "" }}
	s.browse()
	for address := range b.crawl(below + "/") {
		page, own := strings.CutPrefix(address, below)
		if !own || !strings.HasSuffix(page, "/") || page == "/old/" { // that leads on
			continue
		}
		t.Run(page, func(t *testing.T) {
			s := s.in(t)
			v := s.view(page, screen{width: 390, scheme: "light"})
			defer v.close()
			v.loadPictures()
			v.noTrouble()
			s.shoot(v, "everything"+strings.ReplaceAll(page, "/", "-"), screen{width: 390, scheme: "light"})
		})
	}
}

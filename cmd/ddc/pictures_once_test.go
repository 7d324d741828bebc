package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withPictures is a site with ten pictures, each another, on one page.
func withPictures(t *testing.T) string {
	t.Helper()
	site := smallSite(t)
	page := "+++\ntitle = \"Pictures\"\n+++\n"
	for i := range 10 {
		picture := image.NewRGBA(image.Rect(0, 0, 40, 30))
		for at := range 40 * 30 {
			picture.Set(at%40, at/40, color.RGBA{uint8(10 * i), uint8(at), 9, 255})
		}
		var encoded bytes.Buffer
		require.NoError(t, png.Encode(&encoded, picture))
		write(t, site, fmt.Sprintf("static/p%d.png", i), encoded.String())
		page += fmt.Sprintf("![one](/p%d.png)\n", i)
	}
	write(t, site, "content/pictures.md", page)
	return site
}

// encoded is how many calls a build made of the plugins that work on pictures,
// and how many remembered answers it had made again to compare.
func encoded(t *testing.T, args ...string) (calls, compared int) {
	t.Helper()
	r, _ := built(t, args...)
	for _, p := range r.Plugins {
		if p.Name == "image" || p.Name == "webp" || p.Name == "jxl" {
			calls += int(p.Calls)
		}
	}
	if r.Answers != nil {
		compared = r.Answers.Checked
	}
	return calls, compared
}

// A picture is encoded once, whatever else changes. Those do not count that are
// made again to compare, one in 32, which the report counts.
func TestTenPicturesAreEncodedOnce(t *testing.T) {
	inOtherProcesses(t)
	remembering(t)
	site := withPictures(t)
	cold, _ := encoded(t, site)
	require.GreaterOrEqual(t, cold, 4*10, "each is decoded, encoded twice, and has a placeholder")
	once := func(when string) {
		t.Helper()
		calls, compared := encoded(t, site)
		assert.LessOrEqual(t, calls, cold/10*compared, when)
	}
	once("nothing has changed")
	write(t, site, "content/_index.md", "+++\ntitle = \"Home\"\n+++\nedited\n")
	once("another page was edited")
	write(t, site, "content/pictures.md", "+++\ntitle = \"Pictures\"\n+++\n![one](/p3.png) ![two](/p4.png)\n")
	once("their page was edited")
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n")
	once("the settings are others, and so nothing is known of pages")
	calls, _ := encoded(t, site, "--no-cache")
	assert.Equal(t, cold, calls)
	once("a build between had no cache")
	require.NoError(t, os.RemoveAll(filepath.Join(site, "public")))
	once("the output is gone")

	s, first := beginServing(t, site)
	assert.Less(t, first.Calls, cold)
	status, page := s.get("/pictures/")
	assert.Equal(t, 200, status)
	assert.Contains(t, page, "/p3.")
	s.save("content/_index.md", "+++\ntitle = \"Home\"\n+++\nedited again\n")
	var change struct {
		Files []string
		Calls int
	}
	for len(change.Files) == 0 {
		require.NoError(t, json.Unmarshal([]byte(s.line("the change")), &change))
	}
	assert.Less(t, change.Calls, cold)
	assert.Zero(t, s.stop(), s.stderr.String())
	once("it was served")
}

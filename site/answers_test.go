package site_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/query/store"
	"ddc/site"
)

// remembering builds with what is kept in a folder, and gives the output and
// how many calls each plugin had.
func (p *project) remembering(folder, version string) (output []string, calls map[string]int, counts site.AnswerCounts) {
	p.t.Helper()
	kept, err := store.Open(p.t.Context(), folder, store.Options{Version: "1"})
	require.NoError(p.t, err)
	answers := site.NewAnswers(kept, kept.Build(), func(string) (string, bool) { return version, version != "" })
	calls = map[string]int{}
	_, err = p.build(site.Options{Answers: answers, Progress: func(e site.Event) {
		if !e.Done {
			calls[e.Plugin]++
		}
	}})
	require.NoError(p.t, err)
	require.NoError(p.t, kept.Close(context.WithoutCancel(p.t.Context())))
	assert.Empty(p.t, answers.Differences())
	return p.output(), calls, answers.Counts()
}

func TestPicturesAreEncodedOnce(t *testing.T) {
	needTools(t, "cjxl")
	folder := t.TempDir()
	p := newProject(t, "static/a.png", pngFile(400, 30), "static/b.png", pngFile(20, 20), "sass/main.scss", "a { b { color: red } }",
		"content/_index.md", "+++\ntitle = \"Home\"\n+++\n![a](/a.png) ![b](/b.png)\n")
	first, calls, counts := p.remembering(folder, "1")
	assert.NotZero(t, calls["jxl"])
	assert.NotZero(t, calls["sass"])
	assert.Zero(t, counts.Remembered)

	again, calls, counts := p.remembering(folder, "1")
	assert.Equal(t, first, again)
	assert.Equal(t, counts.Asked, counts.Remembered)
	if counts.Checked == 0 {
		assert.Zero(t, calls["jxl"]+calls["webp"]+calls["image"]+calls["sass"])
	}
	assert.NotZero(t, calls["markdown"], "what costs as much as looking it up is made again")

	p.write("static/b.png", pngFile(21, 20))
	_, calls, counts = p.remembering(folder, "1")
	assert.NotZero(t, calls["jxl"])
	assert.Less(t, counts.Remembered, counts.Asked)

	_, _, counts = p.remembering(folder, "2")
	assert.Zero(t, counts.Remembered, "another version answers for itself")
	_, _, counts = p.remembering(folder, "")
	assert.Zero(t, counts.Asked, "of no version nothing is kept")
}

// A picture that lacks a variant is made anew: what it lacked may be there
// then.
func TestPictureThatLacksAVariantIsNotRemembered(t *testing.T) {
	t.Setenv("DDC_TOOLS", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	p := newProject(t, "static/a.png", pngFile(40, 30), "content/_index.md", "+++\ntitle = \"Home\"\n+++\n![a](/a.png)\n")
	folder := t.TempDir()
	for range 2 {
		_, calls, counts := p.remembering(folder, "1")
		if counts.Remembered > 0 {
			t.Skip("the encoder is beside the test")
		}
		assert.NotZero(t, calls["image"])
	}
}

package site_test

import (
	"errors"
	"io/fs"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site"
)

var sheetOf = regexp.MustCompile(`href=/(s[^ >]*css)`)

// A page that is at fault has no say in whether others can be looked at, with
// all that they load.
func TestPageIsThereWhileAnotherIsAtFault(t *testing.T) {
	p := lively(t)
	s := p.opened()
	edited := func(c change) {
		p.change(c)
		_, err := s.Refresh(t.Context(), p.pathsOf(c)...)
		require.NoError(t, err)
	}
	text := func(name string) string {
		f, err := s.File(t.Context(), name)
		require.NoError(t, err, name)
		return string(f.Data)
	}
	before := sheetOf.FindStringSubmatch(text("guide/one/index.html"))[1]
	edited(change{"content/blog/b.md": titledAs("B") + "[x](@/no.md)", "content/guide/one.md": titledAs("One") + "another"})
	var faults site.Errors
	_, err := s.File(t.Context(), "blog/b/index.html")
	require.ErrorAs(t, err, &faults)
	assert.Equal(t, "content/blog/b.md", faults[0].File)
	assert.Contains(t, text("guide/one/index.html"), "another")
	assert.Equal(t, before, sheetOf.FindStringSubmatch(text("guide/one/index.html"))[1])
	assert.Contains(t, text(before), "font-family")
	_, err = s.File(t.Context(), "no/index.html")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = s.Build(t.Context())
	require.ErrorAs(t, err, &faults, "a build has no such site")
	checked, err := s.Check(t.Context())
	require.NoError(t, err)
	assert.Len(t, checked.Faults, 1, "told once, of its own page")

	edited(change{"static/s.css": "body{margin:7px}", "content/blog/c.md": titledAs("C") + "new"})
	now := sheetOf.FindStringSubmatch(text("blog/c/index.html"))[1]
	assert.NotEqual(t, before, now)
	assert.Contains(t, text(now), "7px")

	edited(change{"content/blog/c.md": gone})
	_, err = s.File(t.Context(), "blog/c/index.html")
	assert.ErrorIs(t, err, fs.ErrNotExist, "it is gone, whoever is at fault")

	edited(change{"static/s.css": "body{"})
	if _, err = s.File(t.Context(), "guide/one/index.html"); assert.ErrorAs(t, err, &faults) {
		assert.Equal(t, "static/s.css", faults[0].File, "what all pages load is at fault for all")
	}
	edited(change{"content/blog/b.md": titledAs("B") + "## Part\n", "static/s.css": "body{margin:8px}"})
	result, err := s.Build(t.Context())
	require.NoError(t, err)
	assert.Empty(t, differingFiles(t, s, outcomeOf(t, p.config().Output, result, nil)))
}

// Where no build was ever good, files have their own names.
func TestPageIsThereThoughTheSiteWasNeverGood(t *testing.T) {
	p := lively(t)
	p.change(change{"content/blog/b.md": titledAs("B") + "[x](@/no.md)"})
	s, err := site.Open(t.Context(), p.config(), connect(t), site.Options{Now: moment, NoCodeExec: true})
	require.NoError(t, err)
	defer s.Close()
	f, err := s.File(t.Context(), "guide/one/index.html")
	require.NoError(t, err)
	sheet := sheetOf.FindStringSubmatch(string(f.Data))[1]
	f, err = s.File(t.Context(), sheet)
	require.NoError(t, err)
	assert.Contains(t, string(f.Data), "font-family")
	_, err = s.File(t.Context(), "blog/b/index.html")
	assert.True(t, errors.As(err, new(site.Errors)))
}

package site

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/content"
)

// A file may change between a scan and its reading, and again before another
// part of it is asked for. The next scan says so, though its contents are then
// as they were last read.
func TestAFileThatWasReadWithTwoContentsHasChanged(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.md")
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o644))
	project, err := content.Open(folder)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, project.Close()) })
	s := &sourcePhase{build: &build{project: project}}
	before, err := project.Find("a.md")
	require.NoError(t, err)
	s.noteRead("a.md", []byte("one"))
	assert.True(t, s.unchanged(t.Context(), "a.md", before, before))

	require.NoError(t, os.WriteFile(path, []byte("other"), 0o644))
	after, err := project.Find("a.md")
	require.NoError(t, err)
	assert.False(t, s.unchanged(t.Context(), "a.md", before, after))
	s.noteRead("a.md", []byte("other"))
	assert.False(t, s.unchanged(t.Context(), "a.md", before, after), "somebody may still have what was read first")
	sum, err := s.lookDigest(t.Context(), "a.md")
	require.NoError(t, err)
	want, err := s.sum(t.Context(), after)
	require.NoError(t, err)
	assert.Equal(t, want, sum)
	assert.False(t, s.unchanged(t.Context(), "a.md", before, after), "to digest it settles nothing")
	_, _, enough := s.refreshOnly(t.Context(), nil)
	assert.False(t, enough, "a look at what is named would not find it")
}

package output

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who has made all files knows them without a look at the folder.
func TestFilesThatWereMadeAreThoseThatAreThere(t *testing.T) {
	final := filepath.Join(t.TempDir(), "public")
	first := stage(t, final)
	put(t, first, "a/b.html", "one")
	put(t, first, "c.html", "two")
	_, ok := first.Fresh(2)
	assert.False(t, ok, "they are not in place")
	require.NoError(t, first.Commit(t.Context()))
	there, _, err := first.Last()
	require.NoError(t, err)
	files, ok := first.Fresh(2)
	assert.True(t, ok)
	assert.Equal(t, there, files)

	second := stage(t, final)
	put(t, second, "c.html", "three")
	require.NoError(t, second.Claim("a/b.html", "b"))
	linked, err := second.Link("a/b.html", there["a/b.html"])
	require.NoError(t, err)
	require.True(t, linked)
	require.NoError(t, second.Commit(t.Context()))
	_, ok = second.Fresh(2)
	assert.False(t, ok, "a link has another time of change")
}

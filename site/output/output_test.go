package output

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func stage(t *testing.T, final string) *Stage {
	t.Helper()
	s, err := Begin(final, nil)
	require.NoError(t, err)
	t.Cleanup(s.Abort)
	return s
}

func put(t *testing.T, s *Stage, name, text string) {
	t.Helper()
	require.NoError(t, s.Claim(name, name))
	require.NoError(t, s.Write(t.Context(), name, []byte(text)))
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestOutputIsThereWholeOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	final := filepath.Join(folder, "public")
	first := stage(t, final)
	put(t, first, "a/b.html", "one")
	assert.NoDirExists(t, final)
	require.NoError(t, first.Commit(t.Context()))
	files, bytes := first.Written()
	assert.Equal(t, []int64{1, 3}, []int64{int64(files), bytes})
	assert.Equal(t, []string{"public"}, names(t, folder))

	second := stage(t, final)
	put(t, second, "c.html", "two")
	old, err := second.Previous("a/b.html", 100)
	require.NoError(t, err)
	assert.Equal(t, "one", string(old))
	second.Abort()
	assert.Equal(t, []string{"public"}, names(t, folder))
	assert.FileExists(t, filepath.Join(final, "a", "b.html"))

	third := stage(t, final)
	put(t, third, "c.html", "three")
	require.NoError(t, third.Commit(t.Context()))
	assert.Equal(t, []string{".ddc", "c.html"}, names(t, final))
	assert.Equal(t, []string{"public"}, names(t, folder))
}

func TestAbortRemovesTheFoldersItMade(t *testing.T) {
	folder := t.TempDir()
	s := stage(t, filepath.Join(folder, "deep", "er", "public"))
	put(t, s, "x", "y")
	s.Abort()
	assert.Empty(t, names(t, folder))
}

func TestFolderThatNobodyHereMadeIsRefused(t *testing.T) {
	folder := t.TempDir()
	precious := filepath.Join(folder, "precious")
	require.NoError(t, os.WriteFile(precious, nil, 0o600))
	_, err := Begin(folder, nil)
	assert.ErrorIs(t, err, ErrForeign)
	_, err = Remove(folder)
	assert.ErrorIs(t, err, ErrForeign)
	assert.FileExists(t, precious)
	there, err := Remove(filepath.Join(folder, "gone"))
	assert.NoError(t, err)
	assert.False(t, there)
}

func TestFolderFilledMeanwhileIsNotReplaced(t *testing.T) {
	final := filepath.Join(t.TempDir(), "public")
	s := stage(t, final)
	put(t, s, "x", "y")
	require.NoError(t, os.Mkdir(final, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(final, "precious"), nil, 0o600))
	assert.ErrorIs(t, s.Commit(t.Context()), ErrForeign)
	assert.FileExists(t, filepath.Join(final, "precious"))
}

func TestWhatAKilledBuildLeftIsSweptAndARunningOneIsNot(t *testing.T) {
	folder := t.TempDir()
	final := filepath.Join(folder, "public")
	require.NoError(t, os.Mkdir(filepath.Join(folder, prefix(final)+"dead"), 0o777))
	running := stage(t, final)
	put(t, running, "x", "first")
	other := stage(t, final)
	assert.Len(t, names(t, folder), 2, "the dead one is gone, those of both builds are there")
	put(t, other, "x", "second")
	require.NoError(t, running.Commit(t.Context()))
	require.NoError(t, other.Commit(t.Context()))
	assert.Equal(t, []string{"public"}, names(t, folder))
}

func TestTwoSourcesForOnePathAreAClash(t *testing.T) {
	s := stage(t, filepath.Join(t.TempDir(), "public"))
	require.NoError(t, s.Claim("a/b", "first"))
	var clash *Clash
	require.ErrorAs(t, s.Claim("a/b", "second"), &clash)
	assert.Equal(t, Clash{"a/b", "first", "second"}, *clash)
	assert.ErrorAs(t, s.Claim("a/b/c", "third"), &clash, "a file where a folder is needed")
	assert.ErrorAs(t, s.Claim("a", "fourth"), &clash, "a folder where a file is wanted")
	assert.NoError(t, s.Claim("a/d", "fifth"))
}

func TestPathThatNoFileSystemTakesCannotBeClaimed(t *testing.T) {
	s := stage(t, filepath.Join(t.TempDir(), "public"))
	var unwritable *Unwritable
	for _, name := range []string{strings.Repeat("x", 256), "a/" + strings.Repeat("x", 256) + "/b", strings.Repeat("abc/", 300) + "d", "a\x00b"} {
		require.ErrorAs(t, s.Claim(name, "first"), &unwritable)
		assert.Equal(t, "first", unwritable.Source)
	}
	put(t, s, strings.Repeat("x", 255), "text")
}

func TestNothingIsWrittenOutside(t *testing.T) {
	folder := t.TempDir()
	s := stage(t, filepath.Join(folder, "public"))
	assert.Error(t, s.Write(t.Context(), "../escaped", nil))
	assert.Error(t, s.Write(t.Context(), "/etc/escaped", nil))
	s.Abort()
	assert.Empty(t, names(t, folder))
}

func TestManyGoroutinesWriteAtOnce(t *testing.T) {
	final := filepath.Join(t.TempDir(), "public")
	s := stage(t, final)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			name := strings.Repeat("d/", i%5) + string(rune('a'+i%26)) + strings.Repeat("x", i)
			assert.NoError(t, s.Claim(name, name))
			assert.NoError(t, s.Copy(t.Context(), name, strings.NewReader("text")))
		})
	}
	all.Wait()
	require.NoError(t, s.Commit(t.Context()))
	files, bytes := s.Written()
	assert.Equal(t, 50, files)
	assert.Equal(t, int64(200), bytes)
}

func TestOneFileIsReplacedInOneStepOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	final := filepath.Join(folder, "public")
	first := stage(t, final)
	put(t, first, "a/b.html", "one")
	put(t, first, "c.html", "two")
	require.NoError(t, first.Commit(t.Context()))

	second := stage(t, final)
	put(t, second, "a/b.html", "three")
	now, replaced, err := second.Replace("a/b.html")
	require.NoError(t, err)
	assert.True(t, replaced)
	last, odd, err := second.Last()
	require.NoError(t, err)
	assert.False(t, odd)
	assert.Equal(t, last["a/b.html"], now)
	second.Abort()
	text, err := os.ReadFile(filepath.Join(final, "a", "b.html"))
	require.NoError(t, err)
	assert.Equal(t, "three", string(text))
	assert.Equal(t, []string{"public"}, names(t, folder))

	third := stage(t, final)
	put(t, third, "a/b.html", "four")
	require.NoError(t, os.RemoveAll(filepath.Join(final, "a"))) // meanwhile
	_, replaced, err = third.Replace("a/b.html")
	require.NoError(t, err)
	assert.False(t, replaced)
	require.NoError(t, third.Commit(t.Context()), "the stage is as it was")
	assert.FileExists(t, filepath.Join(final, "a", "b.html"))

	fourth := stage(t, final)
	put(t, fourth, "a/b.html", "five")
	require.NoError(t, os.Rename(final, final+"-away"))
	require.NoError(t, os.Mkdir(final, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(final, "precious"), nil, 0o600))
	_, _, err = fourth.Replace("a/b.html")
	assert.ErrorIs(t, err, ErrForeign)
}

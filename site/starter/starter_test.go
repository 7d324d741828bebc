package starter

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFolderThatHoldsSomethingIsLeftAlone(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "mine"), nil, 0o600))
	assert.ErrorIs(t, Write(folder, Docs), ErrNotEmpty)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

// os.CopyFS joins "" and a file's name to a path from the root.
func TestFolderWithoutANameIsNotTheRootOfAllFiles(t *testing.T) {
	require.NoFileExists(t, "/content/_index.md")
	assert.ErrorIs(t, Write("", Docs), ErrNoName)
	assert.NoFileExists(t, "/content/_index.md")
}

func TestNewFolderGetsTheWholeSiteOfEachTheme(t *testing.T) {
	require.Equal(t, []string{"blog", "docs", "minimal"}, Themes())
	for _, theme := range Themes() {
		folder := filepath.Join(t.TempDir(), "new", "site")
		require.NoError(t, Write(folder, theme))
		for _, file := range []string{".config/dodeca.kdl", "content/_index.md", "templates/base.html", "templates/search.html", "templates/404.html", "sass/main.scss", "static/favicon.svg", "static/search.js", "static/scroll.js", "static/theme.js"} {
			assert.FileExists(t, filepath.Join(folder, file), theme)
		}
	}
}

func TestThemeThatNobodyKnowsMakesNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	assert.EqualError(t, Write(folder, "blogs"), `no such theme: "blogs"; did you mean "blog"?`)
	assert.EqualError(t, Write(folder, "x"), `no such theme: "x"; there are blog, docs, minimal`)
	assert.NoFileExists(t, folder)
}

// The colours of a theme are told apart by people who see little: 4.5 to 1, as
// the guidelines for accessible pages ask for text.
func TestColoursOfTextStandOutFromWhatIsBehindThem(t *testing.T) {
	sheet, err := themes.ReadFile("themes/shared/sass/_base.scss")
	require.NoError(t, err)
	for _, screen := range []string{"light", "dark"} {
		_, rest, found := strings.Cut(string(sheet), "@mixin "+screen+" {")
		require.True(t, found)
		rest, _, _ = strings.Cut(rest, "}")
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+): #([0-9a-f]{6});`).FindAllStringSubmatch(rest, -1) {
			colours[m[1]] = m[2]
		}
		for _, text := range []string{"ink", "quiet", "accent", "note", "tip", "important", "warning", "caution"} {
			for _, behind := range []string{"paper", "panel"} {
				assert.GreaterOrEqual(t, contrast(t, colours[text], colours[behind]), 4.5, "%s on %s, %s", text, behind, screen)
			}
		}
		assert.GreaterOrEqual(t, contrast(t, colours["ink"], colours["mark"]), 4.5, "a word that was searched for, %s", screen)
	}
}

// contrast is that of two colours, from 1 to 21, as WCAG 2 counts it.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(colour, 16, 32)
	require.NoError(t, err)
	light := func(part uint64) float64 {
		if v := float64(part&0xff) / 255; v > 0.04045 {
			return math.Pow((v+0.055)/1.055, 2.4)
		}
		return float64(part&0xff) / 255 / 12.92
	}
	return 0.2126*light(n>>16) + 0.7152*light(n>>8) + 0.0722*light(n)
}

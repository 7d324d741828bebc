package minify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/markup/markuptest"
)

// read is what minifying must keep of a page.
func read(t *testing.T, source string, scripting bool) []string {
	t.Helper()
	outline, err := markuptest.Reading{Scripting: scripting, Comments: true, HeadSpace: true, Scripts: true}.Outline(source)
	require.NoError(t, err)
	return outline
}

func TestTreeOfEveryDocumentStays(t *testing.T) {
	given, asWritten := 0, 0
	for source := range markuptest.Documents() {
		small := page(source)
		if small != source {
			requireSameTree(t, source, small)
		}
		given++
		if shrink(source) != small {
			asWritten++
		}
	}
	assert.Greater(t, given, 10000)
	assert.Less(t, asWritten, given/200, "the check is there for what nobody thought of, not for what shrink gets wrong")
}

func requireSameTree(t *testing.T, source, small string) {
	t.Helper()
	for _, scripting := range []bool{false, true} {
		require.Equal(t, read(t, source, scripting), read(t, small, scripting), "%q became %q", source, small)
	}
}

func TestPageThatWouldBeReadDifferentlyStays(t *testing.T) {
	for _, source := range []string{"<frameset><svg><style>a<!-- c -->b</style></svg></frameset>", "<table> <!-- c -->x</table>"} {
		require.False(t, sameTree(source, shrink(source)), source)
		assert.Equal(t, source, page(source))
	}
}

func TestPageTooDeepForTheParserStays(t *testing.T) {
	source := strings.Repeat("<div class=\"a\">", 600)
	assert.Equal(t, source, page(source))
}

func FuzzTreeStays(f *testing.F) {
	for _, seed := range markuptest.Seeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		small := page(source)
		if small == source {
			return
		}
		requireSameTree(t, source, small)
	})
}

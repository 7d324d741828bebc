// Package doctable holds a part of a file, such as a table of docs/, to the
// code that it repeats, or writes it anew. Only tests import this package.
package doctable

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Hold compares what a page has between the lines begin and end with want. With
// write it puts want there instead.
func Hold(t testing.TB, page, begin, end, want string, write bool) {
	t.Helper()
	content, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(content), begin)
	require.True(t, ok, "no tables in %s", page)
	have, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "no end of the tables in %s", page)
	if write {
		require.NoError(t, os.WriteFile(page, []byte(before+begin+want+end+after), 0o644))
		return
	}
	assert.Equal(t, want, have, "the tables are out of date: run the test with -write")
}

// Table writes a table of two columns: names as code, and what they are. Head
// is its first line.
func Table(head string, rows [][2]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| %s |\n|---|---|\n", head)
	for _, row := range rows {
		fmt.Fprintf(&b, "| `%s` | %s |\n", cell(row[0]), cell(prose(row[1])))
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// prose is a text that shows tags and marks.
func prose(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Who reports a fault names a version: it must be the one that the list of
// changes tells of.
func TestVersionIsTheNewestOfTheChangelog(t *testing.T) {
	changes, err := os.ReadFile("../../CHANGELOG.md")
	require.NoError(t, err)
	newest := regexp.MustCompile(`(?m)^## (\S+)$`).FindSubmatch(changes)
	require.NotNil(t, newest, "CHANGELOG.md has no heading of a version")
	for _, args := range [][]string{{"version"}, {"--version"}} {
		o := ddc(t, args...)
		require.Zero(t, o.code, args)
		words := strings.Fields(o.stdout)
		require.Len(t, words, 4, args)
		assert.Equal(t, "ddc", words[0])
		said, _, _ := strings.Cut(words[1], "-")
		assert.Equal(t, string(newest[1]), said, args)
	}
}

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// People who report a fault name a version. It must be one that the list of
// changes has.
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

package ddc_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table says what this module has by the names of it.
func TestReadmesComparisonNamesWhatExists(t *testing.T) {
	_, table, found := strings.Cut(read(t, "README.md"), "| | go-plugin | ddc |\n|---|---|---|\n")
	require.True(t, found, "README.md has no table of what go-plugin has")
	table, _, _ = strings.Cut(table, "\n\n")
	_, files := sources(t)
	exist := map[string]bool{}
	for name := range names(files) {
		of, short, _ := strings.Cut(name, ".")
		if of != "plugin" && of != "host" {
			continue
		}
		exist[name], exist[short] = true, true
		if typ, field, isField := strings.Cut(short, "."); isField && typ == "Options" {
			exist[field] = true
		}
	}
	named := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		require.Len(t, cells, 3, "a line of the table: %s", line)
		for _, q := range regexp.MustCompile("`([A-Za-z.]+)(?:\\(\\w*\\))?`").FindAllStringSubmatch(cells[2], -1) {
			if q[1] == "plugin" {
				continue // the package
			}
			named++
			assert.True(t, exist[q[1]], "%s: neither plugin nor plugin/host has %s", cells[0], q[1])
		}
	}
	assert.Greater(t, named, 8)
}

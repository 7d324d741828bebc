package ddc_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// Who follows a page that names what is not there any more is lost at once.
func TestContributingNamesWhatExists(t *testing.T) {
	page := read(t, "CONTRIBUTING.md")
	makefile := read(t, "Makefile") + read(t, "tools.mk")
	targets := regexp.MustCompile(`make ([a-z]+)`).FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, targets)
	for _, target := range targets {
		assert.Regexp(t, `(?m)^`+target[1]+`:`, makefile, "make %s", target[1])
	}

	quoted := regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(page, -1)
	paths := 0
	for _, q := range quoted {
		if name := q[1]; (strings.Contains(name, "/") || strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".go")) && !strings.ContainsAny(name, " (") {
			paths++
			_, err := os.Stat(name)
			assert.NoError(t, err, "CONTRIBUTING.md names it")
		}
	}
	require.NotZero(t, paths)

	sources := allSources(t)
	names := regexp.MustCompile(`\b(Test[A-Z][A-Za-z]+)\b`).FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, names)
	for _, name := range names {
		if name[1] != "TestMain" {
			assert.Contains(t, sources, "func "+name[1]+"(", "%s", name[1])
		}
	}
	assert.Contains(t, sources, "func OpenBytes(")
}

// Commands that only test are listed, not run: they exist if their packages and tests do.
func TestContributingsCommandsFindTheirTests(t *testing.T) {
	commands := regexp.MustCompile(`(?m)^ +go test (.*)$`).FindAllStringSubmatch(read(t, "CONTRIBUTING.md"), -1)
	require.NotEmpty(t, commands)
	for _, c := range commands {
		arguments := strings.Fields(c[1])
		pattern, folder := ".", ""
		for i, a := range arguments {
			if a == "-run" {
				pattern, _, _ = strings.Cut(arguments[i+1], "/")
			}
			if strings.HasPrefix(a, "./") {
				folder = a
			}
		}
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		require.NoError(t, err)
		var all strings.Builder
		for _, f := range files {
			all.WriteString(read(t, f))
		}
		assert.Regexp(t, `func `+strings.TrimPrefix(pattern, "^"), all.String(), "%s", c[0])
	}
}

func allSources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ".go"):
			all.WriteString(read(t, path))
		}
		return nil
	}))
	return all.String()
}

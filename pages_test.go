package ddc_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// pages are the repository's own pages, by file. docs/MUTATIONS.md is left out:
// it tells what was tried once, and is made by a program.
func pages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]string{}
	for _, file := range append(files, "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		if file != "docs/MUTATIONS.md" {
			all[file] = read(t, file)
		}
	}
	return all
}

var (
	quoted      = regexp.MustCompile("`([^`\n]+)`")
	pathLike    = regexp.MustCompile(`^[\w.{},/-]+$`)
	testNames   = regexp.MustCompile(`((?:-run|-bench) '?|)\b((?:Test|Fuzz|Benchmark)[A-Z]\w+)(\.\.\.|)`)
	makeTargets = regexp.MustCompile("(?m)(?:`|^    )make ([a-z-]+)")
	goTests     = regexp.MustCompile("go test ((?:[^`\n|]|\\\\\\|)*)")
)

// A page that names what is not there any more leads its reader astray. A path
// counts if it begins with a folder of the repository.
func TestPagesNameFilesThatExist(t *testing.T) {
	named := 0
	for file, page := range pages(t) {
		if file == "CHANGELOG.md" { // tells what was
			continue
		}
		for _, q := range quoted.FindAllStringSubmatch(page, -1) {
			for _, path := range expanded(strings.TrimSuffix(strings.TrimPrefix(q[1], "ddc/"), "/...")) {
				if top, _, below := strings.Cut(path, "/"); !below || !pathLike.MatchString(path) || !ours(top) ||
					strings.Contains(path, "NAME") || strings.HasSuffix(path, ".html") { // a template's name
					continue
				}
				named++
				_, err := os.Stat(path)
				assert.NoError(t, err, "%s names `%s`", file, q[1])
			}
		}
	}
	assert.Positive(t, named, "no page names a file: this test checks nothing")
}

// ours says whether a name is that of a folder that is kept, and not made.
func ours(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir() && !slices.Contains([]string{"bin", "out", ".tools", ".cache", ".."}, name)
}

// expanded are the paths of a{b,c}d: abd and acd.
func expanded(path string) []string {
	before, rest, found := strings.Cut(path, "{")
	choices, after, closed := strings.Cut(rest, "}")
	if !found || !closed {
		return []string{path}
	}
	var all []string
	for choice := range strings.SplitSeq(choices, ",") {
		all = append(all, expanded(before+choice+after)...)
	}
	return all
}

// A claim names the test that holds it. One that begins a test's name, behind
// -run or before an ellipsis, stands for all of these.
func TestPagesNameTestsThatExist(t *testing.T) {
	functions := functions(t)
	for file, page := range pages(t) {
		for _, name := range testNames.FindAllStringSubmatch(page, -1) {
			begins := name[1] != "" || name[3] != ""
			assert.True(t, slices.ContainsFunc(functions, func(f string) bool {
				return f == name[2] || begins && strings.HasPrefix(f, name[2])
			}), "%s names %s", file, name[2])
		}
	}
}

func TestPagesNameTargetsOfTheMakefile(t *testing.T) {
	makefile := read(t, "Makefile") + read(t, "tools.mk")
	for file, page := range pages(t) {
		for _, target := range makeTargets.FindAllStringSubmatch(page, -1) {
			assert.Regexp(t, `(?m)^`+target[1]+`:`, makefile, "%s says make %s", file, target[1])
		}
	}
}

// Commands that only test are listed, not run: they exist if their packages and
// tests do.
func TestCommandsOfPagesFindTheirTests(t *testing.T) {
	found := 0
	for file, page := range pages(t) {
		for _, command := range goTests.FindAllStringSubmatch(page, -1) {
			folder, patterns := parsed(command[1])
			if folder == "" {
				continue
			}
			tests, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
			require.NoError(t, err)
			var all strings.Builder
			for _, test := range tests {
				all.WriteString(read(t, test))
			}
			for _, pattern := range patterns {
				found++
				assert.True(t, regexp.MustCompile(`(?m)^func \w*`+pattern).MatchString(all.String()), "%s says: %s, and no test is called %s", file, command[0], pattern)
			}
		}
	}
	assert.Positive(t, found, "no page has a command: this test checks nothing")
}

// parsed are the folder of a go test command, "" where it has several or none,
// and what the tests' names match that it asks for.
func parsed(command string) (folder string, patterns []string) {
	words := strings.Fields(command)
	for i, word := range words {
		word = strings.TrimRight(word, `'");.,:`)
		if strings.HasPrefix(word, "./") {
			if folder != "" || strings.HasSuffix(word, "...") {
				return "", nil
			}
			folder = word
		}
		if (word == "-run" || word == "-bench") && i+1 < len(words) {
			for pattern := range strings.SplitSeq(strings.ReplaceAll(strings.Trim(words[i+1], "'"), `\|`, "|"), "|") {
				pattern, _, _ = strings.Cut(pattern, "/")
				if pattern = strings.Trim(pattern, "^$"); pattern != "" && strings.ToUpper(pattern) != "XXX" {
					patterns = append(patterns, pattern)
				}
			}
		}
	}
	if folder == "" {
		return "", nil
	}
	if _, err := os.Stat(folder); err != nil || len(patterns) > 0 {
		return folder, patterns
	}
	return folder, []string{""} // it has tests at all
}

// A step that names a function of ours is of no use without it.
func TestContributingNamesFunctionsThatExist(t *testing.T) {
	require.Contains(t, read(t, "CONTRIBUTING.md"), "`wake.OpenBytes`")
	assert.Contains(t, functions(t), "OpenBytes")
}

// functions are the names of all that are no methods, those of tests and of
// other modules too.
func functions(t *testing.T) []string {
	t.Helper()
	var all []string
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || path == "out"):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ".go"):
			for line := range strings.Lines(read(t, path)) {
				if rest, ok := strings.CutPrefix(line, "func "); ok && !strings.HasPrefix(rest, "(") {
					name, _, _ := strings.Cut(rest, "(")
					all = append(all, name)
				}
			}
		}
		return nil
	}))
	return all
}

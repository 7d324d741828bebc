package main

import (
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typed are commands as pages have them: a line of code, or a span.
var typed = regexp.MustCompile("(?m)(?:^(?:    )?|`)(?:bin/)?ddc(?:-fault)? ([a-z-][^`\n]*)")

// The program knows every command and flag that a page has typed.
func TestPagesHaveCommandsThatThereAre(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "docs/*.md", "docs/guide/content/*/*.md", "deploy/*.md", "proto/*.proto", "plugin/scaffold/*/README.md"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	root := newRoot(screenOf(io.Discard), screenOf(io.Discard))
	root.InitDefaultHelpCmd()
	commands := 0
	for _, page := range pages {
		inCode := false
		for line := range strings.Lines(read(t, page)) {
			if strings.HasPrefix(line, "```") {
				inCode = !inCode
			}
			for _, m := range typed.FindAllStringSubmatch(line, -1) {
				if !inCode && !strings.ContainsAny(m[0][:1], "` ") || strings.HasSuffix(strings.Fields(m[1])[0], ":") {
					continue // a sentence that begins with ddc, or what it has said
				}
				commands++
				assert.Empty(t, unknownIn(root, m[1]), "%s: ddc %s", page, m[1])
			}
		}
	}
	assert.Greater(t, commands, 100, "hardly any command was found")
}

// unknownIn is the first word of a command line that the program does not know.
func unknownIn(root *cobra.Command, line string) string {
	line, _, _ = strings.Cut(line, " #")
	line = regexp.MustCompile(`\$\(.*?\)|'.*?'`).ReplaceAllString(line, "X")
	line = strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("|;&>", r) })[0]
	words := strings.Fields(line)
	c, rest, err := root.Find(words)
	if err != nil {
		return err.Error()
	}
	c.InitDefaultHelpFlag()
	takesNames := c.Name() == "plugin" || !c.HasAvailableSubCommands()
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && !takesNames {
		return rest[0]
	}
	for _, word := range rest {
		name, isLong := strings.CutPrefix(strings.TrimRight(word, ".,:)"), "--")
		name, _, _ = strings.Cut(name, "=")
		switch {
		case c.DisableFlagParsing || !strings.HasPrefix(word, "-") || word == "-" || name == "":
		case isLong && c.Flag(name) == nil,
			!isLong && c.Flags().ShorthandLookup(name[1:2]) == nil && c.InheritedFlags().ShorthandLookup(name[1:2]) == nil:
			return word
		}
	}
	return ""
}

func TestUnknownWordsOfACommandLineAreFound(t *testing.T) {
	root := newRoot(screenOf(io.Discard), screenOf(io.Discard))
	for line, unknown := range map[string]string{
		"build my-site -o out --wake futex,fonts=pipe # which": "", "inspect $(pgrep -f 'ddc build') --json": "", "plugin minify": "", "wake bench --build my-site | less": "",
		"biuld": "biuld", "build --wak futex": "--wak", "wake lsit": "lsit", "build -x": "-x", "plugin test --lang go ./shout": "--lang",
	} {
		assert.Equal(t, unknown, unknownIn(root, line), line)
	}
}

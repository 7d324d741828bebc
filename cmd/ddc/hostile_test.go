package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"ddc/internal/tool"
)

// hostile is text that does something to a terminal, or to who reads it: it
// writes the clipboard, clears the screen, rings, in one byte and in two, turns
// text around, hides, goes back in the line, and begins a line that looks like
// the program's own.
const hostile = "\x1b]52;c;aGFoYQ==\a\x1b[2J\u009b31m\u202egnp\u2066\u200b\u061c\r\nerror: forged"

// noUnicode is that, as only a file may be called.
const noUnicode = hostile + "\xff"

// written is that, within a string of YAML or JSON.
var written = escaped(func(r rune) string { return fmt.Sprintf(`\u%04x`, r) })

// inKDL is that, within a string of KDL.
var inKDL = escaped(func(r rune) string { return fmt.Sprintf(`\u{%x}`, r) })

func escaped(by func(rune) string) string {
	var b strings.Builder
	for _, r := range hostile {
		if r < ' ' || r > '~' {
			b.WriteString(by(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// harmless fails the test if a text has something that a terminal obeys, but
// for the ways in which the live line is erased.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	text = strings.NewReplacer("\r\x1b[K", "", "\r\n", "\n").Replace(text)
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		bad := r == utf8.RuneError && size == 1 || unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u2028' || r == '\u2029'
		if bad {
			t.Fatalf("%s: %U at byte %d: %q", what, r, i, text[max(0, i-200):min(len(text), i+60)])
		}
	}
	assert.NotRegexp(t, `(?m)^error: forged`, text, what)
}

const hostileConfig = "content \"content\"\noutput \"public\"\n"

// hostileSites are sites by what is the matter with them, each with the flags
// it is built with and a word that must be said of it: a case that says nothing
// proves nothing.
func hostileSites() map[string]struct {
	files []string
	flags []string
	said  string
} {
	page := "---\ntitle: x\n---\n\ntext\n"
	return map[string]struct {
		files []string
		flags []string
		said  string
	}{
		"page's name":     {[]string{"content/" + hostile + ".md", "---\ntitle: [\n---\n"}, nil, "gnp"},
		"no Unicode":      {[]string{"content/" + noUnicode + ".md", page}, nil, "gnp"},
		"page's title":    {[]string{"content/_index.md", "---\ntitle: \"" + written + "\"\ntemplate: \"" + written + "\"\n---\n"}, nil, "gnp"},
		"key":             {[]string{"content/_index.md", "---\n\"" + written + "\": x\n---\n"}, nil, ""},
		"front matter":    {[]string{"content/_index.md", "+++\n" + hostile + "\n+++\n"}, nil, "content/_index.md"},
		"template's name": {[]string{"content/_index.md", page, "templates/" + hostile + ".html", "{% if %}"}, nil, "gnp"},
		"template":        {[]string{"content/_index.md", page, "templates/index.html", "{{ " + hostile + " }}"}, nil, "templates/index.html"},
		"template's word": {[]string{"content/_index.md", page, "templates/index.html", "{% include \"" + hostile + "\" %}"}, nil, "gnp"},
		"static file":     {[]string{"content/_index.md", page, "static/" + hostile + ".svg", "<svg>" + hostile, "static/" + hostile + ".css", "a{" + hostile, "static/" + hostile + ".js", "(" + hostile}, nil, "gnp"},
		"data file":       {[]string{"content/_index.md", page, "data/" + hostile + ".toml", hostile}, nil, "gnp"},
		"sass":            {[]string{"content/_index.md", page, "sass/main.scss", "@use \"" + hostile + "\";", "sass/_" + hostile + ".scss", "a{"}, nil, "sass/main.scss"},
		"sass's error":    {[]string{"content/_index.md", page, "sass/main.scss", "@warn \"" + written + "\"; @error \"\\1b]52;c;aGFoYQ==\\7 \\202e gnp\";"}, []string{"-v"}, "gnp"},
		"link":            {[]string{"content/_index.md", page + "[a](/" + strings.ReplaceAll(hostile, "\n", "") + ") [b](</x\x1b]0;y\a \u202egnp>) <a href=\"/&#27;]52;c;x&#7;\">c</a>\n"}, nil, "gnp"},
		"config":          {[]string{".config/dodeca.kdl", hostileConfig + "\"" + inKDL + "\" 1\n"}, nil, "gnp"},
		"config's value":  {[]string{".config/dodeca.kdl", hostileConfig + "wake \"" + inKDL + "\"\n"}, nil, "gnp"},
		"config's text":   {[]string{".config/dodeca.kdl", hostileConfig + hostile}, nil, "dodeca.kdl"},
		"content folder":  {[]string{".config/dodeca.kdl", "content \"" + inKDL + "\"\noutput \"public\"\n"}, nil, "gnp"},
		"flag":            {nil, []string{"--" + strings.ReplaceAll(hostile, "=", "")}, "gnp"},
		"flag's value":    {nil, []string{"--wake", hostile}, "gnp"},
		"output":          {[]string{"content/_index.md", page, "public-" + hostile + "/mine", ""}, []string{"-o", "public-" + hostile}, "gnp"},
	}
}

func TestNothingOfASiteReachesTheTerminalAsItIs(t *testing.T) {
	inOtherProcesses(t)
	for name, c := range hostileSites() {
		t.Run(name, func(t *testing.T) {
			here(t)
			write(t, ".", ".config/dodeca.kdl", hostileConfig, "templates/index.html", "{{ section.title }}{{ section.content | safe }}",
				"templates/page.html", "{{ page.title }}{{ page.content | safe }}", "content/_index.md", "---\ntitle: home\n---\n\nhello\n")
			write(t, ".", c.files...)
			for _, more := range [][]string{nil, {"-v"}, {"--json"}} {
				o := ddc(t, append(append([]string{"build", "--transport", "inproc", "--strict"}, c.flags...), more...)...)
				harmless(t, "standard output", o.stdout)
				harmless(t, "standard error", o.stderr)
				if c.said != "" {
					assert.NotZero(t, o.code)
					assert.Contains(t, o.stdout+o.stderr, c.said, more)
				}
				if len(more) == 1 && more[0] == "--json" && o.code != exitUsage {
					assert.True(t, json.Valid([]byte(o.stdout)), o.stdout)
				}
			}
		})
	}
}

// Other commands are given names, too.
func TestNothingOfAnArgumentReachesTheTerminalAsItIs(t *testing.T) {
	here(t)
	write(t, ".", ".config/dodeca.kdl", hostileConfig, hostile+"/file", hostile)
	for _, args := range [][]string{
		{hostile}, {"init", hostile}, {"init", hostile + "/new"}, {"clean", hostile + "/gone"}, {"inspect", hostile}, {"inspect", hostile + "/file"}, {"inspect", "--json", hostile + "/file"},
		{"plugin", hostile}, {"wake", "bench", hostile}, {"wake", "matrix", "--fault", hostile}, {"wake", "verdict", "--matrix", hostile + "/file"}, {"wake", "verdict", "--bench", hostile},
		{"build", hostile + "/gone"}, {"build", hostile + "/file"}, {"build", "--trace", hostile}, {"build", "--call-timeout", hostile}, {"build", "--memory-limit", hostile}, {"build", "--on-hang", hostile},
	} {
		o := ddc(t, args...)
		harmless(t, fmt.Sprintf("%.20q", args), o.stdout)
		harmless(t, fmt.Sprintf("%.20q", args), o.stderr)
		assert.Contains(t, o.stdout+o.stderr, "gnp", "%.20q", args)
	}
}

// here makes a new folder the working directory, from which the tools are found
// all the same.
func here(t *testing.T) {
	t.Helper()
	if sass, err := tool.Find("sass"); err == nil {
		t.Setenv(tool.FolderVariable, filepath.Dir(sass))
	}
	t.Chdir(t.TempDir())
}

// Plugins that are processes write in other ways.
func TestNothingOfASampleOrAPluginReachesTheTerminalAsItIs(t *testing.T) {
	inOtherProcesses(t)
	here(t)
	print := `printf '\033]52;c;aGFoYQ==\007\033[2J\302\23331m\342\200\256gnp\377\r\nerror: forged\n'`
	write(t, ".", ".config/dodeca.kdl", hostileConfig+`code_execution { sh { command "sh" } }
`, "templates/index.html", "{{ section.content | safe }}", "templates/page.html", "{{ page.content | safe }}",
		"content/_index.md", "---\ntitle: home\n---\n\n```sh,test\n"+print+"\n"+print+" >&2\nexit 3\n```\n", "content/"+hostile+".md", "---\ntitle: x\n---\n\nhello\n")
	for _, more := range [][]string{nil, {"-v"}, {"--json"}} {
		o := ddc(t, append([]string{"build"}, more...)...)
		assert.Equal(t, exitSite, o.code, o.stderr)
		assert.Contains(t, o.stdout+o.stderr, "gnp")
		harmless(t, "standard output", o.stdout)
		harmless(t, "standard error", o.stderr)
	}
}

// A plugin that was taken over writes what it likes, and dies with it.
func TestNothingOfAPluginReachesTheTerminalAsItIs(t *testing.T) {
	inOtherProcesses(t)
	for act, code := range map[string]int{"slander": exitOK, "rave": exitMachinery} {
		for _, flag := range []string{"--all-plugins", "-v", "--json"} {
			t.Run(act+" "+flag, func(t *testing.T) {
				site, tokens := smallSite(t), t.TempDir()
				t.Setenv(envMischief, tokens+"|html:1:"+act)
				var stdout, stderr bytes.Buffer
				got := run(t.Context(), []string{"build", site, "--no-code-exec", flag}, &stdout, &granting{said: &stderr, folder: tokens})
				assert.Equal(t, code, got, stderr.String())
				harmless(t, "standard output", stdout.String())
				harmless(t, "standard error", stderr.String())
				assert.Contains(t, stdout.String()+stderr.String(), "gnp")
				assert.Less(t, stderr.Len(), 1<<20)
			})
		}
	}
}

func TestNothingReachesATerminalThroughTheLiveLine(t *testing.T) {
	t.Setenv("TERM", "xterm")
	for name, progress := range map[string]bool{"live line": true, "-v": false} {
		t.Run(name, func(t *testing.T) {
			site := smallSite(t)
			for i := range 20 {
				write(t, site, filepath.Join("content", fmt.Sprint(hostile, i, ".md")), "---\ntitle: x\n---\n\nhello\n")
			}
			theirs, sent := terminal(t, 200)
			args := []string{"build", site, "--transport", "inproc", "--no-code-exec"}
			if !progress {
				args = append(args, "-v")
			}
			code := run(t.Context(), args, theirs, theirs)
			text := sent()
			assert.Zero(t, code, text)
			harmless(t, name, text)
			if progress {
				assert.Contains(t, text, "\r\x1b[K", "there was a live line")
			}
		})
	}
}

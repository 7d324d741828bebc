package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ddc/internal/diagnostic"
	"ddc/site/config"
)

// onTerminal runs the program with standard error on a terminal of 60 columns,
// and gives what the terminal gets.
func onTerminal(t *testing.T, args ...string) (code int, shown string) {
	t.Helper()
	t.Setenv("TERM", "xterm")
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("opening a terminal: ", err)
	}
	defer master.Close()
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	require.NoError(t, unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 20, Col: 60}))
	terminal, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	got := make(chan string)
	go func() {
		all, _ := io.ReadAll(master) // it ends with an error once the other side is closed
		got <- string(all)
	}()
	code = run(t.Context(), args, io.Discard, screenOf(terminal))
	require.NoError(t, terminal.Close())
	return code, strings.ReplaceAll(<-got, "\r\n", "\n")
}

func TestTerminalShowsTheLineInColoursAndAPipeShowsOneLine(t *testing.T) {
	site := smallSite(t)
	write(t, site, config.Name, "max_text_mib \"many\"\ncontent \"content\"\noutput \"public\"\n")
	t.Chdir(site)
	fault := config.Name + ":1:14: max_text_mib must be a whole number, not the string \"many\"\n"
	plain := "error: " + fault + "    1 | max_text_mib \"many\"\n      |              ^^^^^^\n"

	t.Setenv("NO_COLOR", "")
	code, shown := onTerminal(t, "build", "-c", "content")
	assert.Equal(t, exitSite, code)
	assert.Contains(t, shown, "\x1b[1;31merror: \x1b[0m\x1b[1m"+config.Name+":1:14: \x1b[0m")
	assert.Contains(t, shown, "\x1b[1;31m             ^^^^^^\x1b[0m\n")

	t.Setenv("NO_COLOR", "1")
	_, shown = onTerminal(t, "build", "-c", "content", "-q")
	assert.Equal(t, plain+"Build failed: 1 error. The last output is as it was.\n", shown)
	_, shown = onTerminal(t, "clean")
	assert.Contains(t, shown, plain)

	o := ddc(t, "build", "-c", "content")
	assert.Equal(t, "error: "+fault+"Build failed: 1 error. The last output is as it was.\n", o.stderr)
}

func TestJSONHasAProblemWhole(t *testing.T) {
	site := smallSite(t)
	write(t, site, "templates/page.html", "<p>{{ page.titel }}")
	o := ddc(t, "build", site, "--json", "--transport", "inproc", "--no-code-exec")
	assert.Equal(t, exitSite, o.code)
	r := decodeReport(t, o)
	assert.Equal(t, filepath.Join(site, "public"), r.Output)
	require.Len(t, r.Errors, 1, o.stdout)
	assert.Equal(t, diagnostic.Problem{
		File: "templates/page.html", Line: 1, Col: 12, Length: 5, Message: `page has no field "titel"`, Hint: "did you mean title?",
		Pages: r.Errors[0].Pages, Page: r.Errors[0].Page, Excerpt: &diagnostic.Excerpt{Text: "<p>{{ page.titel }}", Col: 1},
	}, r.Errors[0])
	assert.NotZero(t, r.Errors[0].Pages)
	assert.NotEmpty(t, r.Errors[0].Page)
}

func TestWrongUsageIsJSONTooWhereThatIsAskedFor(t *testing.T) {
	site := smallSite(t)
	for _, args := range [][]string{
		{"build", site, "--json", "--jobs", "x"},
		{"build", site, "--wak", "futex", "--json"},
		{"build", site, "--json", "--transport", "tcp"},
		{"build", "--json", "/no/such/folder"},
		{"build", site, "--json", "--memory-limit", "lots"},
		{"build", "--json=true", "one", "two"},
		{"biuld", "--json"},
		{"wake", "lst", "--json"},
		{"wake", "list", "--jsn", "--json"},
		{"inspect", "--json", "--interval", "1ms", "1"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			o := ddc(t, args...)
			assert.Equal(t, exitUsage, o.code, o.stdout+o.stderr)
			assert.Empty(t, o.stderr)
			var object struct{ Errors []diagnostic.Problem }
			require.NoError(t, json.Unmarshal([]byte(o.stdout), &object), o.stdout)
			require.Len(t, object.Errors, 1)
			assert.NotEmpty(t, object.Errors[0].Message)
			if args[0] == "build" {
				assert.NotNil(t, decodeReport(t, o).Warnings)
			}
		})
	}
	assert.Empty(t, ddc(t, "build", "one", "two", "--json=false").stdout)
	assert.Empty(t, ddc(t, "build", "one", "two", "--", "--json").stdout)
}

func TestQuietBuildSaysOnlyWhatIsWrong(t *testing.T) {
	site := smallSite(t)
	assert.Equal(t, outcome{}, ddc(t, "build", site, "-q", "-j", "3", "--transport", "inproc", "--no-code-exec"))
	assert.FileExists(t, filepath.Join(site, "public", "index.html"))
	write(t, site, "content/dead.md", "+++\ntitle = \"x\"\n+++\n[x](/nowhere/)\n")
	o := ddc(t, "build", site, "--quiet", "--transport", "inproc", "--no-code-exec")
	assert.Zero(t, o.code)
	assert.Empty(t, o.stdout)
	assert.Contains(t, o.stderr, "warning: content/dead.md:4:5: ")
}

func TestVersionIsAFlagToo(t *testing.T) {
	assert.Equal(t, ddc(t, "version"), ddc(t, "--version"))
	assert.Regexp(t, `^ddc \S+ go1\S+ linux/`, ddc(t, "--version").stdout)
}

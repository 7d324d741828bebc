package main

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/proc"
)

// envReach is a folder and a function, FOLDER|FUNCTION: a program of the tests
// interrupts itself as soon as one of its goroutines is in the function.
const envReach = "LC_DDC_REACH"

// interruptOnceWithin does what envReach says. The file in the folder has the
// processor time that the process had used by then.
func interruptOnceWithin(told string) {
	folder, function, _ := strings.Cut(told, "|")
	for await.Goroutines("", function) == 0 {
		time.Sleep(time.Millisecond)
	}
	var used syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "reached"), strconv.AppendInt(nil, used.Utime.Nano()+used.Stime.Nano(), 10), 0o600)
	}
	if err == nil {
		err = syscall.Kill(os.Getpid(), syscall.SIGINT)
	}
	if err != nil {
		panic(err)
	}
}

// phase is a place in a command's work at which it is interrupted.
type phase struct {
	name    string
	command []string // its flags too; SITE and OUT stand for the folders, PROGRAM for the tests' own
	files   []string // of the site, besides those of smallSite
	prepare func(t *testing.T, site string)
	env     []string // TOKENS stands for a folder
	// within is the function of the host that it is interrupted in. Without, it
	// is interrupted once reached says so.
	within  string
	reached func(c *child, tokens string) bool
	code    int
	long    bool // takes seconds
}

const (
	// mostAfter bounds the processor time that a host uses once it was
	// interrupted. It has 0.3 s, on any number of processors, and these tests
	// run on two and more.
	mostAfter = 2 * time.Second
	// endlessPages is how many pages of half a second each a site has that is
	// interrupted while it renders them.
	endlessPages = 100
)

// pages are pages by a template.
func pages(n int, front string) (files []string) {
	for i := range n {
		files = append(files, fmt.Sprintf("content/p%d.md", i), "+++\ntitle = \"p\"\n"+front+"+++\ntext\n")
	}
	return files
}

// linkedTree makes 40,000 files of 200, by links to folders of links.
func linkedTree(t *testing.T, site string) {
	t.Helper()
	files := make([]string, 0, 400)
	for i := range 200 {
		files = append(files, fmt.Sprintf("static/leaves/f%d.txt", i), strconv.Itoa(i))
	}
	write(t, site, files...)
	for i := range 14 {
		branch := filepath.Join(site, "static", fmt.Sprintf("branch%d", i))
		require.NoError(t, os.Mkdir(branch, 0o777))
		for j := range 14 {
			require.NoError(t, os.Symlink("../leaves", filepath.Join(branch, strconv.Itoa(j))))
		}
	}
}

// sparseFile makes a file of a gigabyte that takes no room.
func sparseFile(t *testing.T, site string) {
	t.Helper()
	write(t, site, "static/large.bin", "")
	require.NoError(t, os.Truncate(filepath.Join(site, "static/large.bin"), 1<<30))
}

// largeFiles are one file of 64 MiB, by a dozen names.
func largeFiles(t *testing.T, site string) {
	t.Helper()
	write(t, site, "static/large0.bin", strings.Repeat("large", 64<<20/5))
	for i := range 11 {
		require.NoError(t, os.Link(filepath.Join(site, "static/large0.bin"), filepath.Join(site, fmt.Sprintf("static/large%d.bin", i+1))))
	}
}

// noise has a picture that takes long to be encoded.
func noise(t *testing.T, site string) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 2000, 1500))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(random.Uint32())
	}
	var file bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&file, m))
	write(t, site, "content/noise.png", file.String(), "content/noise.md", "+++\ntitle = \"n\"\n+++\n![noise](noise.png)\n")
}

// hangs says that a plugin of envMischief does what it was told.
func hangs(act string) func(*child, string) bool {
	return func(_ *child, tokens string) bool {
		_, err := os.Stat(filepath.Join(tokens, act))
		return err == nil
	}
}

// runs says that a program runs below a command.
func runs(prefix string) func(*child, string) bool {
	return func(c *child, _ string) bool {
		for _, line := range c.processes() {
			if strings.HasPrefix(line, prefix) {
				return true
			}
		}
		return false
	}
}

func isReady(c *child, _ string) bool { return strings.Contains(c.stdout.String(), " is ready, in ") }

// interruptedPhases is no variable: plugins are processes of the tests' own
// program, and would each have its texts in memory.
func interruptedPhases() []phase {
	build, serve, cache := []string{"build", "SITE", "-o", "OUT"}, []string{"serve", "SITE", "--port", "0"}, []string{rememberVariable + "=TOKENS/cache"}
	const nest = `{% for a in range(end=1000) %}{% for b in range(end=1000) %}{% if a == b %}x{% endif %}{% endfor %}{% endfor %}`
	loops := append(pages(endlessPages, ""), "templates/page.html", nest)
	return []phase{
		{name: "a large tree is looked at", command: build, prepare: linkedTree, within: "content.(*Project).Scan("},
		{name: "a large file is read", command: build, prepare: sparseFile, within: "internal/bulk.Copy(", long: true},
		{name: "a data file is decoded", command: build, files: []string{"data/a.yaml", "a: |\n" + strings.Repeat("  some words and some more of them\n", 1<<20)}, within: "notation.parseYAML("},
		{name: "a template loops", command: build, files: loops, within: "template.(*render).loop("},
		{name: "a macro calls itself", command: build, within: "template.(*render).macro(",
			files: append(pages(endlessPages, ""), "templates/page.html", `{% import "m.html" as m %}{% for a in range(end=300) %}{{ m::deep(n=900) }}{% endfor %}`,
				"templates/m.html", `{% macro deep(n) %}{% if n > 0 %}{{ self::deep(n=n - 1) }}{% endif %}{% endmacro deep %}`)},
		{name: "a plugin never answers", command: build, env: []string{envMischief + "=TOKENS|markdown:1:hang"}, reached: hangs("markdown:1:hang")},
		{name: "a sample never ends", command: build, reached: runs("sleep "), files: []string{
			".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ncode_execution {\n enabled #true\n timeout_secs 600\n forever {\n  command \"sh\"\n  extension \"sh\"\n }\n}\n",
			"content/sample.md", "+++\ntitle = \"x\"\n+++\n\n```forever\nsetsid sleep 600 &\nsleep 600\n```\n"}},
		{name: "a picture is decoded", command: build, prepare: noise, within: "imagepb.(*imageClient).Decode(", long: true},
		{name: "a picture is encoded", command: build, prepare: noise, within: "webppb.(*webpClient).Encode("},
		{name: "the pages are handed over for the search", command: build, within: "site.sendAll["},
		{name: "large files are written", command: build, prepare: largeFiles, within: "bulk.copyPart(", long: true},
		{name: "a site is checked", command: []string{"check", "SITE"}, files: loops, within: "template.(*render).loop("},
		{name: "a server starts", command: serve, env: cache, prepare: linkedTree, within: "serve.inventory.walk(", code: exitOK},
		{name: "a server makes all pages", command: serve, env: cache, files: loops, within: "template.(*render).loop(", code: exitOK},
		{name: "a server rests", command: serve, env: cache, reached: isReady, code: exitOK},
		{name: "a plugin is judged that never attaches", command: []string{"plugin", "check", "/bin/sleep", "600"}, within: ".checkPlugin("},
		{name: "a plugin is tested that never answers", command: []string{"plugin", "test", "PROGRAM", ownRole, "slow"}, within: "sitepb.(*sitePluginClient).Html("},
	}
}

// The first Ctrl-C ends a command wherever it is. That it takes less than 0.3 s
// no busy machine can show: what is asserted is the host's processor time, and
// the time is told.
func TestInterruptEndsACommandInEachOfItsPhases(t *testing.T) {
	for _, p := range interruptedPhases() {
		t.Run(p.name, func(t *testing.T) {
			if p.long && testing.Short() {
				t.Skip("its files take seconds to be made")
			}
			if p.code == 0 && p.command[0] != "serve" {
				p.code = exitInterrupted
			}
			p.interrupted(t)
		})
	}
}

// A link that nobody answers has a server of its own.
func TestInterruptEndsACheckOfLinksThatNobodyAnswers(t *testing.T) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	phase{
		command: []string{"check", "SITE", "--external"}, files: []string{"content/link.md", "+++\ntitle = \"a\"\n+++\n[a](" + server.URL + ")\n"},
		reached: func(*child, string) bool { return len(asked) > 0 }, code: exitInterrupted,
	}.interrupted(t)
}

// interrupted interrupts the command in its phase. Where the phase is over
// before anybody has seen it, or with it the command before it has heard, as
// may be on a busy machine, it is run again.
func (p phase) interrupted(t *testing.T) {
	t.Helper()
	begun := time.Now()
	for !p.tried(t) {
		require.Less(t, time.Since(begun), await.Limit, "it always ends before it is interrupted")
	}
}

// tried runs the command once, and says whether it was interrupted.
func (p phase) tried(t *testing.T) bool {
	t.Helper()
	site, temporary, beside, tokens := smallSite(t), t.TempDir(), t.TempDir(), t.TempDir()
	write(t, site, p.files...)
	if p.prepare != nil {
		p.prepare(t, site)
	}
	output := filepath.Join(beside, "out")
	old := oldOutput(t, output)
	env := []string{"TMPDIR=" + temporary}
	for _, v := range p.env {
		env = append(env, strings.ReplaceAll(v, "TOKENS", tokens))
	}
	if p.within != "" {
		env = append(env, envReach+"="+tokens+"|"+p.within)
	}
	program, err := os.Executable()
	require.NoError(t, err)
	command := make([]string, len(p.command))
	for i, word := range p.command {
		command[i] = strings.NewReplacer("SITE", site, "OUT", output, "PROGRAM", program).Replace(word)
	}
	notIgnored(t, syscall.SIGINT)
	c := startDdc(t, env, command...)
	used, begun, reached := p.reach(t, c, tokens)
	after := c.usedUntilItEnds() - used
	took := time.Since(begun)
	if !reached || p.code == exitInterrupted && c.ProcessState.ExitCode() == exitOK {
		t.Logf("it ended before: %s%s", c.stdout.String(), c.stderr.String())
		return false
	}
	assert.Equal(t, p.code, c.ProcessState.ExitCode(), "%s%s", c.stdout.String(), c.stderr.String())
	assert.Less(t, after, mostAfter, "processor time of the host after it was interrupted")
	left := clearedUp(t, c, temporary, beside)
	t.Logf("ended after %v, with %v of processors; nothing was left after %v more", took.Round(time.Millisecond), after.Round(time.Millisecond), left.Round(time.Millisecond))
	assert.Equal(t, old, tree(t, output), "the last output")
	assert.NoDirExists(t, filepath.Join(site, "public"))
	return true
}

// reach waits until a command is where it is to be interrupted, and was. It
// says when that was, and what the host had used of processors; or that it
// ended before.
func (p phase) reach(t *testing.T, c *child, tokens string) (used time.Duration, at time.Time, reached bool) {
	t.Helper()
	told := func() string { return c.running() }
	ended := func() bool {
		select {
		case <-c.ended:
			return true
		default:
			return false
		}
	}
	if p.within == "" {
		await.Until(t, p.name, func() bool { return p.reached(c, tokens) || ended() }, told)
		stat, err := proc.Of(c.Process.Pid)
		if at = time.Now(); err != nil || c.Process.Signal(syscall.SIGINT) != nil {
			return 0, at, false
		}
		return stat.Used, at, true
	}
	var text []byte
	await.Until(t, "a goroutine in "+p.within, func() bool {
		text, _ = os.ReadFile(filepath.Join(tokens, "reached"))
		return len(text) > 0 || ended()
	}, told)
	if len(text) == 0 {
		return 0, time.Now(), false
	}
	info, err := os.Stat(filepath.Join(tokens, "reached"))
	require.NoError(t, err)
	nanoseconds, err := strconv.ParseInt(string(text), 10, 64)
	require.NoError(t, err)
	return time.Duration(nanoseconds), info.ModTime(), true
}

// usedUntilItEnds waits for the end of a command, and says what it itself had
// used of processors, without its children.
func (c *child) usedUntilItEnds() (used time.Duration) {
	for {
		if stat, err := proc.Of(c.Process.Pid); err == nil {
			used = max(used, stat.Used)
		}
		select {
		case <-c.ended:
			return used
		case <-time.After(time.Millisecond):
		}
	}
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/sandbox"
	"ddc/site/config"
	"ddc/wake/strategy"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}

func TestOwnPluginTakesPartInEachStageWhateverCarriesItsCalls(t *testing.T) {
	site := ownSite(t, "sound")
	nothingLeft(t, filepath.Dir(site))
	var want map[string]string
	flags := [][]string{{"--transport", "grpc"}}
	for _, wake := range strategy.Names() {
		flags = append(flags, []string{"--wake", wake, "--wake", "futex,shout=" + wake})
	}
	for _, flags := range flags {
		o := ddc(t, append([]string{"build", site, "--allow", "shout", "-v"}, flags...)...)
		require.Zero(t, o.code, o.stderr)
		assert.Regexp(t, `(?m)^plugin shout 1\.2 \(.+\): markdown, shortcode, function, html, files, check$`, o.stdout)
		assert.Contains(t, o.stderr, "content/a.md:6:1: shout: is still to do (do it)")
		if got := tree(t, filepath.Join(site, "public")); want == nil {
			want = got
		} else {
			assert.Equal(t, want, got, flags)
		}
	}
	home := read(t, site, "public/index.html")
	for _, part := range []string{"HOME 3 2", "<em>ding</em>", "<b>HEY!</b>", "<p>page / has a plugin"} {
		assert.Contains(t, home, part)
	}
	assert.Equal(t, "/\n/a/\n", read(t, site, "public/data/pages.txt")+"\n")
	made := read(t, site, "public/made/index.html")
	for _, part := range []string{"Made", "<p>of a plugin", "calm", "<p>page /made/ has a plugin"} {
		assert.Contains(t, made, part)
	}
}

func TestOwnPluginsAreInTheReport(t *testing.T) {
	site := ownSite(t, "sound")
	o := ddc(t, "build", site, "--allow", "shout", "--json")
	require.Zero(t, o.code, o.stdout)
	r := decodeReport(t, o)
	require.Len(t, r.Own, 1)
	assert.Equal(t, "shout", r.Own[0].Name)
	assert.Equal(t, []string{"markdown", "shortcode", "function", "html", "files", "check"}, r.Own[0].Stages)
	assert.Equal(t, "1.2", r.Own[0].Version)
	assert.Empty(t, r.Own[0].Allowed)
	require.Len(t, r.Warnings, 1)
	assert.Equal(t, "content/a.md:6:1: shout: is still to do (do it)", r.Warnings[0].String())
	assert.Equal(t, "TODO: the rest", r.Warnings[0].Excerpt.Text)

	require.NoError(t, os.WriteFile(filepath.Join(site, "content/a.md"), []byte("+++\n+++\nFIXME\n"), 0o666))
	before := tree(t, filepath.Join(site, "public"))
	o = ddc(t, "build", site, "--allow", "shout")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "content/a.md:3:1: shout: is broken")
	assert.Equal(t, before, tree(t, filepath.Join(site, "public")), "the last output is as it was")
}

// A site that somebody has cloned must not run what it brings along.
func TestOwnProgramIsNotRunUnlessItsUserAllowsIt(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	site := ownSite(t, "sound")
	program := filepath.Join(site, "shout")
	copyOfSelf(t, program, "")
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n"+naming("shout", "./shout", ownRole, "sound"))
	refused := func() {
		t.Helper()
		for _, command := range []string{"build", "check"} {
			o := ddc(t, command, site)
			assert.Equal(t, exitSite, o.code)
			assert.Contains(t, o.stderr, "dodeca.kdl:4:1: the site wants to run a program of its own, ")
			assert.Contains(t, o.stderr, "--allow shout this time, or, until the program changes: ddc plugin trust")
		}
		assert.NoDirExists(t, filepath.Join(site, "public"))
	}
	refused()
	o := ddc(t, "plugin", "trust", site)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, ", trusted")
	o = ddc(t, "check", site)
	require.Zero(t, o.code, o.stderr)

	copyOfSelf(t, program, "another version")
	refused()
	o = ddc(t, "check", site, "--allow", "shout")
	require.Zero(t, o.code, o.stderr)
	require.Zero(t, ddc(t, "plugin", "trust", site).code)
	require.Zero(t, ddc(t, "plugin", "trust", site, "--forget").code)
	refused()
}

// copyOfSelf copies this test binary, with something behind its end. It takes
// its place at once: who looks there never sees a part of it.
func copyOfSelf(t *testing.T, to, more string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer from.Close()
	beside := filepath.Join(t.TempDir(), "copy")
	file, err := os.OpenFile(beside, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(file, from)
	require.NoError(t, err)
	_, err = file.WriteString(more)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, os.Rename(beside, to))
}

func TestInstalledPluginIsFoundOnThePathAndRunWithoutQuestion(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	bin := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	site := ownSite(t, "sound")
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\nplugin \"shout\" {\n    args \""+ownRole+"\" \"html\"\n    stage \"html\"\n}\n",
		"content/_index.md", "", "templates/index.html", htmlPage("home"))
	o := ddc(t, "build", site)
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "dodeca.kdl:4:1: the plugin shout: there is no program ddc-plugin-shout on the PATH")
	copyOfSelf(t, filepath.Join(bin, "ddc-plugin-shout"), "")
	o = ddc(t, "build", site, "-v")
	require.Zero(t, o.code, o.stderr)
	assert.Regexp(t, `plugin shout \(.+ddc-plugin-shout\): html`, o.stdout)
	assert.Contains(t, read(t, site, "public/index.html"), "page / has a plugin")

	inside := filepath.Join(site, "bin")
	require.NoError(t, os.Rename(bin, inside))
	t.Setenv("PATH", inside+":"+os.Getenv("PATH"))
	o = ddc(t, "build", site)
	assert.Equal(t, exitSite, o.code, "a folder of the site on the PATH is the site's")
}

func TestOwnPluginMayDoOnlyWhatItsUserAllows(t *testing.T) {
	if sandbox.Kernel().Landlock == 0 {
		t.Skip("this kernel has no Landlock")
	}
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("the secret"), 0o600))
	site := ownSite(t, "sound", "templates/index.html", htmlPage(fmt.Sprintf("{{ peek(path=%q) }}", secret)), "content/_index.md", "")
	o := ddc(t, "build", site, "--allow", "shout")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, read(t, site, "public/index.html"), "refused")
	o = ddc(t, "build", site, "--allow", "shout=read:"+secret, "-v")
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, read(t, site, "public/index.html"), "the secret")
	assert.Contains(t, o.stdout, "; allowed: read:"+secret)
}

func TestUnchangedOwnPluginIsNotAskedAgainAndARebuiltOneIs(t *testing.T) {
	inOtherProcesses(t)
	remembering(t)
	site := ownSite(t, "sound")
	program := filepath.Join(t.TempDir(), "shout")
	copyOfSelf(t, program, "")
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n"+naming("shout", program, ownRole, "sound"))
	calls := func(flags ...string) (n uint64) {
		r, _ := built(t, append([]string{site}, flags...)...)
		for _, p := range r.Plugins {
			if p.Name == "shout" {
				n = p.Calls
			}
		}
		return n
	}
	cold := calls("--allow", "shout")
	require.NotZero(t, cold)
	want := tree(t, filepath.Join(site, "public"))
	assert.LessOrEqual(t, calls("--allow", "shout"), cold/2, "but for those that are worked out again to compare")
	assert.Equal(t, want, tree(t, filepath.Join(site, "public")))
	copyOfSelf(t, program, "rebuilt")
	assert.Equal(t, cold, calls("--allow", "shout"))
	assert.Equal(t, cold, calls("--allow", "shout=read:"+program), "what may look at more than its requests is not remembered")
}

func TestOwnPluginInThePlaceOfOneOfDdcs(t *testing.T) {
	site := ownSite(t, "minify", "static/main.css", "a { color: red }\n", "templates/index.html", htmlPage(`<link rel="stylesheet" href="/main.css">a`), "templates/page.html", htmlPage("b"), "content/_index.md", "")
	program, err := os.Executable()
	require.NoError(t, err)
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nsearch #false\n"+naming("minify", program, ownRole, "minify"))
	o := ddc(t, "build", site, "--allow", "minify", "-v")
	require.Zero(t, o.code, o.stderr)
	assert.Regexp(t, `plugin minify \(.+\): in the place of ddc's`, o.stdout)
	home := read(t, site, "public/index.html")
	assert.True(t, strings.HasSuffix(home, "<!-- another one, made by  edition -->"))
	assert.Regexp(t, `href="/main\.\w{12}\.css"`, home, "addresses are rewritten before")
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\nplugin \"minify\" command=\"/bin/true\" stage=\"html\"\n")
	o = ddc(t, "build", site, "--allow", "minify")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "takes the place of ddc's own, and has no stages")
}

func TestRebuiltProgramInThePlaceOfOneOfDdcsMakesThePagesAgain(t *testing.T) {
	remembering(t)
	site, program := ownServed(t, "minify", "minify")
	home := func(flags ...string) string {
		built(t, append([]string{site}, flags...)...)
		return read(t, site, "public/index.html")
	}
	assert.Contains(t, home("--allow", "minify"), "made by the first edition")
	copyOfSelf(t, program, edition("the second"))
	assert.Contains(t, home("--allow", "minify"), "made by the second edition")

	// What may look at more than it is asked about is asked again.
	secret := filepath.Join(t.TempDir(), "edition")
	copyOfSelf(t, program, edition("at "+secret))
	for _, name := range []string{"some", "another"} {
		require.NoError(t, os.WriteFile(secret, []byte(name), 0o666))
		assert.Contains(t, home("--allow", "minify=read:"+secret), "made by "+name+" edition")
	}
}

// Plugins that lie, die and dawdle do no more harm than ddc's own would: an
// error that names them, and the last output as it was.
func TestFaultyOwnPluginEndsTheBuildWithAnErrorThatNamesIt(t *testing.T) {
	for kind, want := range map[string]struct {
		code int
		says string
	}{
		// A busy machine may need the time of a call for those before it.
		"slow":        {exitMachinery, `was killed: /ddc.site.v1.SitePlugin/`},
		"dies":        {exitMachinery, `died: exit status 7`},
		"large":       {exitMachinery, `SitePlugin/Html`},
		"a gigabyte":  {exitMachinery, `shout plugin, content/_index.md: rpc error: code = ResourceExhausted desc = cannot send a message of 1073741830 bytes: at most 268435456`},
		"fails":       {exitMachinery, `something broke`},
		"no utf-8":    {exitMachinery, `unmarshal ddc.site.v1.HtmlResponse: string field contains invalid UTF-8`},
		"refuses":     {exitSite, `content/_index.md: this page is not to be had`},
		"unwritten":   {exitSite, `dodeca.kdl:4:1: the plugin shout does not implement Html`},
		"no Describe": {exitSite, `the plugin shout has no Describe, and the configuration names no stage`},
		"newer":       {exitSite, `needs revision 7 of ddc.site.v1, and this ddc knows 1`},
		"nothing":     {exitSite, `says that it does nothing`},
		"odd name":    {exitSite, `has a shortcode "../shout"`},
		"outside":     {exitSite, `adds "../../outside.txt", which is no path below the output folder`},
		"twice":       {exitSite, `adds "data/pages.txt" twice`},
		"in the way":  {exitSite, `would write a/index.html, as would content/a.md`},
		"no template": {exitSite, `templates/nothing.html: is missing: the plugin shout needs it`},
		"no JSON":     {exitSite, `answers the function louder with what is no JSON`},
		"deep JSON":   {exitSite, `answers the function louder with what is no JSON`},
		"deeper JSON": {exitSite, `answers the function louder with what is no JSON`},
		"wide JSON":   {exitSite, `answers the function louder with what is no JSON`},

		"slow shortcode":   {exitMachinery, `was killed: /ddc.site.v1.SitePlugin/`},
		"many files":       {exitSite, `adds 200002 files and pages; at most 100000 are taken`},
		"long name":        {exitSite, `adds a path of 2097152 bytes`},
		"zero":             {exitSite, `adds "data/`},
		"a million faults": {exitMachinery, `sent too much in answer to /ddc.site.v1.SitePlugin/Check`},
		"many faults":      {exitSite, `is wrong`},
		"long faults":      {exitSite, `is wrong`},
	} {
		t.Run(kind, func(t *testing.T) {
			site := ownSite(t, kind, "public/index.html", "the last output", "public/.ddc", "")
			nothingLeft(t, site)
			before := tree(t, filepath.Join(site, "public"))
			arguments := []string{"build", site, "--allow", "shout", "--memory-limit", "512MiB"}
			if kind == "a gigabyte" { // of which there is to be one at a time, so that the kernel does not end it
				arguments = []string{"build", site, "--allow", "shout", "--memory-limit", "3GiB", "--jobs", "1"}
			}
			if strings.HasPrefix(kind, "slow") {
				arguments = append(arguments, "--call-timeout", "shout=2s")
			}
			o := ddc(t, arguments...)
			assert.Equal(t, want.code, o.code, o.stderr)
			assert.Contains(t, o.stderr, want.says)
			assert.Less(t, len(o.stderr), 1<<20, "what is told")
			assert.Equal(t, before, tree(t, filepath.Join(site, "public")))
			assert.NoFileExists(t, filepath.Join(filepath.Dir(site), "outside.txt"))
		})
	}
}

func TestPlacesThatAPluginMakesUpAreLeftOut(t *testing.T) {
	site := ownSite(t, "misplaced", "content/a.md", "+++\n+++\na\n")
	o := ddc(t, "build", site, "--allow", "shout")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "content/a.md: shout: beyond the end")
	assert.Contains(t, o.stderr, "content/a.md:1:1: shout: elsewhere")
	assert.NotContains(t, o.stderr, "/etc/passwd")
	assert.NotContains(t, o.stderr, "\x1b[31m")
}

func TestFunctionThatRefusesItsArgumentsIsAFaultOfTheTemplate(t *testing.T) {
	site := ownSite(t, "sound", "templates/page.html", htmlPage(`{{ louder(text="silence").text }}`))
	o := ddc(t, "build", site, "--allow", "shout")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "templates/page.html:1:70: louder: shout: silence is not louder")
	write(t, site, "templates/page.html", htmlPage(`{{ louder(txt="a") }}`), "content/a.md", "+++\n+++\n\n{{ shout() }}\n")
	o = ddc(t, "build", site, "--allow", "shout")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, `the function louder takes no "txt" (did you mean text?)`)
	write(t, site, "templates/page.html", htmlPage(``))
	o = ddc(t, "build", site, "--allow", "shout")
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, o.stderr, "content/a.md:4:1: shout needs a text")
}

func TestProgramThatIsNoPluginIsSaid(t *testing.T) {
	site := ownSite(t, "sound")
	write(t, site, ".config/dodeca.kdl", "content \"content\"\noutput \"public\"\n"+naming("shout", "/bin/true"))
	o := ddc(t, "build", site, "--allow", "shout")
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, o.stderr, "shout plugin, .config/dodeca.kdl: ")
	assert.Contains(t, o.stderr, "given up after 3 attempts: plugin shout died: exit status 0, before it had attached to its host (to try it by itself: ddc plugin test /bin/true)")
	o = ddc(t, "build", site, "--allow", "shout", "--transport", "grpc")
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, o.stderr, "exit status 0, before it had attached to its host")
}

func TestServerRefusesOtherPluginsThanItWasStartedWith(t *testing.T) {
	named := config.Plugin{Name: "shout", Command: "./shout"}
	all := ownPlugins{{Plugin: named}}
	assert.NoError(t, all.unchanged(&config.Config{Plugins: []config.Plugin{named}}))
	for _, other := range [][]config.Plugin{nil, {named, named}, {{Name: "shout", Command: "./other"}}, {{Name: "shout", Command: "./shout", Args: []string{"a"}}}} {
		assert.ErrorContains(t, all.unchanged(&config.Config{Plugins: other}), "start it again")
	}
}

// It called the build that Ctrl-C had broken off a fault of the plugin.
func TestPluginTestThatIsInterruptedFindsNoFault(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	nothingLeft(t, t.TempDir())
	notIgnored(t, syscall.SIGINT)
	c := exec.CommandContext(t.Context(), program, "plugin", "test", program, ownRole, "slow in a site")
	var said bytes.Buffer // read once it has ended
	c.Stdout, c.Stderr = &said, &said
	require.NoError(t, c.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Wait() }()
	await.Until(t, "the site to be built", func() bool {
		found, err := filepath.Glob(filepath.Join(os.TempDir(), "ddc-plugin-test-*", "site", "content"))
		return err == nil && len(found) > 0
	})
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	await.Closed(t, "it to end", ended)
	assert.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), said.String())
	assert.NotContains(t, said.String(), "FAULT")
	assert.Contains(t, said.String(), "ddc: interrupted")
	await.Until(t, "its folder to be removed, by its heir on a busy machine", func() bool {
		left, err := filepath.Glob(filepath.Join(os.TempDir(), "ddc-*"))
		return err == nil && len(left) == 0
	})
}

func TestPluginUnderTestIsJudged(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	nothingLeft(t, t.TempDir())
	o := ddc(t, "plugin", "test", program, ownRole, "sound")
	require.Zero(t, o.code, o.stdout+o.stderr)
	assert.Contains(t, o.stdout, "Shortcode shout")
	assert.Contains(t, o.stdout, "refused: shout needs a text")
	assert.Contains(t, o.stdout, "added 1 file and 1 page")
	assert.Contains(t, o.stdout, "ok     a small site of ")
	assert.Contains(t, o.stdout, ", 0 faults\n")
	for kind, says := range map[string]string{
		"outside":   `it adds "../../outside.txt"`,
		"unwritten": "Describe lists it, and it is not implemented",
		"dies":      "died: exit status 7",
		"misplaced": "a problem at line 2147483647",
		"no JSON":   "its value_json is no JSON",
		"newer":     "it needs revision 7",
	} {
		o := ddc(t, "plugin", "test", program, ownRole, kind)
		assert.Equal(t, exitSite, o.code, kind)
		assert.Contains(t, o.stdout, says)
	}
	o = ddc(t, "plugin", "test", "--stage", "html", program, ownRole, "html")
	assert.Zero(t, o.code, o.stdout)
	assert.Equal(t, exitUsage, ddc(t, "plugin", "test", "/not/there").code)
}

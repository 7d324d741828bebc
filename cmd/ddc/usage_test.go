package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/tool"
	"ddc/site/config"
	"ddc/wake/strategy"
)

func TestWrongUsageEndsWithTwoAndSaysWhatIsRight(t *testing.T) {
	site := smallSite(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"build", site, "--wake", "carrier-pigeon"}, `unknown strategy "carrier-pigeon": choose one of ` + strings.Join(strategy.Names(), ", ")},
		{[]string{"build", site, "--wake", "fuetx"}, "did you mean futex?"},
		{[]string{"build", site, "--wake", "futex,fnots=pipe"}, `unknown plugin "fnots" (did you mean fonts?)`},
		{[]string{"build", site, "--wake", "futex,pipe"}, "are both to be the strategy of all plugins"},
		{[]string{"build", site, "--wake", "fonts=pipe,fonts=futex"}, "fonts is named twice"},
		{[]string{"build", site, "--wake", "fonts="}, `unknown strategy ""`},
		{[]string{"build", site, "--transport", "tcp"}, `"tcp" is none of shm, inproc, grpc`},
		{[]string{"build", site, "--spin", "long"}, `"long" is none of auto, off or a duration`},
		{[]string{"build", site, "--jobs", "-1"}, "a number from 1"},
		{[]string{"build", site, "--jobs", "many"}, `--jobs "many": a whole number is wanted (see "ddc build --help")`},
		{[]string{"build", site, "-j", "x"}, `--jobs "x": a whole number is wanted (see "ddc build --help")`},
		{[]string{"build", site, "--hang-after", "soon"}, `--hang-after "soon": a time such as 500ms, 20s or 5m is wanted`},
		{[]string{"build", site, "--strict=perhaps"}, `--strict "perhaps": true or false is wanted`},
		{[]string{"build", site, "--jobs"}, `flag needs an argument: --jobs (see "ddc build --help")`},
		{[]string{"build", site, "--wak", "futex"}, `unknown flag: --wak (did you mean --wake? Else see "ddc build --help")`},
		{[]string{"build", site, "--zzz"}, `unknown flag: --zzz (see "ddc build --help")`},
		{[]string{"build", site, "-q", "-v"}, "--quiet and --verbose"},
		{[]string{"build", "one", "two"}, "accepts at most 1 arg"},
		{[]string{"wake", "lsit"}, `unknown command "lsit" for "ddc wake" (did you mean list? Else see "ddc wake --help")`},
		{[]string{"zzz"}, `unknown command "zzz" for "ddc" (see "ddc --help")`},
		{[]string{"build", "/no/such/folder"}, "no such file or directory"},
		{[]string{"biuld"}, `unknown command "biuld" for "ddc" (did you mean build? Else see "ddc --help")`},
		{[]string{"build", t.TempDir(), "--transport", "tcp"}, `"tcp" is none of shm, inproc, grpc`},
		{[]string{"build", t.TempDir(), "--wake", "fuetx"}, "did you mean futex?"},
		{[]string{"init", site}, "not empty"},
		{[]string{"init", ""}, "the folder has no name"},
		{[]string{"init", "new", "--theme", "blgo"}, `no such theme: "blgo"; did you mean "blog"?`},
		{[]string{"plugin"}, "accepts 1 arg"},
		{[]string{"plugin", "fotns"}, "did you mean fonts?"},
		{[]string{"plugin", "fonts"}, "its host starts it"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			o := ddc(t, c.args...)
			assert.Equal(t, exitUsage, o.code)
			assert.Contains(t, o.stderr, c.want)
			assert.NotContains(t, o.stderr, "strconv")
			assert.Empty(t, o.stdout)
		})
	}
}

// pathCase is a path on the command line that is not what it should be.
type pathCase struct {
	name string
	args []string
	want string
}

// wrongPaths are such, for a site and a folder of the test's with a file, a link in
// a circle, and a folder that others' files are in.
func wrongPaths(site, folder string) []pathCase {
	file, circle := filepath.Join(folder, "file"), filepath.Join(folder, "circle")
	long := filepath.Join(folder, strings.Repeat("x", 300))
	cases := []pathCase{
		{"DIR is a file", []string{"build", file}, "not a directory"},
		{"DIR is below a file", []string{"build", file + "/below"}, "not a directory"},
		{"DIR is a device", []string{"build", "/dev/null"}, "not a directory"},
		{"DIR is a circle", []string{"build", circle}, "too many levels of symbolic links"},
		{"DIR is too long", []string{"build", long}, "file name too long"},
		{"clean a file", []string{"clean", file}, "not a directory"},
		{"clean nothing", []string{"clean", "/no/such/folder"}, "no such file or directory"},
		{"init a file", []string{"init", file}, "not a directory"},
		{"init below a file", []string{"init", file + "/below"}, "not a directory"},
		{"init in sysfs", []string{"init", "/sys/ddc"}, "make a site in /sys/ddc"},
		{"trace", []string{"build", site, "--trace", file + "/trace"}, "--trace: open"},
		{"trace into a folder", []string{"build", site, "--trace", folder}, "is a directory"},
		{"memory", []string{"build", site, "--memory-limit", "lots"}, "--memory-limit"},
		{"time", []string{"build", site, "--call-timeout", "soon"}, "--call-timeout"},
		{"page of the verdict", []string{"wake", "verdict", "--matrix", file, "--bench", file}, "--matrix"},
	}
	for name, output := range map[string]string{
		"a file": file, "below a file": file + "/out", "a device": "/dev/null", "below a device": "/dev/null/out", "a circle": circle,
		"below a circle": circle + "/out", "too long": long, "in procfs": "/proc/ddc-out", "in sysfs": "/sys/ddc-out", "a device by a link": filepath.Join(folder, "device"),
	} {
		cases = append(cases, pathCase{"output is " + name, []string{"build", site, "-o", output, "--no-code-exec"}, "the output cannot be written there"})
	}
	return cases
}

// A wrong path from the caller is neither the machinery's failure nor the
// site's fault.
func TestPathThatIsNotWhatItShouldBeIsWrongUsage(t *testing.T) {
	site, folder := smallSite(t), t.TempDir()
	write(t, folder, "file", "text")
	require.NoError(t, os.Symlink("circle", filepath.Join(folder, "circle")))
	require.NoError(t, os.Symlink("/dev/null", filepath.Join(folder, "device")))
	locked := filepath.Join(folder, "locked")
	require.NoError(t, os.Mkdir(locked, 0o500))
	cases := wrongPaths(site, folder)
	if os.Geteuid() != 0 { // root may write anywhere
		cases = append(cases, pathCase{"output is in a folder that may not be written", []string{"build", site, "-o", locked + "/out"}, "permission denied"},
			pathCase{"init where nothing may be written", []string{"init", locked + "/site"}, "permission denied"})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := ddc(t, c.args...)
			assert.Equal(t, exitUsage, o.code, o.stderr)
			assert.Contains(t, o.stderr, c.want)
			assert.True(t, strings.HasPrefix(o.stderr, "ddc: "), o.stderr)
			assert.Empty(t, o.stdout)
			if c.args[0] == "build" {
				asJSON := ddc(t, append(c.args, "--json")...)
				assert.Equal(t, exitUsage, asJSON.code, asJSON.stdout+asJSON.stderr)
			}
		})
	}
	assert.FileExists(t, filepath.Join(folder, "file"))
}

// A fault in a site's files is the site's fault, wherever the error comes from.
func TestFaultsOfASiteAreNeverTheMachinerys(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, site string){
		"configuration is a folder": func(t *testing.T, site string) {
			require.NoError(t, os.Remove(filepath.Join(site, config.Name)))
			require.NoError(t, os.Mkdir(filepath.Join(site, config.Name), 0o777))
		},
		"configuration is too large": func(t *testing.T, site string) {
			write(t, site, config.Name, "content \"content\"\n// "+strings.Repeat("x", 2<<20))
		},
		"cache is a link out of the project": func(t *testing.T, site string) {
			require.NoError(t, os.Symlink("/", filepath.Join(site, ".cache")))
		},
		"content is a file": func(t *testing.T, site string) {
			write(t, site, "file", "", config.Name, "content \"file\"\noutput \"public\"\n")
		},
		"template is deep": func(t *testing.T, site string) {
			write(t, site, "templates/page.html", strings.Repeat("{% if true %}", 50_000)+strings.Repeat("{% endif %}", 50_000))
		},
		"template has a deep value": func(t *testing.T, site string) {
			write(t, site, "templates/page.html", "{{ "+strings.Repeat("(", 50_000)+"1"+strings.Repeat(")", 50_000)+" }}")
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := smallSite(t)
			spoil(t, site)
			o := ddc(t, "build", site, "--no-code-exec")
			assert.Equal(t, exitSite, o.code, o.stderr)
			assert.Regexp(t, `(?m)^error: .`, o.stderr)
			assert.Contains(t, o.stderr, "Build failed: ")
			assert.Less(t, len(o.stderr), 2000)
		})
	}
}

func TestEndlessSassIsTheSitesFault(t *testing.T) {
	inOtherProcesses(t)
	if _, err := tool.Find("sass"); err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct{ sass, want string }{
		"calls itself": {"a { b: c }\n@function f($n) { @return f($n + 1); }\na { b: f(1) }\n", "error: sass/main.scss:2:1: the Sass calls itself without end"},
		"loops":        {"a { b: c }\n  @while true { $x: 1; }\n", "error: sass/main.scss:2:3: the Sass did not compile within"},
	} {
		for _, transport := range []string{"shm", "inproc"} {
			t.Run(name+" "+transport, func(t *testing.T) {
				site := smallSite(t)
				write(t, site, "sass/main.scss", c.sass)
				o := ddc(t, "build", site, "--no-code-exec", "--transport", transport, "--call-timeout", "sass=8s")
				assert.Equal(t, exitSite, o.code, o.stderr)
				assert.Contains(t, o.stderr, c.want)
				assert.NotContains(t, o.stderr, "dart")
				assert.Equal(t, 2, strings.Count(o.stderr, "\n"), o.stderr)
			})
		}
	}
}

func TestWakeIsChosenByFlagThenEnvironmentThenConfiguration(t *testing.T) {
	cfg := &config.Config{Wake: "pipe"}
	c, err := chooseWake("eventfd,fonts=futex", "socketpair", cfg)
	assert.NoError(t, err)
	assert.Equal(t, wakeChoice{"eventfd", map[string]string{"fonts": "futex"}}, c)
	c, err = chooseWake("", "socketpair", cfg)
	assert.NoError(t, err)
	assert.Equal(t, "socketpair", c.all)
	c, err = chooseWake("", "", cfg)
	assert.NoError(t, err)
	assert.Equal(t, "pipe", c.all)
	c, err = chooseWake("", "", &config.Config{})
	assert.NoError(t, err)
	assert.Equal(t, "futex", c.all)
	c, err = chooseWake("fonts=pipe", "", &config.Config{})
	assert.NoError(t, err)
	assert.Equal(t, wakeChoice{"futex", map[string]string{"fonts": "pipe"}}, c)

	_, err = chooseWake("", "smoke", cfg)
	assert.ErrorContains(t, err, `DDC_WAKE: unknown strategy "smoke"`)
	_, err = chooseWake("", "", &config.Config{Wake: "drums"})
	assert.ErrorContains(t, err, `.config/dodeca.kdl: wake: unknown strategy "drums"`)
}

func TestHelpAndVersionAndCompletion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"build", "--help"}, {"wake", "--help"}, {"version"}, {"completion", "bash"}, {"completion", "fish"}, {"completion", "zsh"}} {
		o := ddc(t, args...)
		assert.Zero(t, o.code, args)
		assert.NotEmpty(t, o.stdout, args)
	}
	assert.Contains(t, ddc(t, "--help").stdout, "Exit codes: 0 done, 1 the site is at fault, 2 wrong usage, 3 the machinery")
	assert.Contains(t, ddc(t, "__complete", "build", "--wake", "").stdout, "socketpair")
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ddc/internal/sandbox"
	"ddc/plugin/host"
	"ddc/site/config"
)

// fortress is a site whose one sample tries to get out, with what is outside.
// Ordinary users can build it.
type fortress struct {
	program, site, outside string
	server                 net.Listener
}

// public is a folder that everyone may read.
func public(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755))
	return folder
}

func newFortress(t *testing.T) *fortress {
	t.Helper()
	if k := sandbox.Kernel(); k.Landlock < 4 || !k.Seccomp {
		t.Skipf("this kernel offers %v", k)
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash, which can connect without a program to do it")
	}
	f := &fortress{program: filepath.Join(public(t), "ddc"), site: filepath.Join(public(t), "site"), outside: public(t)}
	self, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer self.Close()
	copied, err := os.OpenFile(f.program, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(copied, self)
	require.NoError(t, err)
	require.NoError(t, copied.Close())
	require.NoError(t, os.WriteFile(filepath.Join(f.outside, "secret"), []byte("secret"), 0o644))
	f.server, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.server.Close()) })
	f.configure(t, "")
	_, port, err := net.SplitHostPort(f.server.Addr().String())
	require.NoError(t, err)
	write(t, f.site, "templates/index.html", "<html><body>{{ section.content | safe }}</body></html>\n", "content/_index.md", fmt.Sprintf(`+++
title = "x"
+++

`+"```bash"+`
out=
cat '%[1]s/secret' && out="$out read"
(exec 3<>/dev/tcp/127.0.0.1/%[2]s) && out="$out connected"
(echo x > '%[1]s/new') && out="$out wrote"
if [ -n "$out" ]; then echo "got out:$out" >&2; exit 1; fi
grep -q 'NoNewPrivs:.1' /proc/self/status
`+"```\n", f.outside, port))
	return f
}

func (f *fortress) configure(t *testing.T, settings string) {
	t.Helper()
	write(t, f.site, config.Name, "content \"content\"\noutput \"public\"\ncode_execution {\n  bash { command \"bash\" }\n  "+settings+"\n}\n")
}

// build builds the site as root or as nobody, where the kernel refuses calls.
func (f *fortress) build(t *testing.T, nobody bool, environment, flags []string, errno syscall.Errno, calls ...sandbox.Call) (outcome, buildReport) {
	t.Helper()
	for _, left := range []string{"public", ".cache"} { // a sample that ran well is not run again
		require.NoError(t, os.RemoveAll(filepath.Join(f.site, left)))
	}
	temporary := public(t)
	cmd := exec.Command(f.program, append([]string{"build", f.site, "--json"}, flags...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + temporary, "TMPDIR=" + temporary}, environment...)
	cmd.Dir = f.site
	if os.Geteuid() == 0 {
		owner := 0
		if nobody {
			owner = 65534
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		for _, folder := range []string{temporary, f.outside} {
			require.NoError(t, os.Chown(folder, owner, owner))
		}
		require.NoError(t, filepath.WalkDir(f.site, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, owner, owner)
		}))
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	failed := make(chan error)
	go sandbox.OnThread(func() {
		var err error
		if len(calls) > 0 {
			err = sandbox.Refuse(errno, calls...)
		}
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			_ = cmd.Wait() // the exit code is looked at
		}
		failed <- err
	})
	require.NoError(t, <-failed)
	o := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	var r buildReport
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &r), "%d: %s", o.code, o.stderr)
	return o, r
}

// messages are all that went wrong.
func messages(r buildReport) string {
	var all []string
	for _, e := range r.Errors {
		all = append(all, fmt.Sprintf("%s:%d:%d: %s (%s)", e.File, e.Line, e.Col, e.Message, e.Hint))
	}
	return strings.Join(all, "\n")
}

// How a build ends if the kernel refuses calls. A letter for each layer:
// no_new_privs, capabilities, Landlock, seccomp. x it holds; - it is left out,
// and what only it forbids is possible; ! it fails, and the build ends with 3.
var refusedBuilds = []struct{ calls, root, nobody string }{
	{"", "xxxx", "xxxx"},
	{"prctl(PR_SET_NO_NEW_PRIVS)", "!xxx", "!x!!"},
	{"prctl(PR_CAPBSET_DROP)+capset", "x!xx", "xxxx"},
	{"capset", "xxxx", "xxxx"},
	{"landlock_create_ruleset", "xx-x", "xx-x"},
	{"landlock_create_ruleset(attributes)", "xx!x", "xx!x"},
	{"landlock_add_rule", "xx!x", "xx!x"},
	{"landlock_restrict_self", "xx!x", "xx!x"},
	{"seccomp", "xxx-", "xxx-"},
	{"seccomp(SET_MODE_FILTER)", "xxx!", "xxx!"},
	{"landlock_create_ruleset+seccomp", "xx--", "xx--"},
}

func TestAPluginIsNotStartedWithoutALayerThatTheKernelHas(t *testing.T) {
	inOtherProcesses(t)
	f := newFortress(t)
	all := sandbox.Refusals()
	for _, row := range refusedBuilds {
		var calls []sandbox.Call
		for name := range strings.SplitSeq(row.calls, "+") {
			if name != "" {
				require.Contains(t, all, name)
				calls = append(calls, all[name])
			}
		}
		for _, errno := range []syscall.Errno{unix.EPERM, unix.ENOSYS} {
			for _, nobody := range []bool{true, false} {
				if os.Geteuid() != 0 && (!nobody || len(calls) > 0 && row.nobody[0] == '!') {
					continue // a filter of ordinary users takes no_new_privs: then nothing is to be refused
				}
				if errno == unix.ENOSYS && !nobody {
					continue // internal/sandbox tries these
				}
				want := row.root
				if nobody {
					want = row.nobody
				}
				t.Run(fmt.Sprintf("%s %s nobody=%t", row.calls, unix.ErrnoName(errno), nobody), func(t *testing.T) {
					o, r := f.build(t, nobody, nil, nil, errno, calls...)
					f.assertBuilt(t, want, o, r)
				})
			}
		}
	}
}

func (f *fortress) assertBuilt(t *testing.T, layers string, o outcome, r buildReport) {
	t.Helper()
	said := messages(r)
	held := []bool{r.Sandbox.NoNewPrivileges, r.Sandbox.Capabilities, r.Sandbox.Landlock > 0, r.Sandbox.Seccomp}
	for i, name := range []string{"no_new_privs", "capabilities", "Landlock", "seccomp"} {
		assert.Equal(t, layers[i] == 'x', held[i], name)
		assert.Equal(t, layers[i] == '!', strings.Contains(said, name+", which this kernel has, cannot be applied"), "%s: %s", name, said)
	}
	if strings.Contains(layers, "!") {
		assert.Equal(t, exitMachinery, o.code)
		assert.Contains(t, said, "so it was not started (--no-sandbox starts it without)")
		for _, p := range r.Plugins {
			assert.Zero(t, p.PID, "%s runs", p.Name)
		}
		assert.NoDirExists(t, filepath.Join(f.site, "public"))
		return
	}
	want := exitOK
	if layers[2] == '-' {
		want = exitSite
		assert.Contains(t, said, "got out: read")
		assert.Equal(t, layers[3] == '-', strings.Contains(said, "connected"), said)
	}
	assert.Equal(t, want, o.code, said)
}

// The last layer a plugin applies itself, before it answers anything.
func TestAPluginThatCannotForbidItselfProgramsAnswersNothing(t *testing.T) {
	inOtherProcesses(t)
	f := newFortress(t)
	o, r := f.build(t, true, nil, nil, unix.EPERM, sandbox.Refusals()["seccomp(.., TSYNC)"])
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, messages(r), "the sandbox failed (--no-sandbox does without): forbid programs: seccomp, which this kernel has, cannot be applied")
	assert.NoDirExists(t, filepath.Join(f.site, "public"))
}

// The fortress is one only if somebody could get out of it.
func TestWithoutASandboxTheSampleGetsOut(t *testing.T) {
	inOtherProcesses(t)
	f := newFortress(t)
	o, r := f.build(t, false, nil, []string{"--no-sandbox"}, unix.EPERM, sandbox.Refusals()["landlock_add_rule"])
	assert.Equal(t, exitSite, o.code)
	assert.Contains(t, messages(r), "got out: read connected wrote")
	assert.Empty(t, r.Sandbox)
}

// In one process with the plugins, samples are held by their own sandbox alone.
func TestASampleIsNotStartedWithoutALayerThatTheKernelHas(t *testing.T) {
	inOtherProcesses(t)
	f := newFortress(t)
	o, r := f.build(t, false, nil, []string{"--transport", "inproc"}, unix.EPERM, sandbox.Refusals()["landlock_add_rule"])
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, messages(r), "Landlock, which this kernel has, cannot be applied")
	assert.Contains(t, messages(r), "so it was not started (--no-sandbox starts it without)")
}

// An odd path in the environment costs that path, not the sandbox.
func TestAnEnvironmentOfOddPathsLeavesTheSandboxWhole(t *testing.T) {
	inOtherProcesses(t)
	f := newFortress(t)
	folder := public(t)
	loop, long, endless := filepath.Join(folder, "loop"), filepath.Join(folder, strings.Repeat("x", 256)), "/"+strings.Repeat("x/", 2100)
	require.NoError(t, os.Symlink("loop", loop))
	path := "PATH=" + os.Getenv("PATH")
	for _, environment := range [][]string{
		{"HOME=" + loop}, {"HOME=" + long}, {"HOME=" + endless},
		{path + ":" + long}, {path + ":" + loop + ":" + endless}, {path + ":/proc/self/fd/1:/dev/null/bin"},
		{"CARGO_HOME=" + loop, "RUSTUP_HOME=" + endless}, {"CARGO_HOME=" + long, "RUSTUP_HOME=/proc/self/fd/1"},
		{"DDC_SAMPLES_WRITE=" + loop + ":" + long + ":" + endless + "::/proc/self/fd/1"},
	} {
		o, r := f.build(t, true, environment, []string{"-v"}, 0)
		assert.Zero(t, o.code, "%.60q: %s", environment, messages(r))
		assert.Equal(t, host.Layers(sandbox.Kernel()), r.Sandbox, "%.60q", environment)
		assert.Contains(t, o.stderr, "a path is left out of what a plugin may use", "%.60q", environment)
	}
}

// Paths in the configuration cannot widen the sandbox. Odd ones are the site's
// fault.
func TestAConfigurationOfOddPathsIsTheSitesFault(t *testing.T) {
	f := newFortress(t)
	require.NoError(t, os.Symlink("loop", filepath.Join(f.site, "loop")))
	require.NoError(t, os.Symlink(f.outside, filepath.Join(f.site, "out")))
	for _, path := range []string{
		strings.Repeat("x", 300), strings.Repeat("x/", 2100), "loop", "loop/below", "out", "out/below", "/", "..", f.outside, os.TempDir(), "/etc", "/proc/self/fd/1", `a\u{0}b`,
	} {
		for setting, col := range map[string]int{`cache_dir "` + path + `"`: 3, `dependency "near" path="` + path + `"`: 26} {
			f.configure(t, setting)
			o, r := f.build(t, true, nil, nil, 0)
			assert.Equal(t, exitSite, o.code, "%.60q", setting)
			if assert.Len(t, r.Errors, 1, "%.60q", setting) {
				assert.Equal(t, config.Name, r.Errors[0].File)
				assert.Equal(t, 5, r.Errors[0].Line)
				assert.Equal(t, col, r.Errors[0].Col, "%.60q", setting)
				assert.NotEmpty(t, r.Errors[0].Hint, "%.60q", setting)
			}
			assert.NoDirExists(t, filepath.Join(f.site, "public"))
		}
	}
	// A folder that a person allows by name is allowed alone: the sample gains
	// nothing else.
	elsewhere := filepath.Join(public(t), "cache")
	require.NoError(t, os.Mkdir(elsewhere, 0o777))
	require.NoError(t, os.Chmod(elsewhere, 0o777))
	f.configure(t, `cache_dir "`+elsewhere+`"`)
	for range 2 { // it is a cache the second time
		o, r := f.build(t, true, []string{config.AllowVariable + "=" + elsewhere}, nil, 0)
		assert.Zero(t, o.code, messages(r))
		assert.DirExists(t, filepath.Join(elsewhere, "results"))
	}
}

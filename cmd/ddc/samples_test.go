package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
	"ddc/internal/enclosure"
)

// daemon is what a shell starts to be rid of its parents: a session of its own,
// a parent that ends at once, no standard streams.
const daemon = "(setsid sh -c 'sleep 1000 & exit' <&- >&- 2>&- &)\n"

// stage is where a build of one user happens, out of the way of folders that
// only root may enter.
type stage struct {
	t            *testing.T
	folder, site string
	program      string
	user         *syscall.Credential
	// bare says that the kernel grants the user no namespaces.
	bare bool
}

// nobodyElse is the ordinary user, where the tests are root's.
var nobodyElse = &syscall.Credential{Uid: nobody, Gid: nobody}

// onStages runs a test as we are, and as an ordinary user.
func onStages(t *testing.T, test func(t *testing.T, s *stage)) {
	onStage(t, "as we are", nil, false, test)
	onStage(t, "as nobody", nobodyElse, false, test)
}

// onAllStages is onStages, and as an ordinary user where the kernel grants no
// namespaces: then the warden is a subreaper.
func onAllStages(t *testing.T, test func(t *testing.T, s *stage)) {
	onStages(t, test)
	onStage(t, "as nobody without namespaces", nobodyElse, true, test)
}

func onStage(t *testing.T, name string, user *syscall.Credential, bare bool, test func(t *testing.T, s *stage)) {
	t.Run(name, func(t *testing.T) {
		if user != nil && os.Getuid() != 0 {
			t.Skip("only root can become somebody else")
		}
		if bare && !canBeBare() {
			t.Skip("no user namespace, in which to forbid others, or no setpriv")
		}
		folder, err := os.MkdirTemp("", "stage-")
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
		s := &stage{t: t, folder: folder, site: filepath.Join(folder, "site"), program: filepath.Join(folder, "bin", "ddc"), user: user, bare: bare}
		binary, err := os.ReadFile(os.Args[0])
		require.NoError(t, err)
		write(t, folder, "bin/ddc", string(binary), "tmp/.keep", "", "out/.keep", "", "home/.keep", "")
		require.NoError(t, errors.Join(os.Chmod(folder, 0o755), os.Chmod(s.program, 0o755)))
		test(t, s)
	})
}

// bareLine is a shell's line that runs a program as nobody where there are no
// more namespaces to be had. It needs a user namespace, which it spoils.
const bareLine = `echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$0" "$@"`

// spoilt is bareLine around a program.
func spoilt(program string, args ...string) *exec.Cmd {
	c := exec.Command("/bin/sh", append([]string{"-c", bareLine, program}, args...)...)
	same := []syscall.SysProcIDMap{{Size: nobody + 1}}
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: same, GidMappings: same, GidMappingsEnableSetgroups: true}
	return c
}

func canBeBare() bool {
	return spoilt("/bin/true").Run() == nil && spoilt("unshare", "-U", "/bin/true").Run() != nil
}

// samples makes the site: a page for each sample, in sh. Its sample begins at
// line 5.
func (s *stage) samples(settings string, codes map[string]string) {
	s.t.Helper()
	write(s.t, s.site,
		".config/dodeca.kdl", "content \"content\"\noutput \"public\"\ncode_execution {\n enabled #true\n "+settings+"\n probe {\n  command \"sh\"\n  extension \"sh\"\n  show_output #true\n }\n}\n",
		"content/_index.md", "+++\ntitle = \"x\"\n+++\n", "templates/index.html", "<p>{{ section.title }}</p>", "templates/section.html", "<p>{{ section.title }}</p>",
		"templates/page.html", "<p>{{ page.title }}</p>")
	for name, code := range codes {
		write(s.t, s.site, "content/"+name+".md", "+++\ntitle = \"x\"\n+++\n\n```probe\n"+code+"\n```\n")
	}
}

// command is a build of the site.
func (s *stage) command(flags ...string) *exec.Cmd {
	s.t.Helper()
	require.NoError(s.t, filepath.WalkDir(s.folder, func(path string, d os.DirEntry, err error) error {
		if err == nil && s.user != nil {
			err = os.Lchown(path, int(s.user.Uid), int(s.user.Gid))
		}
		return err
	}))
	args := append([]string{"build", s.site, "-o", filepath.Join(s.folder, "out", "public")}, flags...)
	c := exec.Command(s.program, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	if s.bare {
		c = spoilt(s.program, args...)
	}
	c.Dir = s.folder
	c.Env = append(os.Environ(), "HOME="+filepath.Join(s.folder, "home"), "TMPDIR="+filepath.Join(s.folder, "tmp"), "CARGO_HOME=", "DDC_SAMPLES_WRITE="+filepath.Join(s.folder, "out"))
	return c
}

// build builds the site, and says how that ended.
func (s *stage) build(flags ...string) outcome {
	s.t.Helper()
	c := s.command(flags...)
	said, err := c.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(s.t, err)
	}
	return outcome{code: c.ProcessState.ExitCode(), stderr: string(said)}
}

// held makes a pipe that samples hold open, and returns a shell's line for
// that.
func (s *stage) held() (open string, end *os.File) {
	s.t.Helper()
	path := filepath.Join(s.folder, "out", "held")
	require.NoError(s.t, syscall.Mkfifo(path, 0o600))
	end, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { end.Close() })
	require.NoError(s.t, end.SetReadDeadline(time.Now().Add(await.Limit)))
	return "exec 9>" + path + "\n", end
}

// begun waits until a sample has written to the pipe of held.
func (s *stage) begun(end *os.File) {
	s.t.Helper()
	for n := 0; n == 0; {
		var err error
		if n, err = end.Read(make([]byte, 8)); err != nil && !errors.Is(err, io.EOF) {
			require.NoError(s.t, err, "wait for the sample to begin")
		}
	}
}

func (s *stage) nothingTemporary() {
	s.t.Helper()
	await.Until(s.t, "temporary files to be removed", func() bool {
		entries, err := os.ReadDir(filepath.Join(s.folder, "tmp"))
		return err == nil && len(entries) == 1
	})
}

func TestABuildSaysWhichKindOfWardenItsSamplesHad(t *testing.T) {
	inOtherProcesses(t)
	onAllStages(t, func(t *testing.T, s *stage) {
		s.samples("", map[string]string{"a": "echo $PPID >" + filepath.Join(s.folder, "out", "parent")})
		said, err := s.command("--json").Output()
		require.NoError(t, err, string(said))
		var r buildReport
		require.NoError(t, json.Unmarshal(said, &r))
		require.Len(t, r.Samples, 1)
		parent, err := os.ReadFile(filepath.Join(s.folder, "out", "parent"))
		require.NoError(t, err)
		inNamespace := string(parent) == "1\n"
		if s.bare {
			require.False(t, inNamespace, "this stage is none")
		}
		assert.Equal(t, inNamespace, r.Samples[string(enclosure.Alone)]+r.Samples[string(enclosure.Namespace)] == 1, "%v", r.Samples)
		assert.Equal(t, !inNamespace, r.Samples[string(enclosure.Subreaper)] == 1, "%v", r.Samples)
		said, err = s.command("-v").Output()
		require.NoError(t, err, string(said))
		assert.Contains(t, string(said), "samples: 1, cached\n")
	})
}

func TestADaemonOfASampleEndsWithTheBuildAndIsNoFaultOfIt(t *testing.T) {
	inOtherProcesses(t)
	onAllStages(t, func(t *testing.T, s *stage) {
		open, end := s.held()
		s.samples("", map[string]string{"a": open + daemon + "echo x >&9"})
		built := s.build()
		assert.Equal(t, exitOK, built.code, built.stderr)
		said, err := io.ReadAll(end)
		require.NoError(t, err, "it still runs")
		assert.Equal(t, "x\n", string(said))
		s.nothingTemporary()
	})
}

func TestADaemonOfASampleEndsWithAHostThatIsKilled(t *testing.T) {
	inOtherProcesses(t)
	onAllStages(t, func(t *testing.T, s *stage) {
		open, end := s.held()
		s.samples("timeout_secs 600", map[string]string{"a": "mkdir -p a/b; chmod 000 a/b a\n" + open + daemon + "echo x >&9; sleep 1000"})
		c := s.command()
		require.NoError(t, c.Start())
		s.begun(end)
		require.NoError(t, c.Process.Kill())
		require.Error(t, c.Wait())
		_, err := io.Copy(io.Discard, end)
		assert.NoError(t, err, "it still runs")
		s.nothingTemporary()
	})
}

func TestFoldersThatASampleMadeUnreadableAreRemoved(t *testing.T) {
	inOtherProcesses(t)
	onAllStages(t, func(t *testing.T, s *stage) {
		s.samples("", map[string]string{"a": "mkdir -p a/b/c; echo x >a/b/file; chmod 000 a/b/c a/b a; chmod 000 ."})
		built := s.build()
		assert.Equal(t, exitOK, built.code, built.stderr)
		assert.NotContains(t, built.stderr, "cannot be removed")
		s.nothingTemporary()
	})
}

// groupOf is the folder of the control group that a build has made for itself,
// or "" if it could not.
func groupOf(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		words := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(words) != 3 || !strings.HasPrefix(filepath.Base(words[2]), "ddc-") {
			continue
		}
		for _, top := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/memory"} {
			if folder := filepath.Join(top, words[2]); isFolder(folder) {
				return folder
			}
		}
	}
	return ""
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// "Device or resource busy" was the end of a good build, with exit code 3, once
// its output was in place.
func TestAControlGroupThatCannotBeRemovedIsAWarning(t *testing.T) {
	inOtherProcesses(t)
	onStage(t, "as we are", nil, false, func(t *testing.T, s *stage) {
		open, end := s.held()
		answer := filepath.Join(s.folder, "out", "answer")
		require.NoError(t, syscall.Mkfifo(answer, 0o600))
		s.samples("timeout_secs 600", map[string]string{"a": open + "echo x >&9; read x <" + answer})
		c := s.command()
		var said bytes.Buffer
		c.Stdout, c.Stderr = &said, &said
		require.NoError(t, c.Start())
		s.begun(end)
		group := groupOf(t, c.Process.Pid)
		if group != "" { // else the build goes on, and is only ended
			require.NoError(t, os.Mkdir(filepath.Join(group, "busy"), 0o755))
			defer func() {
				assert.NoError(t, os.Remove(filepath.Join(group, "busy")))
				await.Until(t, "the group to be removed, by its heir or here", func() bool {
					err := os.Remove(group)
					return err == nil || errors.Is(err, fs.ErrNotExist)
				})
			}()
		}
		require.NoError(t, os.WriteFile(answer, []byte("x\n"), 0))
		require.NoError(t, c.Wait(), "%s", &said)
		if group == "" {
			t.Skip("this build makes no control group")
		}
		assert.Contains(t, said.String(), "something that this build has started cannot be ended")
		assert.Contains(t, said.String(), "device or resource busy")
		assert.FileExists(t, filepath.Join(s.folder, "out", "public", "index.html"))
	})
}

// However the build was started, and whatever becomes of its refusal, the outer
// build fails with page and line.
func TestABuildInsideABuildIsRefusedWithPageAndLine(t *testing.T) {
	inOtherProcesses(t)
	onAllStages(t, func(t *testing.T, s *stage) {
		for name, line := range map[string]string{
			"plainly":                "$DDC build . || exit 1",
			"refusal ignored":        "$DDC build . >/dev/null 2>&1 || true",
			"environment cleared":    "env -i $DDC build . >/dev/null 2>&1; :",
			"a server":               "$DDC serve . --port 0 || exit 1",
			"a check":                "$DDC check . >/dev/null 2>&1; :",
			"in a session of itself": "setsid -w env -i $DDC build . <&- >&- 2>&-; :",
			"orphaned":               "(setsid sh -c '(env -i '$DDC' build . <&- >&- 2>&-; echo done >done) & exit' &); until [ -e done ]; do :; done",
		} {
			for _, allowed := range []string{"fail_on_error #true", "fail_on_error #false"} {
				s.samples(allowed, map[string]string{"a": "DDC=" + s.program + "\n" + line + " # " + name})
				built := s.build()
				assert.Equal(t, exitSite, built.code, "%s: %s", name, built.stderr)
				assert.Contains(t, built.stderr, "content/a.md:5: this sample starts a build inside the build; mark it noexec", name)
			}
		}
	})
}

// The first pages show how to build, which is not to be done while they are
// built.
func TestNoSampleOfANewSiteStartsABuild(t *testing.T) {
	inOtherProcesses(t)
	site := smallSite(t)
	config := filepath.Join(site, ".config", "dodeca.kdl")
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	for _, shell := range []string{"sh", "bash"} {
		text = bytes.Replace(text, []byte("code_execution {\n"), []byte("code_execution {\n "+shell+" {\n  command \"sh\"\n }\n"), 1)
	}
	require.Contains(t, string(text), "bash {")
	require.NoError(t, os.WriteFile(config, text, 0o600))
	built := ddc(t, "build", site, "-o", filepath.Join(t.TempDir(), "out"))
	assert.Equal(t, exitOK, built.code, built.stderr)
}

func TestASampleSeesNoSecretsOfToolchainsAndNoOtherProcess(t *testing.T) {
	inOtherProcesses(t)
	onStages(t, func(t *testing.T, s *stage) {
		home := filepath.Join(s.folder, "home")
		write(t, home, ".cargo/credentials.toml", "token-1", ".cargo/credentials", "token-2", ".cargo/config.toml", "[registry]\ntoken = \"token-3\"\n",
			".cargo/registry/index", "crates", ".cargo/bin/tool", "#!/bin/sh\necho tool runs\n", ".docker/config.json", "token-4", ".docker/bin/docker", "", ".docker/lib/x", "a library")
		require.NoError(t, os.Chmod(filepath.Join(home, ".cargo/bin/tool"), 0o755))
		s.samples("fail_on_error #false", map[string]string{"a": "tool; cat ~/.cargo/c* ~/.cargo/registry/* ~/.docker/config.json ~/.docker/lib/x; ls ~/.cargo; env; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '"})
		other := exec.Command("sleep", "1000.4242")
		other.SysProcAttr = &syscall.SysProcAttr{Credential: s.user, Pdeathsig: syscall.SIGKILL}
		require.NoError(t, other.Start())
		defer func() {
			_ = other.Process.Kill()
			_ = other.Wait()
		}()
		c := s.command("-v")
		c.Env = append(c.Env, "PATH="+filepath.Join(home, ".cargo/bin")+":"+filepath.Join(home, ".docker/bin")+":"+os.Getenv("PATH"), "https_proxy=http://me:token-5@proxy.example", "GEM_HOST_API_KEY=token-6")
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
		said := string(out)
		assert.Contains(t, said, "tool runs")
		assert.Contains(t, said, "crates")
		assert.Contains(t, said, "a library")
		assert.NotContains(t, said, "token-")
		assert.NotContains(t, said, "1000.4242")
	})
}

// The host starts the wardens of samples, but what they watch is the plugin's
// work: whoever asks what a build waits for is told of the sample's programs.
func TestInspectTellsWhatASampleRuns(t *testing.T) {
	inOtherProcesses(t)
	onStages(t, func(t *testing.T, s *stage) {
		open, end := s.held()
		s.samples("timeout_secs 600", map[string]string{"a": open + "echo x >&9; sleep 1000; echo"})
		c := s.command()
		require.NoError(t, c.Start())
		defer func() {
			require.NoError(t, c.Process.Kill())
			require.Error(t, c.Wait())
			_, err := io.Copy(io.Discard, end)
			assert.NoError(t, err, "the sample still runs")
		}()
		s.begun(end)
		var o outcome
		started := regexp.MustCompile(`plugin has started .*\(sleep\)`)
		await.Until(t, "the sample's program, which comes after its word, to be told", func() bool {
			o = ddc(t, "inspect", "-v", strconv.Itoa(c.Process.Pid))
			return started.MatchString(o.stdout)
		}, func() string { return o.stdout + o.stderr })
		assert.Contains(t, o.stdout, "content/a.md")
	})
}

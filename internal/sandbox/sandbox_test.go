package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ddc/internal/seccomp"
)

// What this test binary is when it was started by itself: it does each of the
// acts in envActs, and prints their errors as a JSON object.
const (
	envActs       = "DDC_TEST_ACTS"
	envNoPrograms = "DDC_TEST_NO_PROGRAMS"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(envTrial); text != "" {
		stand(text)
		return
	}
	if text := os.Getenv(envActs); text != "" {
		act(strings.Split(text, "\n"))
		return
	}
	os.Exit(m.Run())
}

// act is a process in a sandbox.
func act(acts []string) {
	errs := map[string]string{}
	if os.Getenv(envNoPrograms) != "" {
		if err := seccomp.NoPrograms(); err != nil {
			errs["NoPrograms"] = err.Error()
		}
	}
	for _, text := range acts {
		if err := perform(text); err != nil {
			errs[text] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(errs); err != nil {
		panic(err)
	}
}

// acts are what perform can do.
var acts = map[string]func(argument string) error{
	"list":    func(folder string) error { _, err := os.ReadDir(folder); return err },
	"write":   func(file string) error { return os.WriteFile(file, []byte("x"), 0o600) },
	"remove":  os.Remove,
	"make":    func(folder string) error { return os.Mkdir(folder, 0o700) },
	"chmod":   func(file string) error { return os.Chmod(file, 0o777) },
	"touch":   func(file string) error { return os.Chtimes(file, time.Now(), time.Now()) },
	"chown":   func(file string) error { return os.Lchown(file, os.Getuid(), os.Getgid()) },
	"label":   func(file string) error { return unix.Setxattr(file, "user.ddc", []byte("x"), 0) },
	"run":     func(program string) error { return exec.Command(program).Run() },
	"connect": func(address string) error { return dial("tcp", address) },
	"unix":    func(path string) error { return dial("unix", path) },
	"ptrace":  func(string) error { return refusal(unix.SYS_PTRACE, unix.PTRACE_TRACEME) },
	"uring":   func(string) error { return refusal(unix.SYS_IO_URING_SETUP, 1) },
	"read":    readSomething,
	"peek":    openMemory,
	"kill":    signalNothing,
	"status":  sayStatus,
	"threads": startThreads,
}

func perform(text string) error {
	verb, argument, _ := strings.Cut(text, " ")
	act := acts[verb]
	if act == nil {
		return fmt.Errorf("no such act: %s", text)
	}
	return act(argument)
}

func dial(network, address string) error {
	c, err := net.Dial(network, address)
	if err == nil {
		err = c.Close()
	}
	return err
}

func refusal(call, argument uintptr) error {
	_, _, errno := unix.Syscall(call, argument, 0, 0)
	return number(errno)
}

func readSomething(file string) error {
	content, err := os.ReadFile(file)
	if err == nil && len(content) == 0 {
		err = errors.New("nothing there")
	}
	return err
}

func openMemory(pid string) error {
	f, err := os.Open("/proc/" + pid + "/mem")
	if err == nil {
		err = f.Close()
	}
	return err
}

func signalNothing(pid string) error {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return err
	}
	return syscall.Kill(n, 0)
}

// sayStatus says a line of this process's status, which stands for an error.
func sayStatus(name string) error {
	content, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(content), "\n"+name+":\t")
	value, _, _ := strings.Cut(rest, "\n")
	return errors.New(value)
}

func startThreads(string) error {
	done := make(chan struct{})
	for range 8 {
		go func() {
			runtime.LockOSThread() // each needs a thread of its own, and ends it
			done <- struct{}{}
		}()
	}
	for range 8 {
		<-done
	}
	return nil
}

func number(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// needs skips a test where the kernel has not what it is about.
func needs(t *testing.T, landlock int, seccomp bool) {
	t.Helper()
	if k := Kernel(); k.Landlock < landlock || seccomp && !k.Seccomp {
		t.Skipf("this kernel offers %v", k)
	}
}

// libraries are what the test binary needs to start at all.
func libraries(t *testing.T) Policy {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	return librariesOf(program)
}

func librariesOf(program string) Policy {
	return Policy{
		Read:    []string{"/etc/ld.so.cache", "/dev/null"},
		Execute: []string{program, "/lib", "/lib64", "/usr/lib", "/usr/lib64"},
	}
}

// within starts this binary on a restricted thread, and returns what became of
// each act.
func within(t *testing.T, p Policy, noPrograms bool, acts ...string) map[string]string {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), envActs+"="+strings.Join(acts, "\n"))
	if noPrograms {
		cmd.Env = append(cmd.Env, envNoPrograms+"=1")
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	failed := make(chan error)
	go OnThread(func() {
		_, err := Restrict(p)
		if err == nil {
			err = cmd.Run()
		}
		failed <- err
	})
	require.NoError(t, <-failed, stderr.String())
	errs := map[string]string{}
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &errs), stdout.String())
	return errs
}

func TestFilesOutsideThePolicyAreOutOfReach(t *testing.T) {
	needs(t, 3, false)
	mine, foreign := t.TempDir(), t.TempDir()
	secret := filepath.Join(foreign, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("x"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(mine, "link")))
	require.NoError(t, os.WriteFile(filepath.Join(mine, "old"), nil, 0o600))
	p := libraries(t)
	p.Write = []string{mine}
	errs := within(t, p, false, "read "+secret, "list "+foreign, "write "+filepath.Join(foreign, "new"), "remove "+secret,
		"read "+filepath.Join(mine, "link"), "read /etc/shadow", "make "+filepath.Join(foreign, "d"),
		"write "+filepath.Join(mine, "new"), "make "+filepath.Join(mine, "d"), "remove "+filepath.Join(mine, "old"), "list "+mine)
	for _, forbidden := range []string{"read " + secret, "list " + foreign, "write " + filepath.Join(foreign, "new"), "remove " + secret,
		"read " + filepath.Join(mine, "link"), "read /etc/shadow", "make " + filepath.Join(foreign, "d")} {
		assert.Contains(t, errs[forbidden], "permission denied", forbidden)
		delete(errs, forbidden)
	}
	assert.Empty(t, errs, "what the policy allows")
	assert.FileExists(t, secret)
}

func TestReadOnlyFoldersCannotBeWritten(t *testing.T) {
	needs(t, 3, false)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "text"), []byte("x"), 0o600))
	p := libraries(t)
	p.Read = append(p.Read, folder)
	errs := within(t, p, false, "read "+filepath.Join(folder, "text"), "write "+filepath.Join(folder, "text"), "remove "+filepath.Join(folder, "text"))
	assert.NotContains(t, errs, "read "+filepath.Join(folder, "text"))
	assert.Contains(t, errs, "write "+filepath.Join(folder, "text"))
	assert.Contains(t, errs, "remove "+filepath.Join(folder, "text"))
}

// Landlock has no say in these.
func TestModesOwnersAndTimesOfFilesStay(t *testing.T) {
	needs(t, 0, true)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	acts := []string{"chmod " + file, "touch " + file, "chown " + file, "label " + file}
	errs := within(t, libraries(t), false, acts...)
	for _, act := range acts {
		assert.Contains(t, errs[act], "operation not permitted", act)
	}
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	p := libraries(t)
	p.Programs = true
	assert.NotContains(t, within(t, p, false, acts...), acts[0], "a compiler needs it")
}

func TestSocketsAreForTheNetworkAlone(t *testing.T) {
	needs(t, 0, true)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	local := filepath.Join(t.TempDir(), "socket")
	other, err := net.Listen("unix", local)
	require.NoError(t, err)
	defer other.Close()
	acts := []string{"connect " + server.Addr().String(), "unix " + local}

	errs := within(t, libraries(t), false, acts...)
	assert.Contains(t, errs[acts[0]], "operation not permitted")
	assert.Contains(t, errs[acts[1]], "operation not permitted")

	p := libraries(t)
	p.Network = true
	errs = within(t, p, false, acts...)
	assert.NotContains(t, errs, acts[0])
	assert.Contains(t, errs[acts[1]], "operation not permitted", "a socket file may be a door to root: Docker's is")
}

func TestNoProgramsForbidsThemAndLeavesThreads(t *testing.T) {
	needs(t, 0, true)
	p := libraries(t)
	p.Execute = append(p.Execute, "/bin", "/usr")
	p.Write = []string{"/dev/null"}
	assert.Empty(t, within(t, p, false, "run /bin/true", "threads"))
	errs := within(t, p, true, "run /bin/true", "threads")
	assert.Contains(t, errs["run /bin/true"], "operation not permitted")
	assert.NotContains(t, errs, "threads")
}

func TestProgramsOutsideThePolicyDoNotStart(t *testing.T) {
	needs(t, 1, false)
	p := libraries(t)
	p.Write = []string{"/dev/null"}
	errs := within(t, p, false, "run /bin/true")
	assert.Contains(t, errs["run /bin/true"], "permission denied")
}

func TestOtherProcessesAreOutOfReach(t *testing.T) {
	needs(t, 1, true)
	p := libraries(t)
	p.Read = append(p.Read, "/proc")
	pid := strconv.Itoa(os.Getpid())
	errs := within(t, p, false, "peek "+pid, "read /proc/"+pid+"/environ", "ptrace", "uring", "read /proc/self/environ")
	for _, forbidden := range []string{"peek " + pid, "read /proc/" + pid + "/environ", "ptrace", "uring"} {
		assert.Contains(t, errs, forbidden)
	}
	assert.NotContains(t, errs, "read /proc/self/environ")
}

func TestTheHostIsNotSignalled(t *testing.T) {
	if !KeepsSignals() {
		t.Skip("this kernel cannot keep signals in without keeping Go's own in")
	}
	kill := "kill " + strconv.Itoa(os.Getpid())
	assert.Contains(t, within(t, libraries(t), false, kill)[kill], "operation not permitted")
}

// The thread that is restricted is the only one: the rest of the process goes
// on as before.
func TestOtherThreadsOfTheProcessAreFree(t *testing.T) {
	within(t, libraries(t), false, "threads")
	_, err := os.ReadDir(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, exec.Command("/bin/true").Run())
	done := make(chan error)
	for range 16 {
		go func() {
			_, err := os.Stat("/etc/shadow")
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			done <- err
		}()
	}
	for range 16 {
		require.NoError(t, <-done)
	}
}

func TestLayersSayWhatThereIs(t *testing.T) {
	assert.Equal(t, "no_new_privs, capabilities, Landlock 7, seccomp", Layers{true, true, 7, true}.String())
	assert.Equal(t, "seccomp", Layers{Seccomp: true}.String())
	assert.Equal(t, "no layer", Layers{}.String())
	assert.Equal(t, Layers{Landlock: 3, Seccomp: true}, Layers{true, false, 3, true}.And(Layers{false, true, 7, true}))
}

// Each test of the kernel's answers is made by running; this one reads the
// programs, so that a jump that goes astray is found on any kernel.
func TestFiltersEndInAnAnswerOnEveryPath(t *testing.T) {
	for name, p := range map[string]seccomp.Program{"closed": reachOut(Policy{}), "network": reachOut(Policy{Network: true}), "tools": reachOut(Policy{Programs: true}), "programs": seccomp.StartPrograms()} {
		for i, s := range p {
			if s.Code&0x07 != unix.BPF_JMP {
				continue
			}
			assert.Less(t, i+1+int(max(s.Jt, s.Jf)), len(p), "%s: jump at %d", name, i)
		}
		assert.Equal(t, uint16(unix.BPF_RET|unix.BPF_K), p[len(p)-1].Code, name)
	}
}

// What a policy of some twenty paths costs a host, once for each plugin.
func BenchmarkRestrict(b *testing.B) {
	p := Policy{Read: []string{"/etc/ld.so.cache", "/dev/null", "/proc"}, Execute: []string{"/lib", "/lib64", "/usr", "/bin"}, Write: []string{b.TempDir()}}
	done := make(chan error)
	for b.Loop() {
		go OnThread(func() {
			_, err := Restrict(p)
			done <- err
		})
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"ddc/internal/seccomp"
)

// envTrial has this test binary restrict itself, and ask from inside what
// holds.
const envTrial = "DDC_TEST_TRIAL"

// trial is a policy, and what is tried under it.
type trial struct {
	Policy Policy
	Acts   []string
	// Refused is a call that is refused once the process runs: its start may
	// need it.
	Refused string
}

// finding is what a trial found.
type finding struct {
	Held    Held
	LeftOut []string
	Failed  string
	// Inside is what became of each act, by a program that was started whether
	// or not the sandbox failed: so the layers that did not fail are seen to
	// hold.
	Inside map[string]string
}

// stand is a process that restricts a thread, and starts another from it.
func stand(text string) {
	var tried trial
	if err := json.Unmarshal([]byte(text), &tried); err != nil {
		panic(err)
	}
	var found finding
	var output []byte
	failed := make(chan error)
	go OnThread(func() {
		var err error
		if tried.Refused != "" {
			if err := Refuse(unix.EPERM, Refusals()[tried.Refused]); err != nil {
				panic(err)
			}
		}
		if found.Held, err = Restrict(tried.Policy); err != nil {
			found.Failed = err.Error()
		}
		cmd := exec.Command("/proc/self/exe")
		cmd.Path, err = os.Executable()
		if err == nil {
			cmd.Env = []string{envActs + "=" + strings.Join(tried.Acts, "\n")}
			output, err = cmd.Output()
		}
		failed <- err
	})
	if err := <-failed; err != nil {
		panic(err)
	}
	for _, err := range found.Held.LeftOut {
		found.LeftOut = append(found.LeftOut, err.Error())
	}
	found.Held.LeftOut = nil
	if err := json.Unmarshal(output, &found.Inside); err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}

// someone is who stands a trial.
type someone struct {
	nobody     bool // not root, where this process is
	privileged bool // no_new_privs is not in force before
	ambient    bool // has a capability all the same, and so has what they start
}

func (s someone) String() string {
	name := "root"
	if s.nobody {
		name = "nobody"
	}
	if !s.privileged {
		name += " with no_new_privs"
	}
	return name
}

// mighty says whether this process can be anyone.
func mighty() bool {
	c, err := readCapabilities()
	has, asked := seccomp.HasNoNewPrivileges()
	const needed = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETPCAP
	return err == nil && asked == nil && isRoot() && c.effective&needed == needed && !has
}

// public is a folder that everyone may read.
func public(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o755))
	require.NoError(t, os.Chmod(filepath.Dir(folder), 0o755))
	return folder
}

// court is this test binary where everyone may start it.
func court(t *testing.T) string {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(public(t), "court"), os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(to, from)
	require.NoError(t, err)
	require.NoError(t, to.Close())
	return to.Name()
}

// try has somebody stand a trial, with calls refused.
func try(t *testing.T, program string, who someone, tried trial, errno syscall.Errno, calls ...Call) finding {
	t.Helper()
	text, err := json.Marshal(tried)
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = []string{envTrial + "=" + string(text)}
	cmd.Dir = "/"
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if who.nobody && mighty() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if who.ambient {
			cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_PTRACE}
		}
	}
	failed := make(chan error)
	go OnThread(func() {
		var err error
		if !who.privileged {
			_, err = seccomp.NoNewPrivileges()
		}
		if err == nil && len(calls) > 0 {
			err = Refuse(errno, calls...)
		}
		if err == nil {
			err = cmd.Run()
		}
		failed <- err
	})
	require.NoError(t, <-failed, stderr.String())
	var found finding
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &found), stdout.String())
	return found
}

// The table. A letter for each layer (no_new_privs, capabilities, Landlock,
// seccomp): x it holds, - it is left out, ! it fails, and nothing may be
// started. Under root is what becomes of root, under nobody of an ordinary
// user, under bound of one for whom no_new_privs is in force already, as in
// many containers.
var refusals = []struct {
	calls               string // divided by +
	root, nobody, bound string
}{
	{"", "xxxx", "xxxx", "xxxx"},
	{"prctl(PR_GET_NO_NEW_PRIVS)", "-xxx", "-x!!", "-xxx"},
	{"prctl(PR_SET_NO_NEW_PRIVS)", "!xxx", "!x!!", "xxxx"},
	{"prctl(PR_CAPBSET_READ)", "xxxx", "xxxx", "xxxx"},
	{"prctl(PR_CAPBSET_DROP)", "xxxx", "xxxx", "xxxx"},
	{"capget", "x-xx", "x-xx", "x-xx"},
	{"capset", "xxxx", "xxxx", "xxxx"},
	{"prctl(PR_CAPBSET_DROP)+capset", "x!xx", "xxxx", "xxxx"},
	{"landlock_create_ruleset", "xx-x", "xx-x", "xx-x"},
	{"landlock_create_ruleset(attributes)", "xx!x", "xx!x", "xx!x"},
	{"landlock_add_rule", "xx!x", "xx!x", "xx!x"},
	{"landlock_restrict_self", "xx!x", "xx!x", "xx!x"},
	{"seccomp", "xxx-", "xxx-", "xxx-"},
	{"seccomp(SET_MODE_FILTER)", "xxx!", "xxx!", "xxx!"},
	{"seccomp(.., TSYNC)", "xxxx", "xxxx", "xxxx"},
	{"landlock_create_ruleset+seccomp", "xx--", "xx--", "xx--"},
	{"landlock_restrict_self+seccomp(SET_MODE_FILTER)", "xx!!", "xx!!", "xx!!"},
}

func TestARefusedCallCostsItsOwnLayerAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred other processes are asked, which the race detector only slows down")
	}
	needs(t, 4, true)
	program, outside := court(t), filepath.Join(public(t), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o644))
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	tried := trial{Policy: librariesOf(program), Acts: []string{
		"read " + outside, "run /bin/true", "connect " + server.Addr().String(),
		"status NoNewPrivs", "status CapPrm", "status CapEff", "status CapInh", "status CapAmb",
	}}
	tried.Policy.Read = append(tried.Policy.Read, "/proc")
	tried.Policy.Write = []string{"/dev/null"}
	all := Refusals()
	for _, row := range refusals {
		for _, errno := range []syscall.Errno{unix.EPERM, unix.ENOSYS} {
			want := map[someone]string{{nobody: true}: row.bound}
			if mighty() {
				want[someone{privileged: true}], want[someone{nobody: true, privileged: true}] = row.root, row.nobody
			}
			for who, layers := range want {
				t.Run(row.calls+" "+unix.ErrnoName(errno)+" "+who.String(), func(t *testing.T) {
					var calls []Call
					for name := range strings.SplitSeq(row.calls, "+") {
						if name != "" {
							require.Contains(t, all, name)
							calls = append(calls, all[name])
						}
					}
					found := try(t, program, who, tried, errno, calls...)
					assertHeld(t, layers, found)
					assertInside(t, layers, who, outside, server.Addr().String(), found.Inside)
				})
			}
		}
	}
	named := map[string]bool{}
	for _, row := range refusals {
		for name := range strings.SplitSeq(row.calls, "+") {
			named[name] = true
		}
	}
	for name := range all {
		assert.True(t, named[name], "%s is in no row", name)
	}
}

// A service manager can give an ordinary user capabilities that pass to every
// program. The bounding set has no say in them.
func TestAmbientCapabilitiesAreDroppedOrNothingIsStarted(t *testing.T) {
	needs(t, 4, true)
	if !mighty() {
		t.Skip("only root can give capabilities away")
	}
	program := court(t)
	who := someone{nobody: true, privileged: true, ambient: true}
	tried := trial{Policy: librariesOf(program), Acts: []string{"status CapPrm", "status CapAmb"}}
	tried.Policy.Read = append(tried.Policy.Read, "/proc")
	found := try(t, program, who, tried, 0)
	assertHeld(t, "xxxx", found)
	assert.Equal(t, map[string]string{"status CapPrm": "0000000000000000", "status CapAmb": "0000000000000000"}, found.Inside)
	tried.Refused = "capset"
	found = try(t, program, who, tried, 0)
	assertHeld(t, "x!xx", found)
	assert.Equal(t, "0000000000080000", found.Inside["status CapAmb"], "this test takes no notice of capabilities")
}

// assertHeld compares what Restrict said with a row.
func assertHeld(t *testing.T, layers string, found finding) {
	t.Helper()
	held := found.Held
	for i, holds := range []bool{held.NoNewPrivileges, held.Capabilities, held.Landlock > 0, held.Seccomp} {
		name := []string{"no_new_privs", "capabilities", "Landlock", "seccomp"}[i]
		assert.Equal(t, layers[i] == 'x', holds, "%s: %+v", name, found)
		assert.Equal(t, layers[i] == '!', strings.Contains(found.Failed, name+", which this kernel has, cannot be applied"), "%s: %s", name, found.Failed)
	}
	assert.Equal(t, strings.Contains(layers, "!"), found.Failed != "", found.Failed)
}

// assertInside compares what a program found with a row.
func assertInside(t *testing.T, layers string, who someone, secret, server string, inside map[string]string) {
	t.Helper()
	if layers[0] == 'x' || !who.privileged {
		assert.Equal(t, "1", inside["status NoNewPrivs"])
	} else {
		assert.Equal(t, "0", inside["status NoNewPrivs"])
	}
	for _, set := range []string{"CapPrm", "CapEff", "CapInh", "CapAmb"} {
		has, err := strconv.ParseUint(inside["status "+set], 16, 64)
		require.NoError(t, err, inside)
		if layers[1] == 'x' || who.nobody {
			assert.Zero(t, has&^kept, "%s: %#x", set, has)
		} else if layers[1] == '!' && set == "CapPrm" {
			assert.NotZero(t, has&^kept, "this row takes no notice of capabilities")
		}
	}
	for _, act := range []string{"read " + secret, "run /bin/true"} {
		if layers[2] == 'x' {
			assert.Contains(t, inside[act], "permission denied", act)
		} else {
			assert.NotContains(t, inside, act)
		}
	}
	connected, refused := inside["connect "+server]
	switch {
	case layers[3] == 'x':
		assert.Contains(t, connected, "operation not permitted")
	case layers[2] == 'x':
		assert.Contains(t, connected, "permission denied")
	default:
		assert.False(t, refused, connected)
	}
}

// Everything that can be wrong with a path costs that path, and nothing else.
func TestAPathThatCannotBeOpenedIsLeftOutOfThePolicyAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred other processes are asked, which the race detector only slows down")
	}
	needs(t, 4, true)
	program, folder := court(t), public(t)
	secret, allowed := filepath.Join(folder, "secret"), filepath.Join(folder, "allowed")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o644))
	require.NoError(t, os.WriteFile(allowed, []byte("allowed"), 0o644))
	require.NoError(t, os.Symlink("loop", filepath.Join(folder, "loop")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(folder, "dangling")))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "closed"), 0))
	require.NoError(t, syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o644))
	hostile := []string{
		filepath.Join(folder, "loop"), filepath.Join(folder, "loop", "below"), filepath.Join(folder, strings.Repeat("x", 256)),
		"/" + strings.Repeat("x/", 2048), filepath.Join(allowed, "below"), filepath.Join(folder, "with\x00zero"), "/proc/self/fd/1",
		filepath.Join(folder, "closed", "x"),
	}
	harmless := []string{"", "relative", filepath.Join(folder, "missing"), filepath.Join(folder, "dangling"), filepath.Join(folder, "pipe")}
	for _, path := range append(hostile, harmless...) {
		for grant, set := range map[string]func(p *Policy){
			"read":    func(p *Policy) { p.Read = append([]string{path}, p.Read...) },
			"execute": func(p *Policy) { p.Execute = append([]string{path}, p.Execute...) },
			"write":   func(p *Policy) { p.Write = append([]string{path}, p.Write...) },
		} {
			tried := trial{Policy: librariesOf(program), Acts: []string{"read " + secret, "read " + allowed, "status NoNewPrivs", "connect 127.0.0.1:9"}}
			tried.Policy.Read = append(tried.Policy.Read, "/proc", allowed)
			set(&tried.Policy)
			for _, who := range []someone{{nobody: true}, {privileged: true}} {
				if who.privileged && !mighty() {
					continue
				}
				found := try(t, program, who, tried, 0)
				assertHeld(t, "xxxx", found)
				assert.Contains(t, found.Inside["read "+secret], "permission denied", "%s %.200q", grant, path)
				assert.NotContains(t, found.Inside, "read "+allowed, "%s %.200q", grant, path)
				assert.Contains(t, found.Inside["connect 127.0.0.1:9"], "operation not permitted", "%s %.200q", grant, path)
				assert.Equal(t, "1", found.Inside["status NoNewPrivs"], "%s %.200q", grant, path)
			}
		}
	}
	tried := trial{Policy: librariesOf(program), Acts: []string{"status NoNewPrivs"}}
	tried.Policy.Write = append(hostile, harmless...)
	found := try(t, program, someone{nobody: true}, tried, 0)
	require.Len(t, found.LeftOut, len(hostile))
	for i, path := range hostile {
		assert.True(t, strings.Contains(found.LeftOut[i], path), "%d: %.200q", i, path)
	}
}

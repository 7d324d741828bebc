package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ddc/internal/sandbox"
	"ddc/plugin/spec"
	"ddc/rpc/rpctestpb"
	"ddc/wake/strategy"
)

// intruder is a plugin that tries what a packet's text says, and answers with
// the error that came of it.
type intruder struct {
	rpctestpb.UnimplementedTestServer
}

func (s intruder) Register(r grpc.ServiceRegistrar) { rpctestpb.RegisterTestServer(r, s) }

func (intruder) Echo(_ context.Context, p *rpctestpb.Packet) (*rpctestpb.Packet, error) {
	said, err := intrude(p.Text)
	if err != nil {
		return &rpctestpb.Packet{Text: "error: " + err.Error()}, nil
	}
	return &rpctestpb.Packet{Text: said}, nil
}

func intrude(text string) (string, error) {
	verb, argument, _ := strings.Cut(text, " ")
	switch verb {
	case "connect":
		c, err := net.Dial("tcp", argument)
		if err != nil {
			return "", err
		}
		return "", c.Close()
	case "run":
		return "", exec.Command(argument).Run()
	case "read":
		content, err := os.ReadFile(argument)
		return string(content), err
	case "write":
		return "", os.WriteFile(argument, []byte("x"), 0o600)
	case "kill":
		pid, err := strconv.Atoi(argument)
		if err != nil {
			return "", err
		}
		return "", syscall.Kill(pid, 0)
	case "environ":
		return strings.Join(os.Environ(), "\n"), nil
	case "descriptors":
		entries, err := os.ReadDir("/proc/self/fd")
		var names []string
		for _, e := range entries {
			target, err := os.Readlink("/proc/self/fd/" + e.Name())
			if err == nil {
				names = append(names, e.Name()+" "+target)
			}
		}
		return strings.Join(names, "\n"), err
	case "slack":
		return timerSlack()
	case "status":
		content, err := os.ReadFile("/proc/self/status")
		return string(content), err
	}
	return "", fmt.Errorf("no such act: %s", text)
}

// timerSlack is that of the thread that asks, in nanoseconds.
func timerSlack() (string, error) {
	n, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	return strconv.Itoa(n), err
}

// confinedHost is a host whose plugins are held to c.
func confinedHost(t *testing.T, wake string, c spec.Confinement) *Host {
	t.Helper()
	c.Environment = append(c.Environment, envRole)
	h := newHost(t, Options{Wake: wake, Confine: func(string) spec.Confinement { return c }})
	t.Setenv(envRole, "intruder")
	return h
}

// try has the plugin of a name do something, and returns what it said.
func try(t *testing.T, h *Host, name, act string) string {
	t.Helper()
	answer, err := echo(t, h, name, &rpctestpb.Packet{Text: act})
	require.NoError(t, err)
	return answer.Text
}

func needs(t *testing.T, landlock int) {
	t.Helper()
	if k := sandbox.Kernel(); k.Landlock < landlock || !k.Seccomp {
		t.Skipf("this kernel offers %v", k)
	}
}

func TestAPluginMayDoNothingThatItsConfinementDoesNotName(t *testing.T) {
	needs(t, 3)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	folder := t.TempDir()
	secret := filepath.Join(folder, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("x"), 0o600))
	acts := []string{"connect " + server.Addr().String(), "run /bin/true", "read " + secret, "write " + filepath.Join(folder, "new")}
	for _, wake := range strategy.Names() {
		t.Run(wake, func(t *testing.T) {
			h := confinedHost(t, wake, spec.Confinement{})
			for _, act := range acts {
				assert.Contains(t, try(t, h, "closed", act), "permi", act) // permission denied, or operation not permitted
			}
		})
	}
	open := confinedHost(t, "futex", spec.Confinement{Policy: spec.Policy{
		Network: true, Programs: true, Execute: []string{"/bin", "/usr"}, Read: []string{secret}, Write: []string{folder},
	}})
	for _, act := range acts {
		assert.NotContains(t, try(t, open, "open", act), "error", act)
	}
}

// Its calls fail, each with the reason, and the host closes as if nothing had
// been.
func TestAPluginWhoseSandboxFailsIsNotStarted(t *testing.T) {
	h := confinedHost(t, "futex", spec.Confinement{})
	broken := errors.New("the kernel said no")
	h.threads.byName["a"] = newConfinedThread(func() (sandbox.Layers, error) { return sandbox.Layers{NoNewPrivileges: true}, broken })
	for range 2 {
		_, err := echo(t, h, "a", &rpctestpb.Packet{Text: "environ"})
		assert.Equal(t, codes.Unavailable, status.Code(err))
		assert.ErrorContains(t, err, "start plugin a: the kernel said no")
	}
	s := h.Plugin("a").Stats()
	assert.Zero(t, s.PID)
	assert.Zero(t, s.Restarts)
	assert.Equal(t, Layers{NoNewPrivileges: true}, s.Layers)
	assert.NotContains(t, try(t, h, "b", "environ"), "error", "others are no worse off")
}

func TestStatsSayWhichLayersWereApplied(t *testing.T) {
	t.Run("confined", func(t *testing.T) {
		h := confinedHost(t, "futex", spec.Confinement{})
		assert.Equal(t, Layers{}, h.Plugin("a").Stats().Layers, "before it was started")
		try(t, h, "a", "environ")
		assert.Equal(t, Layers(sandbox.Kernel()), h.Plugin("a").Stats().Layers)
	})
	t.Run("free", func(t *testing.T) {
		h := newHost(t, Options{})
		t.Setenv(envRole, "intruder")
		try(t, h, "a", "environ")
		assert.Equal(t, Layers{}, h.Plugin("a").Stats().Layers)
	})
}

// It is the same program in both runs, so the confinement is not its own
// decision.
func TestAPluginIsConfinedAgainAfterItDied(t *testing.T) {
	needs(t, 1)
	h := confinedHost(t, "futex", spec.Confinement{})
	require.Contains(t, try(t, h, "a", "read /etc/passwd"), "permission denied")
	process := h.Plugin("a").current.(*process)
	require.NoError(t, process.cmd.Process.Kill())
	<-process.exited
	assert.Contains(t, try(t, h, "a", "read /etc/passwd"), "permission denied")
	assert.Equal(t, 1, h.Plugin("a").Stats().Restarts)
}

func TestPluginsCannotReachEachOtherOrTheHost(t *testing.T) {
	needs(t, 1)
	h := confinedHost(t, "futex", spec.Confinement{Policy: spec.Policy{Read: []string{"/proc"}}})
	try(t, h, "a", "environ")
	try(t, h, "b", "environ")
	other, host := strconv.Itoa(h.Plugin("b").Stats().PID), strconv.Itoa(os.Getpid())
	for _, act := range []string{"read /proc/" + other + "/environ", "read /proc/" + host + "/environ", "read /proc/" + other + "/maps", "read /proc/" + host + "/maps"} {
		assert.Contains(t, try(t, h, "a", act), "permission denied", act)
	}
	if sandbox.KeepsSignals() {
		assert.Contains(t, try(t, h, "a", "kill "+other), "operation not permitted")
		assert.Contains(t, try(t, h, "a", "kill "+host), "operation not permitted")
	}
}

func TestNoNewPrivilegesWhateverThePolicy(t *testing.T) {
	h := confinedHost(t, "futex", spec.Confinement{Policy: spec.Policy{Read: []string{"/proc"}}})
	assert.Contains(t, try(t, h, "a", "status"), "NoNewPrivs:\t1")
}

// A plugin's threads begin with the slack of the one that started it. Those of
// this process keep their own.
func TestPluginsTimersMayBeLate(t *testing.T) {
	own, err := timerSlack()
	require.NoError(t, err)
	h := confinedHost(t, "futex", spec.Confinement{})
	assert.Equal(t, strconv.FormatInt(slack.Nanoseconds(), 10), try(t, h, "a", "slack"))
	after, err := timerSlack()
	require.NoError(t, err)
	assert.Equal(t, own, after)
}

func TestThePluginsEnvironmentIsCutToWhatIsNamed(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "no")
	t.Setenv("CARGO_HOME", "/cargo")
	t.Setenv("LC_ALL", "C")
	h := confinedHost(t, "futex", spec.Confinement{Environment: []string{"CARGO_*"}})
	environ := strings.Split(try(t, h, "a", "environ"), "\n")
	for _, variable := range environ {
		key, _, _ := strings.Cut(variable, "=")
		assert.True(t, strings.HasPrefix(key, "DDC_") || slices.Contains([]string{
			"GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK", "GORACE", "GOCOVERDIR", "GOMAXPROCS", "TZ", "LANG", "LC_ALL", "TMPDIR", "CARGO_HOME",
		}, key) || strings.HasPrefix(key, "LC_"), variable)
	}
	assert.Contains(t, environ, "CARGO_HOME=/cargo")
	assert.Contains(t, environ, "LC_ALL=C")
}

// A host that was itself started with descriptors open, by a shell or a build
// server, keeps them to itself.
func TestThePluginInheritsNoDescriptorButItsOwn(t *testing.T) {
	secret, err := os.Open("/etc/passwd")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, secret.Close()) })
	unmarked, err := syscall.Dup(int(secret.Fd())) // unlike what Go opens, not marked close-on-exec
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Close(unmarked)) })
	h := confinedHost(t, "pipe", spec.Confinement{Policy: spec.Policy{Read: []string{"/proc"}}})
	for line := range strings.SplitSeq(try(t, h, "a", "descriptors"), "\n") {
		_, target, _ := strings.Cut(line, " ")
		own := strings.HasPrefix(target, "pipe:") || strings.HasPrefix(target, "anon_inode:") || strings.HasPrefix(target, "/memfd:ddc-hub") ||
			target == "/dev/null" || strings.HasSuffix(target, "/fd")
		assert.True(t, own, line)
	}
}

// The cost of confinement at a plugin's start is the difference of the two.
func BenchmarkStart(b *testing.B) {
	for name, confine := range map[string]func(string) spec.Confinement{
		"free":     nil,
		"confined": func(string) spec.Confinement { return spec.Confinement{Environment: []string{envRole}} },
	} {
		b.Run(name, func(b *testing.B) {
			b.Setenv(envRole, "plugin")
			for b.Loop() {
				h, err := New(Options{Command: self, Confine: confine})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := echo(b, h, "a", &rpctestpb.Packet{}); err != nil {
					b.Fatal(err)
				}
				if err := h.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

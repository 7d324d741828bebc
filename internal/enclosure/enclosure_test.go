package enclosure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// lasting is a program that no other process on the machine runs like this.
var lasting = fmt.Sprintf("sleep %d", 1_000_000+os.Getpid())

// daemon is what a shell starts to be rid of its parents: a session of its own,
// a parent that ends at once, no standard streams.
var daemon = "(setsid sh -c '" + lasting + " & exit' <&- >&- 2>&- &)\n"

// starters are all ways in which a warden may come to be, but what this kernel
// refuses.
func starters(t *testing.T) map[string]*Starter {
	t.Helper()
	host, theirs, err := Serve(nil, func(int) {})
	require.NoError(t, err)
	t.Setenv(Variable, "")
	asking, err := inheritedFrom(theirs)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, errors.Join(asking.Close(), host.Close())) })
	return map[string]*Starter{"local": Local(), "asked for": asking, "reaping": {ways: ways()[reaping:]}}
}

func shell(t *testing.T, code string) Program {
	t.Helper()
	return Program{Name: "content/a.md:7", Path: "/bin/sh", Args: []string{"-c", code}, Folder: t.TempDir(), Environment: []string{"PATH=" + os.Getenv("PATH")}}
}

// pipe is one that the program, and all that it starts, hold open.
func pipe(t *testing.T) (open string, end *os.File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "held")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	end, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { end.Close() })
	require.NoError(t, end.SetReadDeadline(time.Now().Add(await.Limit)))
	return "exec 9>" + path + "\n", end
}

func TestAProgramSaysHowItEnded(t *testing.T) {
	for name, s := range starters(t) {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			ended, err := s.Run(t.Context(), shell(t, "echo out; echo err >&2; exit 3"), &out, &errs)
			require.NoError(t, err)
			assert.Equal(t, 3, ended.Code)
			assert.Equal(t, "out\nerr\n", out.String()+errs.String())
			ended, err = s.Run(t.Context(), shell(t, "kill -TERM $$"), io.Discard, io.Discard)
			require.NoError(t, err)
			assert.Equal(t, "terminated", ended.Signal)
			assert.Equal(t, -1, ended.Code)
			_, err = s.Run(t.Context(), Program{Path: "/nonexistent", Folder: t.TempDir()}, io.Discard, io.Discard)
			assert.ErrorContains(t, err, "/nonexistent: no such file or directory")
		})
	}
}

func TestAProgramIsToldWhichKindOfWardenItHad(t *testing.T) {
	for name, s := range starters(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			ended, err := s.Run(t.Context(), shell(t, "readlink /proc/self/ns/pid; echo $PPID"), &out, io.Discard)
			require.NoError(t, err)
			ours, err := os.Readlink("/proc/self/ns/pid")
			require.NoError(t, err)
			isInOurs := strings.Contains(out.String(), ours+"\n")
			assert.Equal(t, isInOurs, ended.Kind == Subreaper, "%s: %s", ended.Kind, out.String())
			words := strings.Fields(out.String())
			assert.Equal(t, !isInOurs, words[len(words)-1] == "1", "%s: %s", ended.Kind, out.String())
			if name == "reaping" {
				assert.Equal(t, Subreaper, ended.Kind)
			}
		})
	}
}

func TestADaemonEndsBeforeItsProgramIsSaidToHaveEnded(t *testing.T) {
	for name, s := range starters(t) {
		t.Run(name, func(t *testing.T) {
			open, end := pipe(t)
			ended, err := s.Run(t.Context(), shell(t, open+daemon+"echo x >&9"), io.Discard, io.Discard)
			require.NoError(t, err)
			assert.Zero(t, ended.Code)
			assert.Empty(t, ended.Left)
			said, err := io.ReadAll(end) // it ends when nobody has the other end
			require.NoError(t, err)
			assert.Equal(t, "x\n", string(said))
		})
	}
}

func TestAProgramThatIsStoppedIsReportedWithWhatItRan(t *testing.T) {
	for name, s := range starters(t) {
		t.Run(name, func(t *testing.T) {
			open, end := pipe(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				awaitWord(t, end)
				cancel()
			}()
			ended, err := s.Run(ctx, shell(t, open+daemon+"until ps -e -o args= | grep -q '^"+lasting+"$'; do :; done; echo x >&9; sleep 2000; :"), io.Discard, io.Discard)
			require.NoError(t, err)
			assert.True(t, ended.Stopped)
			assert.Contains(t, ended.Running, lasting)
			_, err = io.Copy(io.Discard, end)
			assert.NoError(t, err)
		})
	}
}

// awaitWord waits until somebody has opened a pipe and written to it.
func awaitWord(t *testing.T, end *os.File) {
	for {
		n, err := end.Read(make([]byte, 64))
		if n > 0 {
			return
		}
		if !errors.Is(err, io.EOF) {
			assert.NoError(t, err)
			return
		}
	}
}

func TestAProgramSeesNoProcessButItsOwn(t *testing.T) {
	for name, s := range starters(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			ended, err := s.Run(t.Context(), shell(t, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"), &out, io.Discard)
			require.NoError(t, err)
			if ended.Kind != Alone {
				require.True(t, name == "reaping" || os.Getenv("DDC_TEST_NO_NAMESPACES") != "", "this kernel grants no namespaces: say so with DDC_TEST_NO_NAMESPACES=1")
				return
			}
			assert.NotContains(t, out.String(), "test.timeout")
			assert.Contains(t, out.String(), argument+" content/a.md:7 ")
		})
	}
}

// A host of wardens may be stopped for any time.
func TestTheTimeOfAProgramBeginsWhenItIsStarted(t *testing.T) {
	const limit = 4 * time.Second
	host, theirs, err := newHost(nil, func(int) {})
	require.NoError(t, err)
	s, err := inheritedFrom(theirs)
	require.NoError(t, err)
	p := shell(t, "echo done")
	p.Limit = limit
	ended := make(chan *Outcome, 1)
	go func() {
		e, err := s.Run(t.Context(), p, io.Discard, io.Discard)
		assert.NoError(t, err)
		ended <- e
	}()
	asked := time.Now()
	await.Until(t, "the program's time to pass before it is started", func() bool { return time.Since(asked) > limit+limit/4 })
	host.begin()
	e := await.Value(t, "the program to end", ended)
	require.NotNil(t, e)
	assert.False(t, e.Stopped)
	assert.Zero(t, e.Code)
	require.NoError(t, errors.Join(s.Close(), host.Close()))
}

func TestAProgramIsStoppedWhenItsTimeIsOver(t *testing.T) {
	for name, s := range starters(t) {
		t.Run(name, func(t *testing.T) {
			p := shell(t, "sleep 1000; :")
			p.Limit = 100 * time.Millisecond
			ended, err := s.Run(t.Context(), p, io.Discard, io.Discard)
			require.NoError(t, err)
			assert.True(t, ended.Stopped)
		})
	}
}

// A program may not do more than the host of whoever started it leaves to that.
func TestAWardenIsHeldToItsHostsPolicy(t *testing.T) {
	if sandbox.Kernel().Landlock == 0 {
		t.Skip("this kernel has no Landlock")
	}
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	policy := &sandbox.Policy{Programs: true, Execute: []string{"/bin", "/usr", "/lib", "/lib64"}, Read: []string{"/proc", "/etc/ld.so.cache"}, Write: []string{"/dev/null"}}
	host, theirs, err := Serve(policy, func(int) {})
	require.NoError(t, err)
	s, err := inheritedFrom(theirs)
	require.NoError(t, err)
	defer func() { assert.NoError(t, errors.Join(s.Close(), host.Close())) }()
	var out, errs bytes.Buffer
	p := shell(t, "cat "+secret+"; mount -t tmpfs none /mnt && echo mounted; echo done")
	p.Folder = "/usr"
	ended, err := s.Run(t.Context(), p, &out, &errs)
	require.NoError(t, err)
	assert.Zero(t, ended.Code)
	assert.Equal(t, "done\n", out.String(), errs.String())
}

func TestWithinIsKnownWhateverTheProgramDoesToItsEnvironment(t *testing.T) {
	_, inside := Within()
	require.False(t, inside, "this test itself runs in a sample")
	for name, s := range starters(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p := shell(t, "env -i setsid sh -c '"+os.Args[0]+" -test.run=^TestSayWithin$ -test.v' </dev/null 2>&1 | grep within: ; :")
			ended, err := s.Run(t.Context(), p, &out, io.Discard)
			require.NoError(t, err)
			assert.Contains(t, out.String(), "within: content/a.md:7 true")
			assert.True(t, ended.Nested)
			ended, err = s.Run(t.Context(), p, io.Discard, io.Discard)
			require.NoError(t, err)
			assert.True(t, ended.Nested)
			p.Args = []string{"-c", "exit 0"}
			ended, err = s.Run(t.Context(), p, io.Discard, io.Discard)
			require.NoError(t, err)
			assert.False(t, ended.Nested, "the mark of a run before counts no more")
		})
	}
}

func TestSayWithin(t *testing.T) {
	name, inside := Within()
	t.Log("within:", name, inside)
}

// What a run costs, and what the program would cost without.
func BenchmarkRun(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, exec.Command("/bin/true").Run())
		}
	})
	for name, s := range map[string]*Starter{"namespaces": Local(), "reaping": {ways: ways()[reaping:]}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := s.Run(b.Context(), Program{Path: "/bin/true", Folder: "/"}, io.Discard, io.Discard)
				require.NoError(b, err)
			}
		})
	}
}

// Root's processes, whom no limit of users holds, once kept everybody else from
// running, their warden too.
func TestWhatForksWithoutEndEndsAtItsBound(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the limits of users hold others than root")
	}
	for name, s := range starters(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			ended, err := s.Run(t.Context(), shell(t, "cat /proc/sys/kernel/pid_max"), &out, io.Discard)
			require.NoError(t, err)
			if ended.Kind != Alone {
				t.Skip("it has no pid namespace with a /proc of its own")
			}
			global, err := os.ReadFile("/proc/sys/kernel/pid_max")
			require.NoError(t, err)
			if !sandbox.CountsByNamespace() {
				assert.Equal(t, string(global), out.String(), "nothing of the machine's is changed")
				t.Skip("the kernel counts processes for all namespaces together")
			}
			assert.Equal(t, strconv.Itoa(mostProcesses+300)+"\n", out.String())
			out.Reset()
			ended, err = s.Run(t.Context(), shell(t, "i=0; while [ $i -lt 3000 ]; do sleep 1000 & i=$((i+1)); done; echo without end"), &out, io.Discard)
			require.NoError(t, err)
			assert.NotZero(t, ended.Code)
			assert.Empty(t, out.String())
			assert.Empty(t, ended.Left)

			// The shell itself forks once, while it still can, and so ends with
			// its time.
			forks := shell(t, "f() { f | f & }; (f) & while :; do :; done")
			forks.Limit = time.Second
			ended, err = s.Run(t.Context(), forks, io.Discard, io.Discard)
			require.NoError(t, err)
			assert.True(t, ended.Stopped)
			assert.Empty(t, ended.Left)
		})
	}
}

package proc

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"math"
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
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sleeper starts a process that sleeps until the test ends.
func sleeper(t *testing.T) int {
	t.Helper()
	reads, writes, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command("cat")
	cmd.Stdin = reads
	require.NoError(t, cmd.Start())
	require.NoError(t, reads.Close())
	// The kernel tells who has started a program before it shows its words.
	require.Eventually(t, func() bool { return len(Words(cmd.Process.Pid)) > 0 }, 3*time.Minute, time.Millisecond, "the words of cat to be shown")
	t.Cleanup(func() {
		require.NoError(t, writes.Close())
		require.NoError(t, cmd.Wait())
	})
	return cmd.Process.Pid
}

// A program may be called anything: a name that looks like the rest of the line
// must not be read as it.
func TestNameMayHoldAnything(t *testing.T) {
	rest := " S 7 8 9 0 -1 4194304 1 2 3 4 250 50 5 6 20 0 1 0 424242 1 2 3"
	for _, name := range []string{"ddc", "", "a b", ") R 1 1 (", "((", "Z)Z", "\n"} {
		s, ok := parseStat([]byte("42 (" + name + ")" + rest))
		require.True(t, ok, "%q", name)
		assert.Equal(t, Stat{PID: 42, Parent: 7, Group: 8, Name: name, State: 'S', Used: 300 * Tick, Reaped: 11 * Tick, Began: "424242"}, s)
	}
	for _, line := range []string{"", "42", "42 (ddc", "42 (ddc)", "42 (ddc) S 7", ") 42 (", "(ddc)" + rest} {
		_, ok := parseStat([]byte(line))
		assert.False(t, ok, "%q", line)
	}
}

func TestChildIsFoundByEveryWay(t *testing.T) {
	runtime.LockOSThread() // who is asked for what this thread has started
	defer runtime.UnlockOSThread()
	child := sleeper(t)
	self, err := Number()
	require.NoError(t, err)

	s, err := Of(child)
	require.NoError(t, err)
	assert.Equal(t, child, s.PID)
	assert.Equal(t, self, s.Parent)
	assert.False(t, s.Ended())
	assert.NotEmpty(t, s.Began)

	pids, err := PIDs()
	require.NoError(t, err)
	assert.Contains(t, pids, child)
	assert.Contains(t, Families(All())[self], child)
	assert.Equal(t, []string{"cat"}, Words(child))
	assert.Greater(t, Tasks(), 1)
	if _, err := os.Stat("/proc/thread-self/children"); err == nil {
		assert.Contains(t, StartedByThread(), child)
		assert.Contains(t, Descendants(self), Descendant{PID: child, Parent: self})
	}
}

func TestOwnThreadsAndDescriptors(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	target, err := Target(Self, f.Fd())
	require.NoError(t, err)
	assert.Equal(t, f.Name(), target)
	all, err := Descriptors(Self)
	require.NoError(t, err)
	assert.Contains(t, all, Descriptor{int(f.Fd()), f.Name(), "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))})
	_, _, ok := Eventfd(Self, f.Fd())
	assert.False(t, ok)

	threads, err := Threads(Self)
	require.NoError(t, err)
	self, err := Number()
	require.NoError(t, err)
	assert.Contains(t, threads, self, "the first thread has the process's number")
	s, err := Thread(Self, self)
	require.NoError(t, err)
	assert.Equal(t, self, s.PID)
	resident, shared, err := Memory(Self)
	require.NoError(t, err)
	assert.Greater(t, resident, shared)
}

func TestWhoEndsWhileItsFileIsReadIsNotThere(t *testing.T) {
	cmd := exec.Command("sleep", "1h")
	require.NoError(t, cmd.Start())
	f, err := os.Open(Folder(cmd.Process.Pid) + "/stat")
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // it was only read
	require.NoError(t, cmd.Process.Kill())
	assert.Error(t, cmd.Wait())
	_, err = io.ReadAll(f)
	require.ErrorIs(t, err, syscall.ESRCH)
	assert.ErrorIs(t, gone(err), os.ErrNotExist)
}

func TestWhoHasEndedIsNotThere(t *testing.T) {
	cmd := exec.Command("true")
	require.NoError(t, cmd.Run())
	pid := cmd.Process.Pid
	_, err := Of(pid)
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = Threads(pid)
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.Empty(t, Words(pid))
	assert.Equal(t, []Descendant{{PID: pid}}, Descendants(pid))
}

func TestMappingsAreFoundByName(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	found, err := Mappings(Self, program)
	require.NoError(t, err)
	require.NotEmpty(t, found)
	assert.Less(t, found[0].From, found[0].To)
	none, err := Mappings(Self, "/no such file")
	require.NoError(t, err)
	assert.Empty(t, none)
}

// A second reader of a format is where a fault is mended once and stays once.
// Strings that name a path of /proc are elsewhere for another use.
func TestNobodyElseReadsProc(t *testing.T) {
	others := map[string]string{
		"plugin/spec/confinement.go":   "what a plugin may read",
		"cmd/ddc/inspect.go":           "the command's help",
		"internal/fault/sign.go":       "what a person types",
		"internal/sandbox/warden.go":   "mounts one",
		"conformance/peer/programs.go": "the kernel's word on a filter",
		"/proc/%d/oom_score_adj":       "is written",
		"/proc/sys/kernel/osrelease":   "the kernel's release",
	}
	seen := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel("../..", path)
		if entry.IsDir() {
			if base := entry.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "out" || base == "bin") || name == "internal/proc" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING && (strings.Contains(text.Value, "/proc/") || strings.Contains(text.Value, `"/proc"`)) {
				value := strings.Trim(text.Value, "\"`")
				seen[name], seen[value] = true, true
				assert.True(t, others[name] != "" || others[value] != "", "%s reads /proc itself: %s", name, value)
			}
			return true
		})
		return nil
	}))
	for name := range others {
		assert.True(t, seen[name], "there is no %s any more: take it off the list", name)
	}
}

func TestCounterIsRead(t *testing.T) {
	id, ok := infoNumber([]byte("pos:\t0\neventfd-count:               1f\neventfd-id: 12\n"), "eventfd-count:", 16)
	assert.True(t, ok)
	assert.EqualValues(t, 31, id)
	_, ok = infoNumber([]byte("pos:\t0\n"), "eventfd-count:", 16)
	assert.False(t, ok)
}

func TestRunnableCountsThoseThatRun(t *testing.T) {
	n, err := Runnable()
	require.NoError(t, err)
	assert.Positive(t, n, "this thread does")
	n, err = parseRunnable("0.20 0.18 0.12 17/80 11206\n")
	require.NoError(t, err)
	assert.Equal(t, 17, n)
	for _, text := range []string{"", "0.20 0.18 0.12", "0.20 0.18 0.12 x/80 1"} {
		_, err = parseRunnable(text)
		assert.Error(t, err, "%q", text)
	}
}

func TestKernelsCountOfKillsForWantOfMemoryIsRead(t *testing.T) {
	assert.GreaterOrEqual(t, OutOfMemoryKills(), int64(0))
	assert.Equal(t, int64(-1), outOfMemoryKills("/no/such/file"))

	cmd := exec.Command("sleep", "3600")
	require.NoError(t, cmd.Start())
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	assert.False(t, MemoryRanOut(cmd.ProcessState, math.MaxInt64), "nobody was killed for that since")
	assert.False(t, MemoryRanOut(cmd.ProcessState, -1), "that is not known")
	ended := exec.Command("false")
	require.Error(t, ended.Run())
	assert.False(t, MemoryRanOut(ended.ProcessState, 0), "it ended by itself")
}

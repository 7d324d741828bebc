package memory

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
	"ddc/internal/sys"
)

const envHungry = "DDC_TEST_HUNGRY"

// TestMain is also a process that takes memory.
func TestMain(m *testing.M) {
	switch os.Getenv(envHungry) {
	case "group":
		hungry()
	case "child":
		satisfied()
	}
	goleak.VerifyTestMain(await.Watched(m))
}

func TestSizesAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]int64{
		"4GiB": 4 << 30, "512MiB": 512 << 20, "1.5G": 3 << 29, "800M": 800 << 20, "2GB": 2e9, "1073741824": 1 << 30, "1 GiB": 1 << 30,
	} {
		got, err := Parse(text)
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "much", "4TiB", "-1GiB", "1MiB", "NaNGiB", "1e300GiB"} {
		_, err := Parse(text)
		assert.Error(t, err, text)
	}
}

func group(t *testing.T, folder string, files ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	for i := 0; i < len(files); i += 2 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, files[i]), []byte(files[i+1]), 0o600))
	}
}

func TestLeastLimitOfTheGroupsAboveCounts(t *testing.T) {
	t.Run("version 2", func(t *testing.T) {
		mount := t.TempDir()
		group(t, mount, "cgroup.controllers", "memory pids\n")
		group(t, filepath.Join(mount, "user.slice"), "memory.max", "1073741824\n")
		group(t, filepath.Join(mount, "user.slice/session"), "memory.max", "max\n")
		h, ok := findIn("0::/user.slice/session\n", mount)
		require.True(t, ok)
		assert.Equal(t, int64(1<<30), h.limit())
	})
	t.Run("version 1 beside 2", func(t *testing.T) {
		mount := t.TempDir()
		group(t, filepath.Join(mount, "memory/a"), "memory.limit_in_bytes", "9223372036854771712\n")
		group(t, filepath.Join(mount, "memory/a/b"), "memory.limit_in_bytes", "2147483648\n")
		h, ok := findIn("4:cpu,memory:/a/b\n0::/x\n", mount)
		require.True(t, ok)
		assert.Equal(t, int64(2<<30), h.limit())
	})
	t.Run("container", func(t *testing.T) {
		mount := t.TempDir()
		group(t, mount, "cgroup.controllers", "memory", "memory.max", "536870912")
		h, ok := findIn("0::/docker/0123\n", mount)
		require.True(t, ok)
		assert.Equal(t, int64(512<<20), h.limit())
	})
	t.Run("none", func(t *testing.T) {
		_, ok := findIn("0::/\n", t.TempDir())
		assert.False(t, ok)
	})
}

func TestGroupIsMadeWhereNoLimitIsLeftBehind(t *testing.T) {
	mount := t.TempDir()
	group(t, mount, "cgroup.controllers", "memory")
	group(t, filepath.Join(mount, "app.slice"), "cgroup.subtree_control", "cpu memory pids\n")
	group(t, filepath.Join(mount, "app.slice/terminal"), "memory.max", "max\n")
	group(t, filepath.Join(mount, "app.slice/limited"), "memory.max", "1073741824\n")
	group(t, filepath.Join(mount, "plain/terminal"))
	for own, want := range map[string]string{"/app.slice/terminal": "app.slice", "/": "", "/app.slice/limited": "refused", "/plain/terminal": "refused"} {
		h, ok := findIn("0::"+own+"\n", mount)
		require.True(t, ok)
		parent, err := h.parent()
		if want == "refused" {
			assert.ErrorIs(t, err, ErrNotPermitted, own)
			continue
		}
		require.NoError(t, err, own)
		assert.Equal(t, filepath.Join(mount, want), parent)
	}
}

// tidied gives back what tests before have left to the collector, of which some
// would go while this one counts.
func tidied() { debug.FreeOSMemory() }

func TestMeterSeesHeapSegmentsAndChildren(t *testing.T) {
	tidied()
	meter := NewMeter(nil, nil)
	before := Now()
	heap := pages(t, size)
	f, err := sys.Memfd("meter", size)
	require.NoError(t, err)
	_, err = f.Write(heap)
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(program)
	child.Env = append(os.Environ(), envHungry+"=child")
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = out.Read(make([]byte, 6))
	require.NoError(t, err)
	during := Now()
	assert.InDelta(t, 3*size, during-before, 30e6)
	assert.InDelta(t, during, meter.Stop(), 30e6)
	require.NoError(t, in.Close())
	_ = child.Wait()
	require.NoError(t, f.Close())
}

// A process that was started has its parent's memory until it runs its program,
// which takes a while where its arguments and its environment are long.
func TestMeterCountsMemoryOnceWhileProgramsAreStarted(t *testing.T) {
	if !sys.ShareMemory(os.Getpid(), os.Getpid()) {
		t.Skip("the kernel does not tell which processes share their memory")
	}
	tidied()
	var long []string
	for n := range 12 {
		long = append(long, fmt.Sprintf("LONG%d=%s", n, strings.Repeat("x", 100_000)))
	}
	pages(t, size)
	var most int64 // of all but this process, whose garbage comes and goes
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-over:
				return
			default:
				most = max(most, Now()-anonymous(os.Getpid()))
			}
		}
	}()
	for range 30 {
		cmd := exec.CommandContext(t.Context(), "true")
		cmd.Env = long
		require.NoError(t, cmd.Run())
	}
	close(over)
	<-watched
	assert.Less(t, most, int64(size/2))
}

const size = 64 << 20

// satisfied takes some memory, says so, and waits for the end of its input.
func satisfied() {
	all, err := anonymousPages(size)
	if err != nil {
		os.Exit(3)
	}
	_, _ = os.Stdout.WriteString("ready\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
	_ = syscall.Munmap(all)
	os.Exit(0)
}

// pages are memory of which the race detector keeps no shadow.
func pages(t *testing.T, size int) []byte {
	t.Helper()
	all, err := anonymousPages(size)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Munmap(all)) })
	return all
}

func anonymousPages(size int) ([]byte, error) {
	all, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	for i := 0; i < len(all); i += 4096 {
		all[i] = 1
	}
	return all, err
}

// hungry confines itself, and takes too much.
func hungry() {
	g, err := Confine(Min, func(folder string) error { _, err := os.Stdout.WriteString(folder + "\n"); return err })
	if err != nil || g == nil {
		os.Exit(3)
	}
	var all [][]byte
	for range 4 * Min >> 20 {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		all = append(all, b)
	}
	os.Exit(len(all))
}

func TestGroupHoldsWhatIsInIt(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), envHungry+"=group")
	out, _ := cmd.Output()
	if cmd.ProcessState.ExitCode() == 3 {
		t.Skip("control groups are not ours to make here")
	}
	assert.Equal(t, "signal: killed", cmd.ProcessState.String())
	await.Until(t, "the group to be empty", func() bool { return os.Remove(string(out[:len(out)-1])) == nil })
}

func TestGroupIsLeftAndRemoved(t *testing.T) {
	tidied()
	g, err := Confine(Min, func(string) error { return nil })
	if err != nil {
		t.Skip(err)
	}
	require.DirExists(t, g.Folder())
	pages(t, 64<<20)
	meter := NewMeter(g, nil)
	assert.InDelta(t, Now(), meter.Stop(), 24<<20, "the group's word, and the processes'")
	require.NoError(t, g.Close())
	assert.NoDirExists(t, g.Folder())
}

func TestWhatWasTakenBeforeTheGroupIsWithinItsLimit(t *testing.T) {
	h, found := find()
	g, err := Confine(2*Min, func(string) error { return nil })
	if !found || err != nil || g == nil {
		t.Skip(err)
	}
	limit := h.limitOf(g.Folder())
	require.NoError(t, g.Close())
	assert.Positive(t, g.brought)
	assert.LessOrEqual(t, limit+g.brought, int64(2*Min))
}

func TestWhatStillRunsInAGroupEndsWithIt(t *testing.T) {
	g, err := Confine(Min, func(string) error { return nil })
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("sleep", "1000")
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	assert.NoError(t, g.Close())
	assert.NoDirExists(t, g.Folder())
	assert.EqualError(t, <-ended, "signal: killed")
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}

func BenchmarkGroup(b *testing.B) {
	for b.Loop() {
		g, err := Confine(Min, func(string) error { return nil })
		if err != nil {
			b.Skip(err)
		}
		require.NoError(b, g.Close())
	}
}

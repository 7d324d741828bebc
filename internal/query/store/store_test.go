package store

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/query"
)

const childFolder = "DDC_TEST_STORE_CHILD"

// said collects what a store says.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func openStore(t *testing.T, folder string, o Options) (*Store, *said) {
	t.Helper()
	var told said
	o.Said = told.say
	if o.Version == "" {
		o.Version = "1"
	}
	s, err := Open(t.Context(), folder, o)
	require.NoError(t, err)
	return s, &told
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	require.NoError(t, s.Close(context.WithoutCancel(t.Context())))
}

// answer is the one that this test keeps for a number: its size is n bytes.
func answer(n int) (query.ID, query.Record, []byte) {
	text := bytes.Repeat([]byte{byte(n)}, n)
	id := query.ID{Query: "number", Key: fmt.Sprint(n)}
	r := query.Record{Fingerprint: sha256.Sum256(text), Failed: n%2 == 1}
	return id, r, text
}

func save(s *Store, n int) { s.Save(answer(n)) }

// has says whether all of an answer is there, and right.
func has(t *testing.T, s *Store, n int) bool {
	t.Helper()
	id, want, text := answer(n)
	got, ok := s.Record(id)
	if !ok {
		return false
	}
	require.Equal(t, want, got)
	v, ok := s.Value(want.Fingerprint)
	if ok && n <= smallValue {
		require.Equal(t, text, v)
	}
	return ok && bytes.Equal(v, text)
}

func TestWhatIsSavedIsThereInTheNextProcess(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "cache")
	s, told := openStore(t, folder, Options{})
	assert.Equal(t, uint64(1), s.Build())
	save(s, 3)
	save(s, 100_000)
	require.True(t, has(t, s, 3), "before the commit")
	closeStore(t, s)

	s, _ = openStore(t, folder, Options{})
	assert.Equal(t, uint64(2), s.Build())
	assert.True(t, has(t, s, 3))
	assert.True(t, has(t, s, 100_000))
	assert.False(t, has(t, s, 4))
	s.Drop(query.ID{Query: "number", Key: "3"})
	assert.False(t, has(t, s, 3))
	closeStore(t, s)

	s, _ = openStore(t, folder, Options{})
	assert.False(t, has(t, s, 3), "dropped for ever")
	assert.True(t, has(t, s, 100_000))
	closeStore(t, s)
	assert.Empty(t, told.lines)
	assert.Len(t, files(t, folder, "graph-*"), 1)
	assert.Empty(t, files(t, folder, "open/*"))
	assert.Empty(t, files(t, folder, partPrefix+"*"))
}

func TestAGraphThatAnotherUserSignedIsNotRead(t *testing.T) {
	folder := t.TempDir()
	s, _ := openStore(t, folder, Options{Key: []byte("theirs")})
	save(s, 3)
	closeStore(t, s)
	s, told := openStore(t, folder, Options{Key: []byte("ours")})
	assert.False(t, has(t, s, 3))
	assert.Len(t, told.lines, 1)
	closeStore(t, s)
}

func TestAnotherVersionBeginsAnew(t *testing.T) {
	folder := t.TempDir()
	s, _ := openStore(t, folder, Options{Version: "1"})
	save(s, 3)
	save(s, 9_000)
	closeStore(t, s)
	s, told := openStore(t, folder, Options{Version: "2"})
	assert.False(t, has(t, s, 3))
	assert.Equal(t, []string{"what is remembered is made anew: it is of another version of ddc"}, told.lines)
	save(s, 4)
	closeStore(t, s)
	s, told = openStore(t, folder, Options{Version: "2"})
	assert.True(t, has(t, s, 4))
	assert.False(t, has(t, s, 3))
	assert.Empty(t, told.lines)
	assert.Empty(t, files(t, folder, "values/*/*"), "the other version's value is gone")
	closeStore(t, s)
}

// TestAByteThatFlippedIsNeverAnAnswer flips a byte of each file, at many
// places.
func TestAByteThatFlippedIsNeverAnAnswer(t *testing.T) {
	folder := t.TempDir()
	s, _ := openStore(t, folder, Options{})
	save(s, 3)
	save(s, 9_000)
	closeStore(t, s)
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		graph := files(t, folder, "graph-*")[0]
		whole, err := os.ReadFile(graph)
		require.NoError(t, err)
		spoilt := bytes.Clone(whole)
		spoilt[random.IntN(len(spoilt))] ^= 1 << random.IntN(8)
		if random.IntN(4) == 0 {
			spoilt = spoilt[:random.IntN(len(spoilt))]
		}
		require.NoError(t, os.WriteFile(graph, spoilt, 0o600))
		s, told := openStore(t, folder, Options{})
		assert.False(t, has(t, s, 3))
		assert.Equal(t, []string{"what is remembered is made anew: the cache's bytes have changed, or another user wrote them"}, told.lines)
		closeStore(t, s)
		require.NoError(t, os.WriteFile(graph, whole, 0o600))
	}
	s, _ = openStore(t, folder, Options{})
	require.True(t, has(t, s, 3))
	value := files(t, folder, "values/*/*")[0]
	require.NoError(t, os.WriteFile(value, []byte("short"), 0o600))
	assert.False(t, has(t, s, 9_000))
	closeStore(t, s)
}

func TestTheBoundIsKeptAndWhatIsNotUsedGoesFirst(t *testing.T) {
	folder := t.TempDir()
	const bound = 60_000
	s, _ := openStore(t, folder, Options{Bound: bound})
	for n := range 5 {
		save(s, 10_000+n)
	}
	closeStore(t, s)
	s, _ = openStore(t, folder, Options{Bound: bound})
	require.True(t, has(t, s, 10_000))
	require.True(t, has(t, s, 10_003))
	save(s, 20_000)
	closeStore(t, s)
	s, _ = openStore(t, folder, Options{Bound: bound})
	for _, n := range []int{10_000, 10_003, 20_000} {
		assert.True(t, has(t, s, n), "%d was used", n)
	}
	closeStore(t, s)
	var sum int64
	for _, path := range append(files(t, folder, "values/*/*"), files(t, folder, "graph-*")...) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		if !strings.Contains(path, "graph-") {
			sum += info.Size()
		}
	}
	assert.LessOrEqual(t, sum, int64(bound))
}

func TestTwoProcessesKeepEachOthersAnswers(t *testing.T) {
	folder := t.TempDir()
	a, _ := openStore(t, folder, Options{})
	b, told := openStore(t, folder, Options{})
	save(a, 3)
	save(a, 9_000)
	save(b, 5)
	save(b, 9_001)
	closeStore(t, a)
	assert.False(t, has(t, b, 3), "b sees the folder as it was when it began")
	closeStore(t, b)
	c, _ := openStore(t, folder, Options{})
	for _, n := range []int{3, 5, 9_000, 9_001} {
		assert.True(t, has(t, c, n), "%d", n)
	}
	closeStore(t, c)
	assert.Empty(t, told.lines)
}

// child saves and commits until it is killed, and says each number that is
// done.
func child(folder string) {
	s, err := Open(context.Background(), folder, Options{Version: "1"})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := 1; ; n++ {
		save(s, n)
		save(s, smallValue+n)
		if err := s.Commit(context.Background()); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// killWriter starts a child that writes into a folder, which a variable names,
// and kills it once it has said so many times that it has; before that it calls
// wait.
func killWriter(t *testing.T, variable, folder string, times int, wait func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), variable+"="+folder)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for range times {
		require.True(t, lines.Scan(), "the child writes")
	}
	if wait != nil {
		wait()
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
}

// TestAProcessKilledAtAnyMomentLeavesAFolderThatIsRight kills writers after
// some number of commits, wherever they are then.
func TestAProcessKilledAtAnyMomentLeavesAFolderThatIsRight(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 12 {
		folder := t.TempDir()
		killWriter(t, childFolder, folder, 1+random.IntN(5), func() {
			for range random.IntN(2000) { // some way into the next commit
				_ = syscall.Getpid()
			}
		})
		s, told := openStore(t, folder, Options{})
		assert.False(t, has(t, s, 1), "what a dead process read may have killed it")
		assert.Equal(t, []string{"the last process that used the cache was killed or died; what is remembered is made anew"}, told.lines)
		save(s, 77)
		closeStore(t, s)
		s, told = openStore(t, folder, Options{})
		assert.True(t, has(t, s, 77))
		assert.False(t, has(t, s, 1))
		assert.Empty(t, told.lines)
		closeStore(t, s)
		assert.Empty(t, files(t, folder, "part-*"))
		assert.Empty(t, files(t, folder, "values/*/part-*"))
		assert.Empty(t, files(t, folder, "open/*"))
	}
}

func TestAFolderThatCannotBeWrittenIsSaidAndTheAnswerIsNotKept(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "values"), 0o500))
	s, told := openStore(t, folder, Options{})
	save(s, 9_000)
	assert.False(t, has(t, s, 9_000))
	require.Len(t, told.lines, 1)
	assert.Contains(t, told.lines[0], "cannot be kept")
	require.NoError(t, os.Chmod(filepath.Join(folder, "values"), 0o700))
	closeStore(t, s)
}

// TestAValueThatCannotBeWrittenIsNotKept has a file where the value's folder is
// to be.
func TestAValueThatCannotBeWrittenIsNotKept(t *testing.T) {
	folder := t.TempDir()
	s, told := openStore(t, folder, Options{})
	_, r, _ := answer(9_000)
	require.NoError(t, os.WriteFile(filepath.Join(s.root.Name(), filepath.Dir(valuePath(r.Fingerprint))), nil, 0o600))
	save(s, 9_000)
	assert.False(t, has(t, s, 9_000))
	require.Len(t, told.lines, 1)
	assert.Contains(t, told.lines[0], "an answer cannot be kept")
	require.NoError(t, os.Remove(filepath.Join(s.root.Name(), filepath.Dir(valuePath(r.Fingerprint)))))
	closeStore(t, s)
}

func files(t *testing.T, folder, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, pattern))
	require.NoError(t, err)
	return found
}

func FuzzDecode(f *testing.F) {
	_, r, _ := answer(7)
	f.Add(encode(entry{Record: r, Size: 7, Used: 3}))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, ok := decode(text)
		if !ok {
			return
		}
		again, ok := decode(encode(e))
		require.True(t, ok)
		require.Equal(t, e, again)
	})
}

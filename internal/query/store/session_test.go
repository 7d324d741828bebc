package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/query"
)

const childSession = "DDC_TEST_SESSION_CHILD"

var world = sha256.Sum256([]byte("world"))

// content is what the value of a number is, of as many bytes.
func content(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n) }

// snapshot has a node for each number, which has read those before it.
func snapshot(numbers ...int) *query.Snapshot {
	s := &query.Snapshot{}
	for i, n := range numbers {
		k := query.Kept{ID: query.ID{Query: "number", Key: fmt.Sprint(n)}, Fingerprint: query.Digest(content(n)), Valued: true,
			Append: func(to []byte) ([]byte, error) { return append(to, content(n)...), nil }}
		for j := range i {
			k.Reads = append(k.Reads, uint32(j)<<1|uint32(j&1))
		}
		s.Nodes = append(s.Nodes, k)
	}
	return s
}

func openSession(t *testing.T, s *Store, of [32]byte) *Session {
	t.Helper()
	n, err := s.Session(t.Context(), of)
	require.NoError(t, err)
	return n
}

// inSession are the numbers whose values a session has.
func inSession(t *testing.T, n *Session) (numbers []int) {
	t.Helper()
	s, ground := n.Snapshot()
	if s == nil {
		return nil
	}
	assert.Equal(t, "ground", string(ground))
	for _, k := range s.Nodes {
		var number int
		_, err := fmt.Sscan(k.Key, &number)
		require.NoError(t, err)
		if v, ok := s.Value(k.Fingerprint); ok && bytes.Equal(v, content(number)) {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func keep(t *testing.T, n *Session, taken *query.Snapshot) {
	t.Helper()
	require.NoError(t, n.Keep(t.Context(), taken, []byte("ground")))
}

// again is what a process keeps that has made nothing anew but some numbers.
func again(t *testing.T, n *Session, numbers ...int) *query.Snapshot {
	t.Helper()
	old, _ := n.Snapshot()
	known := map[query.Fingerprint]bool{}
	for _, k := range old.Nodes {
		known[k.Fingerprint] = true
	}
	s := snapshot(numbers...)
	for i := range s.Nodes {
		if known[s.Nodes[i].Fingerprint] {
			s.Nodes[i].Append = nil
		}
	}
	return s
}

func TestASessionIsThereInTheNextProcess(t *testing.T) {
	folder := t.TempDir()
	s, told := openStore(t, folder, Options{})
	n := openSession(t, s, world)
	require.Nil(t, inSession(t, n))
	want := snapshot(3, 70_000, 9)
	keep(t, n, want)
	n.Close()
	closeStore(t, s)

	s, _ = openStore(t, folder, Options{})
	n = openSession(t, s, world)
	got, _ := n.Snapshot()
	require.Len(t, got.Nodes, 3)
	for i, k := range got.Nodes {
		w := want.Nodes[i]
		w.Append = nil
		assert.Equal(t, w.ID, k.ID)
		assert.Equal(t, w.Fingerprint, k.Fingerprint)
		assert.ElementsMatch(t, w.Reads, k.Reads)
	}
	assert.Equal(t, []int{3, 70_000, 9}, inSession(t, n))
	keep(t, n, again(t, n, 3, 70_000, 11))
	n.Close()
	n = openSession(t, s, world)
	assert.Equal(t, []int{3, 70_000, 11}, inSession(t, n))
	assert.Len(t, files(t, folder, "pack-*"), 2, "what has not changed is not written again")
	keep(t, n, again(t, n, 3, 11))
	n.Close()
	n = openSession(t, s, world)
	assert.Equal(t, []int{3, 11}, inSession(t, n))
	assert.Len(t, files(t, folder, "pack-*"), 1, "most of the bytes were not used any more")
	assert.Len(t, files(t, folder, "session-*"), 1)
	n.Close()
	closeStore(t, s)
	assert.Empty(t, told.lines)
	assert.Empty(t, files(t, folder, partPrefix+"*"))
}

// A process that needs one answer of a large cache does not begin by reading
// all of it.
func TestValuesThatNobodyAsksForAreNotRead(t *testing.T) {
	const many, large = 32, 256 << 10
	folder := t.TempDir()
	s, _ := openStore(t, folder, Options{})
	n := openSession(t, s, world)
	var numbers []int
	for i := range many {
		numbers = append(numbers, large+i)
		save(s, large+many+i)
	}
	keep(t, n, snapshot(numbers...))
	n.Close()
	closeStore(t, s)

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, told := openStore(t, folder, Options{})
	n = openSession(t, s, world)
	taken, _ := n.Snapshot()
	id, record, _ := answer(large + many)
	_, known := s.Record(id)
	runtime.ReadMemStats(&after)
	assert.True(t, known)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(many*large/4), "bytes, where %d are kept", 2*many*large)
	value, ok := taken.Value(taken.Nodes[7].Fingerprint)
	assert.True(t, ok && bytes.Equal(content(large+7), value))
	value, ok = s.Value(record.Fingerprint)
	assert.True(t, ok && len(value) == large+many)
	n.Close()
	closeStore(t, s)
	assert.Empty(t, told.lines)
}

func TestManyPacksBecomeOne(t *testing.T) {
	s, _ := openStore(t, t.TempDir(), Options{})
	numbers := []int{1000}
	n := openSession(t, s, world)
	keep(t, n, snapshot(numbers...))
	most := 0
	for i := range 3 * packsBound {
		n.Close()
		n = openSession(t, s, world)
		require.Equal(t, numbers, inSession(t, n))
		numbers = append(numbers, i+1)
		keep(t, n, again(t, n, numbers...))
		most = max(most, len(files(t, s.root.Name(), "pack-*")))
	}
	n.Close()
	assert.Equal(t, packsBound, most)
	closeStore(t, s)
}

func TestWorldsLieSideBySideUntilTheyAreTooMany(t *testing.T) {
	folder := t.TempDir()
	s, told := openStore(t, folder, Options{Bound: 100_000})
	for i := range worlds + 2 {
		n := openSession(t, s, sha256.Sum256([]byte{byte(i)}))
		require.Nil(t, inSession(t, n))
		keep(t, n, snapshot(i+1))
		n.Close()
	}
	assert.Len(t, files(t, folder, "session-*"), worlds)
	assert.Len(t, files(t, folder, "pack-*"), worlds)
	assert.Equal(t, []string{"nothing is remembered of pages for this version of ddc, these settings and these tools"}, told.lines)
	n := openSession(t, s, world)
	keep(t, n, snapshot(90_000, 20_000, 8_000))
	n.Close()
	n = openSession(t, s, world)
	assert.Equal(t, []int{90_000, 8_000}, inSession(t, n), "within the bound")
	n.Close()
	assert.Contains(t, told.lines, "the cache is full: some of what was made is not kept")
	closeStore(t, s)
}

// TestASessionThatIsDamagedIsNeverAnAnswer flips bytes of each file, and cuts
// it.
func TestASessionThatIsDamagedIsNeverAnAnswer(t *testing.T) {
	folder := t.TempDir()
	s, _ := openStore(t, folder, Options{})
	n := openSession(t, s, world)
	keep(t, n, snapshot(300, 70_000))
	n.Close()
	closeStore(t, s)
	random := rand.New(rand.NewPCG(1, 1))
	for _, pattern := range []string{"session-*", "pack-*"} {
		path := files(t, folder, pattern)[0]
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		for range 100 {
			spoilt := bytes.Clone(whole)
			spoilt[random.IntN(len(spoilt))] ^= 1 << random.IntN(8)
			if random.IntN(4) == 0 {
				spoilt = spoilt[:random.IntN(len(spoilt))]
			}
			require.NoError(t, os.WriteFile(path, spoilt, 0o600))
			s, told := openStore(t, folder, Options{})
			n := openSession(t, s, world)
			got := inSession(t, n)
			if pattern == "session-*" {
				assert.Empty(t, got)
				assert.Equal(t, []string{"what is remembered of pages is made anew: the cache's bytes have changed, or another user wrote them"}, told.lines)
			} else {
				assert.Less(t, len(got), 2)
			}
			n.Close()
			closeStore(t, s)
		}
		require.NoError(t, os.WriteFile(path, whole, 0o600))
	}
	require.NoError(t, os.Remove(files(t, folder, "pack-*")[0]))
	s, told := openStore(t, folder, Options{})
	n = openSession(t, s, world)
	assert.Empty(t, inSession(t, n))
	assert.Len(t, told.lines, 1)
	keep(t, n, snapshot(300))
	n.Close()
	n = openSession(t, s, world)
	assert.Equal(t, []int{300}, inSession(t, n))
	n.Close()
	closeStore(t, s)
}

// TestAProcessReadsItsSessionWhileAnotherReplacesIt: of two that keep, the last
// one's stays, and both have all values.
func TestAProcessReadsItsSessionWhileAnotherReplacesIt(t *testing.T) {
	folder := t.TempDir()
	a, _ := openStore(t, folder, Options{})
	n := openSession(t, a, world)
	keep(t, n, snapshot(300, 70_000))
	n.Close()
	n = openSession(t, a, world)
	b, _ := openStore(t, folder, Options{})
	m := openSession(t, b, world)
	keep(t, m, snapshot(5))
	m.Close()
	assert.Equal(t, []int{300, 70_000}, inSession(t, n), "its files are open")
	keep(t, n, again(t, n, 300, 70_000, 7))
	n.Close()
	m = openSession(t, b, world)
	assert.Equal(t, []int{300, 70_000, 7}, inSession(t, m))
	m.Close()
	closeStore(t, a)
	closeStore(t, b)
}

// sessionChild keeps snapshots until it is killed, and says when one is kept.
func sessionChild(folder string) {
	ctx := context.Background()
	s, err := Open(ctx, folder, Options{Version: "1"})
	for n := 1; err == nil; n++ {
		var one *Session
		if one, err = s.Session(ctx, world); err != nil {
			break
		}
		err = one.Keep(ctx, snapshot(n, 70_000+n), []byte("ground"))
		one.Close()
		fmt.Println(n)
	}
	fmt.Println(err)
	os.Exit(1)
}

func TestAProcessKilledWhileItKeepsASessionLeavesAFolderThatIsRight(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	for range 6 {
		folder := t.TempDir()
		killWriter(t, childSession, folder, 1+random.IntN(5), nil)
		s, told := openStore(t, folder, Options{})
		n := openSession(t, s, world)
		assert.Empty(t, inSession(t, n), "what a dead process read may have killed it")
		assert.Equal(t, []string{died}, told.lines)
		keep(t, n, snapshot(77))
		n.Close()
		n = openSession(t, s, world)
		assert.Nil(t, inSession(t, n), "this process has begun without")
		n.Close()
		closeStore(t, s)
		s, told = openStore(t, folder, Options{})
		n = openSession(t, s, world)
		assert.Equal(t, []int{77}, inSession(t, n))
		assert.Empty(t, told.lines)
		n.Close()
		closeStore(t, s)
		assert.Empty(t, files(t, folder, partPrefix+"*"))
	}
}

// TestASessionThatCannotBeWrittenLeavesTheLastOne has a folder where the new
// pack is to be.
func TestASessionThatCannotBeWrittenLeavesTheLastOne(t *testing.T) {
	folder := t.TempDir()
	s, _ := openStore(t, folder, Options{})
	n := openSession(t, s, world)
	keep(t, n, snapshot(5))
	n.Close()
	n = openSession(t, s, world)
	part := filepath.Join(folder, fmt.Sprintf("%s%d-pack", partPrefix, os.Getpid()))
	require.NoError(t, os.MkdirAll(filepath.Join(part, "in the way"), 0o700))
	require.Error(t, n.Keep(t.Context(), again(t, n, 5, 6), []byte("ground")))
	require.NoError(t, os.RemoveAll(part))
	n.Close()
	n = openSession(t, s, world)
	assert.Equal(t, []int{5}, inSession(t, n))
	n.Close()
	closeStore(t, s)
}

// A process that was killed before it had removed the last session's file
// leaves two: the packs of both were taken for one's.
func TestOfTwoSessionsTheNewerOneIsRead(t *testing.T) {
	folder := t.TempDir()
	s, told := openStore(t, folder, Options{})
	n := openSession(t, s, world)
	keep(t, n, snapshot(5, 6))
	old := files(t, folder, "session-*")
	require.Len(t, old, 1)
	text, err := os.ReadFile(old[0])
	require.NoError(t, err)
	keep(t, n, snapshot(6, 7, 8))
	require.NoFileExists(t, old[0])
	require.NoError(t, os.WriteFile(old[0], text, 0o600))
	require.NoError(t, os.Chtimes(old[0], time.Time{}, time.Now().Add(-time.Hour)))
	n.Close()
	n = openSession(t, s, world)
	assert.Equal(t, []int{6, 7, 8}, inSession(t, n))
	n.Close()
	closeStore(t, s)
	assert.Empty(t, told.lines)
}

func FuzzDecodeSession(f *testing.F) {
	text, err := encodeSession(f.Context(), snapshot(3, 4), []byte("ground"), []string{"pack"}, map[query.Fingerprint]place{query.Digest(content(3)): {0, 5, 3}})
	require.NoError(f, err)
	f.Add(string(text))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := decodeSession(text)
		if err != nil {
			return
		}
		for i, k := range c.snapshot.Nodes {
			for _, r := range k.Reads {
				require.Less(t, int(r>>1), i)
			}
		}
	})
}

// TestALongLivedProcessKeepsAgainAndAgain has one session, which keeps what is
// new and no more, and reads what it has kept.
func TestALongLivedProcessKeepsAgainAndAgain(t *testing.T) {
	folder := t.TempDir()
	s, told := openStore(t, folder, Options{})
	n := openSession(t, s, world)
	var numbers []int
	most, written := 0, map[string]bool{}
	for i := range 3 * packsBound {
		numbers = append(numbers, 1000+i)
		keep(t, n, snapshot(numbers...)) // each can encode all of its values
		for _, number := range numbers {
			v, ok := n.value(query.Digest(content(number)))
			require.True(t, ok, "%d of %v", number, numbers)
			require.Equal(t, content(number), v)
		}
		packs := files(t, folder, "pack-*")
		most = max(most, len(packs))
		if i == packsBound-1 {
			for _, path := range packs {
				info, err := os.Stat(path)
				require.NoError(t, err)
				written[path] = true
				assert.Less(t, info.Size(), int64(2*1000), "a pack has what was new")
			}
		}
		opened := 0
		for _, p := range n.packs {
			if p.file != nil {
				opened++
			}
		}
		require.Len(t, packs, opened, "it has no file open that is gone")
	}
	assert.Equal(t, packsBound, most)
	assert.Len(t, written, packsBound)
	n.Close()
	n = openSession(t, s, world)
	assert.Equal(t, numbers, inSession(t, n), "and so does the next one")
	n.Close()
	closeStore(t, s)
	assert.Empty(t, told.lines)
}

// dies ends a store as a process that is killed does: the kernel lets go of its
// lock.
func (s *Store) dies(t *testing.T) {
	t.Helper()
	require.NoError(t, s.marker.Close())
	s.graph.close()
}

func TestOfAKilledProcessOnlyWhatItSaidIsSoundIsUsed(t *testing.T) {
	folder := t.TempDir()
	call := query.ID{Query: "call", Key: "a"}
	s, _ := openStore(t, folder, Options{})
	n := openSession(t, s, world)
	keep(t, n, snapshot(5))
	s.Save(call, query.Record{Fingerprint: query.Digest([]byte("a"))}, []byte("a"))
	require.NoError(t, s.Commit(t.Context()))
	require.NoError(t, s.Sound())
	n.Close()
	s.dies(t)

	s, told := openStore(t, folder, Options{})
	n = openSession(t, s, world)
	assert.Equal(t, []int{5}, inSession(t, n))
	_, ok := s.Record(call)
	assert.True(t, ok)
	assert.Empty(t, told.lines)
	n.Close()
	s.dies(t) // of what it has read, perhaps

	s, told = openStore(t, folder, Options{})
	n = openSession(t, s, world)
	assert.Empty(t, inSession(t, n))
	_, ok = s.Record(call)
	assert.False(t, ok)
	assert.Equal(t, []string{died}, told.lines)
	n.Close()
	closeStore(t, s)
}

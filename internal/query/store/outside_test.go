package store

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A cache comes with a project that somebody else has packed. Each of these
// once removed or wrote somebody's files, took all memory, or waited for ever.
func TestFolderThatSomebodyHasPreparedReachesNothingElse(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "precious")
	for name, c := range prepared(outside) {
		t.Run(name, func(t *testing.T) {
			id, r, text := answer(100_000)
			require.NoError(t, os.RemoveAll(outside))
			require.NoError(t, os.MkdirAll(outside, 0o700))
			for _, file := range []string{"1-1", "lock", "2-AB"} {
				require.NoError(t, os.WriteFile(filepath.Join(outside, file), []byte("precious"), 0o600))
			}
			folder := filepath.Join(t.TempDir(), "cache")
			place := filepath.Join(folder, c.place)
			require.NoError(t, os.MkdirAll(filepath.Dir(place), 0o700))
			c.make(t, place)

			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // what waits for a pipe looks at no context
			defer cancel()
			var told said
			s, err := Open(ctx, folder, Options{Version: "1", Said: told.say})
			if c.refused {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				session, err := s.Session(ctx, [32]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
				require.NoError(t, err)
				found, _ := session.Snapshot()
				assert.Nil(t, found)
				save(s, 3)
				s.Save(id, r, text)
				assert.True(t, has(t, s, 3))
				session.Close()
				require.NoError(t, s.Close(ctx))

				s, err = Open(ctx, folder, Options{Version: "1", Said: told.say})
				require.NoError(t, err)
				assert.True(t, has(t, s, 3), told.lines)
				require.NoError(t, s.Close(ctx))
			}
			for _, file := range []string{"1-1", "lock", "2-AB"} {
				now, err := os.ReadFile(filepath.Join(outside, file))
				require.NoError(t, err)
				assert.Equal(t, "precious", string(now))
			}
			entries, err := os.ReadDir(outside)
			require.NoError(t, err)
			assert.Len(t, entries, 3)
		})
	}
}

// preparation is something odd at a place in a cache.
type preparation struct {
	place string
	make  func(t *testing.T, place string)
	// refused says that the folder cannot be used.
	refused bool
}

func prepared(outside string) map[string]preparation {
	link := func(target string) func(*testing.T, string) {
		return func(t *testing.T, place string) { require.NoError(t, os.Symlink(target, place)) }
	}
	pipe := func(t *testing.T, place string) { require.NoError(t, syscall.Mkfifo(place, 0o600)) }
	holes := func(t *testing.T, place string) {
		require.NoError(t, os.WriteFile(place, nil, 0o600))
		require.NoError(t, os.Truncate(place, graphBound+1))
	}
	const world = "0102030405060708090a0b0c0d0e0f10"
	_, r, _ := answer(100_000)
	return map[string]preparation{
		"marks in a folder outside":      {"open", link(outside), true},
		"a mark that is a link":          {"open/1-1", link(filepath.Join(outside, "1-1")), false},
		"a mark that is a pipe":          {"open/1-1", pipe, false},
		"a lock outside":                 {"lock", link(filepath.Join(outside, "lock")), true},
		"a lock that is a pipe":          {"lock", pipe, true},
		"a counter without end":          {"builds", link("/dev/zero"), false},
		"a counter outside":              {"builds", link(filepath.Join(outside, "1-1")), false},
		"a counter that is a pipe":       {"builds", pipe, false},
		"a counter of holes":             {"builds", holes, false},
		"values outside":                 {"values", link(outside), true},
		"some of the values outside":     {filepath.Dir(valuePath(r.Fingerprint)), link(outside), false},
		"a value outside":                {valuePath(r.Fingerprint), link(filepath.Join(outside, "1-1")), false},
		"a value that is a pipe":         {valuePath(r.Fingerprint), pipe, false},
		"a graph that is a pipe":         {"graph-1-" + world + ".db", pipe, false},
		"a graph without end":            {"graph-1-" + world + ".db", link("/dev/zero"), false},
		"a session of holes":             {"session-" + world + "-" + world, holes, false},
		"a session that is a pipe":       {"session-" + world + "-" + world, pipe, false},
		"a session without end":          {"session-" + world + "-" + world, link("/dev/zero"), false},
		"a part that leads outside":      {partName("graph"), link(filepath.Join(outside, "1-1")), false},
		"an unfinished file of somebody": {partPrefix + "1-graph", link(outside), false},
	}
}

package code_execution

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "ddc/plugins/code_execution/code_executionpb"
)

// A site can bring a cache along, with links in it. A sample may not write to
// where they lead.
func TestALinkInTheCacheIsNoFolderOfTheSamples(t *testing.T) {
	program := filepath.Join(t.TempDir(), "cargo")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n[ \"$1\" = --version ] && exit\necho x > $CARGO_TARGET_DIR/written && echo x > written\n"), 0o755))
	req := &pb.ExecuteRequest{Sample: rust(1, "fn main() {}\n"), Language: &pb.Language{Command: program}}

	req.CacheDir = t.TempDir()
	res := execute(t, req)
	require.Equal(t, pb.ExecuteResponse_OUTCOME_SUCCESS, res.GetOutcome(), res.GetStderr())
	require.FileExists(t, filepath.Join(req.CacheDir, "target", "written"))
	projects, err := filepath.Glob(filepath.Join(req.CacheDir, "projects", "*"))
	require.NoError(t, err)
	require.Len(t, projects, 1)

	for _, link := range []string{"target", "projects", "results", filepath.Join("projects", filepath.Base(projects[0]))} {
		outside := t.TempDir()
		req.CacheDir = t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(req.CacheDir, link)), 0o755))
		require.NoError(t, os.Symlink(outside, filepath.Join(req.CacheDir, link)))
		_, err := New().Execute(t.Context(), req)
		assert.Equal(t, codes.InvalidArgument, status.Code(err), link)
		assert.ErrorContains(t, err, filepath.Join(req.CacheDir, link), link)
		assert.ErrorContains(t, err, "a link that leads out: remove it", link)
		entries, err := os.ReadDir(outside)
		require.NoError(t, err)
		for _, e := range entries {
			assert.Fail(t, "written outside", "%s: %s", link, e.Name())
		}
	}
}

// Results, too, come with a site: one that is a pipe once held the plugin until
// it was killed, and one without an end took all its memory.
func TestAResultThatIsNoFileCountsAsNone(t *testing.T) {
	program := filepath.Join(t.TempDir(), "cargo")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n[ \"$1\" = --version ] && exit\necho ran\n"), 0o755))
	req := &pb.ExecuteRequest{Sample: rust(1, "fn main() {}\n"), Language: &pb.Language{Command: program}, CacheDir: t.TempDir()}
	require.Equal(t, "ran\n", execute(t, req).GetStdout())
	require.True(t, execute(t, req).GetCached())
	found, err := filepath.Glob(filepath.Join(req.CacheDir, resultsFolder, "*.json"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	outside := filepath.Join(t.TempDir(), "outside")
	forged := []byte(`{"stdout":"forged"}`)
	require.NoError(t, os.WriteFile(outside, forged, 0o600))
	for name, odd := range map[string]func(place string) error{
		"a pipe":             func(place string) error { return syscall.Mkfifo(place, 0o600) },
		"a file without end": func(place string) error { return os.Symlink("/dev/zero", place) },
		"a link":             func(place string) error { return os.Symlink(outside, place) },
		"holes": func(place string) error {
			if err := os.WriteFile(place, forged, 0o600); err != nil {
				return err
			}
			return os.Truncate(place, 1<<40)
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.Remove(found[0]))
			require.NoError(t, odd(found[0]))
			res := execute(t, req)
			assert.Equal(t, "ran\n", res.GetStdout())
			assert.False(t, res.GetCached())
			assert.True(t, execute(t, req).GetCached(), "a sound one has its place")
			text, err := os.ReadFile(outside)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(forged, text))
		})
	}
}

package code_execution

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "ddc/plugins/code_execution/code_executionpb"
)

// A site can bring a cache along, with links in it. What they lead to is not
// the sample's to write to.
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

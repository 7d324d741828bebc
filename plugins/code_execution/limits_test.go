package code_execution

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/sandbox"
	pb "ddc/plugins/code_execution/code_executionpb"
)

func needs(t *testing.T, landlock int) {
	t.Helper()
	if k := sandbox.Kernel(); k.Landlock < landlock || !k.Seccomp {
		t.Skipf("this kernel offers %v", k)
	}
}

func TestASampleWritesInItsOwnFolderOnly(t *testing.T) {
	needs(t, 3)
	outside := filepath.Join(t.TempDir(), "outside")
	res := execute(t, &pb.ExecuteRequest{Sample: script("echo x > inside && echo x > $TMPDIR/too; echo x > " + outside), Language: shell()})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
	assert.Contains(t, res.GetStderr(), outside)
	assert.NotContains(t, res.GetStderr(), "inside")
	assert.NoFileExists(t, outside)
}

func TestASampleHasNoNetwork(t *testing.T) {
	needs(t, 1)
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash, which can connect without a program to do it")
	}
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Addr().String())
	require.NoError(t, err)
	res := execute(t, &pb.ExecuteRequest{Sample: script("exec 3<>/dev/tcp/127.0.0.1/" + port), Language: &pb.Language{Command: "bash"}})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
	assert.Contains(t, res.GetStderr(), "not permitted")
}

func TestASamplesMemoryIsLimited(t *testing.T) {
	res := execute(t, &pb.ExecuteRequest{Sample: script("ulimit -d; dd if=/dev/zero of=/dev/null bs=5G count=1"), Language: shell()})
	assert.Equal(t, pb.ExecuteResponse_OUTCOME_FAILED, res.GetOutcome())
	assert.Equal(t, "4194304\n", res.GetStdout())
	assert.Contains(t, res.GetStderr(), "memory exhausted")
}

// Leftovers of an earlier run in a kept folder have no effect.
func TestALinkLeftInAProjectLeadsNowhere(t *testing.T) {
	folder, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("whole"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(folder, "Cargo.toml")))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(folder, "src")))
	require.NoError(t, writeFile(folder, "Cargo.toml", "new"))
	require.Error(t, writeFile(folder, "src/main.rs", "new"))
	content, err := os.ReadFile(outside)
	require.NoError(t, err)
	assert.Equal(t, "whole", string(content))
	content, err = os.ReadFile(filepath.Join(folder, "Cargo.toml"))
	require.NoError(t, err)
	assert.Equal(t, "new", string(content))
}

// Cargo takes orders from the folders above a project, which are the site's,
// and the site says which program cargo is. While crates are fetched, with the
// network and cargo's home at hand, neither counts.
func TestNothingOfTheSiteRunsWhileCratesAreFetched(t *testing.T) {
	needs(t, 3)
	cargo(t) // or nothing is to be seen
	real, err := exec.LookPath("cargo")
	require.NoError(t, err)
	crate := crateWithSeven(t)
	for name, ownCargo := range map[string]bool{"wrapper": false, "cargo": true} {
		t.Run(name, func(t *testing.T) {
			site, home := t.TempDir(), t.TempDir()
			t.Setenv("CARGO_HOME", home)
			language := cargo(t)
			wrapper, own := filepath.Join(site, "wrapper"), filepath.Join(site, "cargo")
			require.NoError(t, os.WriteFile(wrapper, []byte("#!/bin/sh\ntouch $CARGO_HOME/evil 2>/dev/null\nexec \"$@\"\n"), 0o755))
			require.NoError(t, os.WriteFile(own, []byte("#!/bin/sh\ntouch $CARGO_HOME/evil 2>/dev/null\nexec "+real+" \"$@\"\n"), 0o755))
			require.NoError(t, os.MkdirAll(filepath.Join(site, ".cargo"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(site, ".cargo/config.toml"), []byte("[build]\nrustc-wrapper = \""+wrapper+"\"\n"), 0o644))
			if ownCargo {
				language.Command = own
			}
			language.Dependencies = []*pb.Dependency{{Name: "my-crate", Path: crate}}
			sample := rust(1, "println!(\"{}\", my_crate::seven());\n")
			res := execute(t, &pb.ExecuteRequest{Sample: sample, Language: language, CacheDir: filepath.Join(site, ".cache"), TimeoutMs: 120_000})
			assert.Equal(t, "7\n", res.GetStdout(), res.GetStderr())
			assert.NoFileExists(t, filepath.Join(home, "evil"))
		})
	}
}

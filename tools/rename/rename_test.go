package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

const renamed = "example.org/x/ddc"

func TestOnlyWhatCallsAPackageIsRenamed(t *testing.T) {
	p := newPaths("ddc", renamed, []string{"go.mod", "rpc/conn.go", "cmd/ddc/main.go"})
	for _, c := range []struct{ name, before, after string }{
		{"a.go", `import "ddc/rpc"`, `import "example.org/x/ddc/rpc"`},
		{"a.go", `"x\nddc/rpc.(*Conn)"`, `"x\nexample.org/x/ddc/rpc.(*Conn)"`},
		{"a.go", `strings.CutPrefix(full, "ddc/")`, `strings.CutPrefix(full, "example.org/x/ddc/")`},
		{"a.md", "`go doc ddc/rpc`, in cmd/ddc/main.go and ddc/key", "`go doc example.org/x/ddc/rpc`, in cmd/ddc/main.go and ddc/key"},
		{"a.go", `"ddc", "ddc/..."`, `"ddc", "example.org/x/ddc/..."`},
		{"go.mod", "module ddc\n\nrequire (\n\tddc v0.0.0\n)\n\nreplace ddc => ..\n", "module example.org/x/ddc\n\nrequire (\n\texample.org/x/ddc v0.0.0\n)\n\nreplace example.org/x/ddc => ..\n"},
		{"x/go.mod", "module ddc/rpc/x\n", "module example.org/x/ddc/rpc/x\n"},
		{"a.pb.go", "\t\"\\aRBB\\x13Z\\x11ddc/rpc/rpctestpbb\\x06proto3\"\n", "\t\"\\aRBB!Z\\x1fexample.org/x/ddc/rpc/rpctestpbb\\x06proto3\"\n"},
	} {
		after, err := p.in(c.name, []byte(c.before))
		require.NoError(t, err, c.before)
		assert.Equal(t, c.after, string(after))
	}
	_, err := p.in("a.pb.go", []byte(`"Z\x11ddc/rpc/rpctestpbb\x06proto3"`))
	assert.ErrorIs(t, err, errDescriptor)
}

func TestAPathThatCannotBeFetchedIsRefusedAndNothingIsChanged(t *testing.T) {
	for _, to := range []string{"", "ddc", "x/ddc", "https://example.org/x", "example.org/../x", "example.org/x y"} {
		_, err := rename(t.TempDir(), to)
		assert.ErrorContains(t, err, "no path for a module", to)
	}
}

// Every package of the copy is compiled, those of tests too, and none is
// linked. Tests run where a path stands in a text that no compiler reads, and
// those of another module that is built on the copy: the rest does not know
// what the module is called. The copy has the same place each time, so that
// what was compiled once is not compiled again.
func TestARenamedCopyBuilds(t *testing.T) {
	if os.Getenv("DDC_RENAME") == "" {
		t.Skip("all packages are compiled anew: make rename-check")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	copied := filepath.Join(root, ".tools", "renamed")
	run := func(folder, program string, args ...string) {
		t.Helper()
		began := time.Now()
		command := exec.CommandContext(t.Context(), program, args...)
		command.Dir = folder
		command.Env = append(os.Environ(), "DDC_RENAME=") // no copy of the copy
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", program, args, out)
		t.Logf("%s %v: %v", program, args, time.Since(began).Round(time.Second))
	}
	require.NoError(t, os.RemoveAll(copied))
	run(root, "git", "clone", "-q", root, copied)
	_, err = rename(copied, renamed)
	require.NoError(t, err)
	run(copied, "gofmt", "-w", ".")
	run(copied, "go", "list", "-tags", "nodynamic", "-test", "-export", "./...")
	run(copied, "go", "test", "-tags", "nodynamic", ".", "./internal/dump", "./internal/tool", "./plugin/scaffold", "./examples/plugin")
}

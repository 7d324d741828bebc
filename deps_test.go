// Package ddc_test holds the layering as a test: who may import whom, and why
// not. It is the drawing of docs/ARCHITECTURE.md, checked.
package ddc_test

import (
	"errors"
	"go/build"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// layers lists packages from the bottom up. A package may import those in lines
// above its own, unless forbidden says otherwise; those in one line are
// siblings, and never import each other. "x/*" stands for every folder in x,
// "x/..." for x and everything below; a folder that a line names by itself is
// in that line.
var layers = []string{
	"internal/proc",
	"internal/fault internal/printable internal/subject internal/await internal/activity internal/absence internal/fixture internal/doctable internal/regular",
	"internal/diagnostic/diagnosticpb",
	"internal/diagnostic",
	"internal/kdl",
	"internal/step internal/suggest internal/slug internal/notation internal/markup/... internal/bulk internal/longcall internal/telemetry internal/heir internal/icc/...",
	"internal/inuse",
	"internal/sys",
	"internal/seccomp",
	"internal/sandbox internal/memory",
	"internal/forker",
	"internal/tool internal/enclosure internal/query/...",
	"shm",
	"wake ring slot internal/trace",
	"wake/*",
	"wake/strategy",
	"transport",
	"transport/hub transport/inproc",
	"inspect/text",
	"inspect",
	"rpc/...",
	"internal/dump plugin/agreement",
	"plugin",
	"plugin/spec plugin/remote/...",
	"plugin/host",
	"plugin/watch plugin/scaffold",
	"conformance/scenario",
	"conformance/broken",
	"conformance/explore",
	"conformance/peer/peerpb",
	"conformance/peer",
	"conformance",
	"plugins/html/htmlpb", // minify takes its requests
	"plugins/*pb proto/...",
	"plugins/html", // minify finishes pages with its edits
	"plugins/*",
	"plugins",
	"site/config/...",
	"site/content site/template site/asset site/output site/starter site/extension",
	"site site/trial",
	"site/serve",
	"conformance/bench conformance/matrix examples/...",
	"conformance/verdict",
	"cmd/...",
	"tools/...", // change the text of others, and need none of them
}

// forbidden are imports that the layers would allow, each with its reason.
// "from" may be a pattern of layers; "to" is one too, or a package of others.
var forbidden = []struct{ from, to, why string }{
	{"rpc/...", "wake/...", "calls know links, not what is under them"},
	{"rpc/...", "ring", "calls know links, not what is under them"},
	{"rpc/...", "slot", "calls know links, not what is under them"},
	{"rpc/...", "shm", "calls know links, not what is under them"},
	{"rpc/...", "transport/*", "calls run on any transport"},
	{"transport", "shm", "vocabulary only, no mechanism"},
	{"transport", "wake/...", "vocabulary only, no mechanism"},
	{"transport/inproc", "wake/...", "the control group has no wake-up at all"},
	{"transport/inproc", "shm", "the control group shares no memory"},
	{"site/...", "transport/...", "the pipeline knows services, by their generated clients"},
	{"site/...", "wake/...", "the pipeline knows services, by their generated clients"},
	{"site/...", "shm", "the pipeline knows services, by their generated clients"},
	{"site/...", "rpc/...", "a client is an interface; a test fakes it"},
	{"site/...", "plugin/...", "who starts plugins is no matter of the pipeline"},
	{"site/...", "plugins", "only the generated stubs: the implementation runs elsewhere"},
	{"site/...", "plugins/*", "only the generated stubs: the implementation runs elsewhere"},
	{"plugins/*", "transport/...", "a service does not know how it is called"},
	{"plugins/*", "plugin/host", "a plugin says what it needs; who gives it is no matter of its own"},
	{"plugins/*", "plugin/watch", "a plugin says what it needs; who gives it is no matter of its own"},
	{"plugins/*", "wake/...", "a service does not know how it is called"},
	{"conformance/scenario", "testing", "programs run in tools too"},
	{"conformance/broken", "testing", "faults run in tools too"},
	{"cmd/...", "conformance", "the suite needs the testing package; tools run its programs"},
	{"plugin", "inspect", "an author's program looks at nobody"},
	{"plugin", "internal/sandbox", "who confines a plugin is its host"},
	{"plugin/agreement", "transport/...", "what both sides say is words"},
	{"plugin/spec", "transport/...", "what a plugin may do does not depend on what carries its calls"},
	{"plugin/...", "conformance/...", "product does not stand on its proof"},
	{"site/...", "conformance/...", "product does not stand on its proof"},
	{"examples/...", "conformance/...", "product does not stand on its proof"},
	{"conformance/scenario", "transport/*", "programs are written against the interface"},
	{"conformance/scenario", "wake/*", "programs are written against the interface"},
}

func match(pattern, path string) bool {
	switch {
	case pattern == "plugins/*pb":
		return strings.HasPrefix(path, "plugins/") && strings.HasSuffix(path, "pb")
	case strings.HasSuffix(pattern, "/..."):
		base := strings.TrimSuffix(pattern, "/...")
		return path == base || strings.HasPrefix(path, base+"/")
	case strings.HasSuffix(pattern, "/*"):
		dir, rest, ok := strings.Cut(path, "/")
		return ok && dir == strings.TrimSuffix(pattern, "/*") && !strings.Contains(rest, "/")
	}
	return pattern == path
}

// layerOf is the line of a package, and the pattern there that names it. Its
// own name goes before a pattern.
func layerOf(path string) (line int, pattern string) {
	line = -1
	for i, l := range layers {
		for _, p := range strings.Fields(l) {
			switch {
			case p == path:
				return i, p
			case line < 0 && match(p, path):
				line, pattern = i, p
			}
		}
	}
	return line, pattern
}

// packages are the imports of every package of this module, without its tests.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	context := build.Default
	context.BuildTags = []string{"nodynamic"}
	found := map[string][]string{}
	require.NoError(t, filepath.WalkDir(".", func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if name := entry.Name(); dir != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules") {
			return fs.SkipDir
		}
		p, err := context.ImportDir(dir, 0)
		if _, none := errors.AsType[*build.NoGoError](err); none {
			return nil
		}
		if err != nil {
			return err
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 {
			found[filepath.ToSlash(dir)] = p.Imports
		}
		return nil
	}))
	return found
}

func TestArrowsPointDownOnly(t *testing.T) {
	for path, imports := range packages(t) {
		line, pattern := layerOf(path)
		if !assert.GreaterOrEqual(t, line, 0, "%s has no place in the layers: give it one", path) {
			continue
		}
		for _, full := range imports {
			target, own := strings.CutPrefix(full, "ddc/")
			if !own {
				continue
			}
			targetLine, targetPattern := layerOf(target)
			// Within one tree ("rpc/...") the tree decides for itself.
			if target != path && line == targetLine && pattern == targetPattern && strings.HasSuffix(pattern, "...") {
				continue
			}
			assert.Less(t, targetLine, line, "%s imports %s, which is not below it", path, target)
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	for path, imports := range packages(t) {
		for _, full := range imports {
			target := strings.TrimPrefix(full, "ddc/")
			for _, rule := range forbidden {
				assert.False(t, match(rule.from, path) && match(rule.to, target) && !strings.HasSuffix(target, "pb"),
					"%s must not import %s: %s", path, target, rule.why)
			}
		}
	}
}

// Few packages may touch what the compiler and the kernel cannot check.
func TestUnsafeAndSystemCallsHaveAnAddress(t *testing.T) {
	// site/output exchanges folders and locks them, internal/bulk copies holes,
	// internal/sandbox and internal/seccomp restrict threads: nothing that
	// sleeps or is shared.
	others := []string{"site/output", "internal/bulk", "internal/sandbox", "internal/seccomp"}
	for _, path := range others {
		assert.Contains(t, read(t, "internal/sys/doc.go"), path, "the package comment lists them")
	}
	for path, imports := range packages(t) {
		if slices.Contains(imports, "golang.org/x/sys/unix") {
			assert.Contains(t, append(others, "internal/sys"), path, "only internal/sys makes system calls")
		}
		if strings.HasSuffix(path, "pb") { // protoc-gen-go embeds descriptors with it
			continue
		}
		if slices.Contains(imports, "unsafe") {
			assert.Contains(t, []string{"internal/sys", "internal/sandbox", "shm"}, path, "only shm, internal/sys and internal/sandbox hold unsafe pointers")
		}
	}
	for _, dir := range []string{"internal/sys", "internal/sandbox", "shm"} {
		p, err := build.ImportDir(dir, 0)
		require.NoError(t, err)
		require.NotEmpty(t, p.ImportPos["unsafe"])
		for _, position := range p.ImportPos["unsafe"] {
			assert.Contains(t, position.Filename, "_unsafe.go", "unsafe is in files that say so")
		}
	}
}

// A plugin links what serves calls, and nothing of what a host does.
func TestAnAuthorsPluginLinksNothingOfAHosts(t *testing.T) {
	list, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "nodynamic", "./examples/plugin").Output()
	require.NoError(t, err)
	linked := strings.Fields(string(list))
	require.Contains(t, linked, "ddc/plugin/agreement", "the list is of something else")
	for _, of := range []string{"ddc/inspect", "ddc/internal/sandbox", "ddc/internal/enclosure", "ddc/internal/heir", "ddc/internal/tool", "ddc/transport/inproc", "ddc/plugin/spec", "ddc/plugin/host", "ddc/plugin/watch"} {
		assert.NotContains(t, linked, of)
	}
}

func TestOnlyTestsImportTestingTools(t *testing.T) {
	for path, imports := range packages(t) {
		for _, full := range imports {
			if full == "testing" || strings.HasPrefix(full, "github.com/stretchr/testify") || full == "go.uber.org/goleak" || strings.HasPrefix(full, "github.com/rogpeppe/go-internal/") || slices.Contains([]string{"ddc/internal/await", "ddc/internal/fixture", "ddc/internal/doctable"}, full) {
				assert.Contains(t, []string{"conformance", "internal/await", "internal/fixture", "internal/doctable"}, path, "%s imports %s: only the suite and tests may", path, full)
			}
		}
	}
}

// The command is product; its files wake_*.go and plugin_check.go alone reach
// into the proof.
func TestOfTheCommandOnlyWakeFilesReachIntoTheProof(t *testing.T) {
	context := build.Default
	context.BuildTags = []string{"nodynamic"}
	for _, tag := range []string{"nodynamic", "ddcfault"} {
		context.BuildTags = append(context.BuildTags, tag)
		p, err := context.ImportDir("cmd/ddc", 0)
		require.NoError(t, err)
		reached := false
		for path, positions := range p.ImportPos {
			if !strings.HasPrefix(path, "ddc/conformance/") {
				continue
			}
			for _, position := range positions {
				reached = true
				assert.Regexp(t, `^(wake_\w+|plugin_check(_fault)?)\.go$`, filepath.Base(position.Filename), "%s imports %s", position.Filename, path)
			}
		}
		require.True(t, reached, "no file of cmd/ddc imports the proof: this test checks nothing")
	}
}

// A rule that matches nothing forbids nothing.
func TestRulesNameWhatExists(t *testing.T) {
	found := packages(t)
	for _, rule := range forbidden {
		matched := false
		for path := range found {
			matched = matched || match(rule.from, path)
		}
		assert.True(t, matched, "no package is meant by %q", rule.from)
	}
}

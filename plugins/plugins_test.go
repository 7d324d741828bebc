package plugins_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"ddc/internal/await"
	"ddc/plugin/spec"
	"ddc/plugins"
	"ddc/transport/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// A plugin that the list lacks would be built and tested, and never run.
func TestEveryFolderOfPluginsIsAPluginOfTheListAndSaysItsSpec(t *testing.T) {
	var folders, listed []string
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.IsDir() {
			folders = append(folders, entry.Name())
		}
	}
	for _, s := range plugins.All() {
		listed = append(listed, s.Name)
	}
	for _, name := range folders {
		text, err := os.ReadFile(filepath.Join(name, "spec.go"))
		if assert.NoError(t, err, "plugins/%s has no spec.go", name) {
			assert.Contains(t, string(text), "\nfunc Spec() spec.Spec {\n", "plugins/%s/spec.go has no Spec", name)
		}
		assert.Contains(t, listed, name, "plugins.All lacks %s, or its Spec has another name", name)
	}
	assert.Equal(t, folders, listed, "each once, by name")
}

// With --all-plugins all are attached at once, and one may be started again
// meanwhile.
func TestAllPluginsHaveAPlaceInAHub(t *testing.T) {
	assert.Less(t, len(plugins.All()), hub.DefaultPeers)
}

// methodNames collects the methods of services, and whether each is a stream.
type methodNames map[string]bool

func (m methodNames) RegisterService(desc *grpc.ServiceDesc, _ any) {
	for _, method := range desc.Methods {
		m["/"+desc.ServiceName+"/"+method.MethodName] = false
	}
	for _, stream := range desc.Streams {
		m["/"+desc.ServiceName+"/"+stream.StreamName] = true
	}
}

func TestEverySpecBoundsTheAnswersOfItsMethodsAndOfNoOther(t *testing.T) {
	for _, s := range plugins.All() {
		methods := methodNames{}
		s.Open().Register(methods)
		assert.NotEmpty(t, methods, s.Name)
		for name := range methods {
			assert.NotZero(t, s.Answers[name], "%s says nothing of how large the answers of %s may be", s.Name, name)
		}
		for name := range s.Answers {
			assert.Contains(t, methods, name, "%s has no such method", s.Name)
		}
	}
}

// Workers on other machines take unary calls only.
func TestPluginWithStreamsRunsOnTheMachineOfTheSite(t *testing.T) {
	for _, s := range plugins.All() {
		methods := methodNames{}
		s.Open().Register(methods)
		for name, stream := range methods {
			if stream {
				assert.NotEmpty(t, s.Here, name)
			}
		}
	}
}

// A missing program's error says what goes without it.
func TestEveryToolSaysItsPurpose(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range plugins.All() {
		for _, program := range s.Tools {
			assert.NotEmpty(t, program.Purpose, "%s of %s", program.Name, s.Name)
			assert.False(t, strings.HasSuffix(program.Purpose, ","), program.Name)
			assert.False(t, seen[program.Name], "%s has two owners", program.Name)
			seen[program.Name] = true
		}
	}
}

// Those that only compute have the table's first row.
func TestThePageOnSecurityHasARowForEachPluginThatMayDoMore(t *testing.T) {
	page, err := os.ReadFile("../docs/SECURITY.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(page), "| plugin | files | programs | network |")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []string
	for line := range strings.Lines(table) {
		if names, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok {
			rows = append(rows, strings.Split(names, ", ")...)
		}
	}
	for _, s := range plugins.All() {
		more := s.Confine != nil || len(s.Tools) > 0 || s.Environ != nil
		assert.Equal(t, more, slices.Contains(rows, s.Name), "%s, which may do more than compute: %v", s.Name, more)
	}
}

func TestCallsOfWhatGrowsAndWaitsMayTakeLonger(t *testing.T) {
	times := map[string]time.Duration{}
	for _, s := range plugins.All() {
		if s.CallTime != nil {
			times[s.Name] = s.CallTime(spec.Site{Jobs: 4, Samples: spec.Samples{Time: 30 * time.Second}})
		}
	}
	assert.Equal(t, map[string]time.Duration{
		"fonts": 10 * time.Minute, "image": 10 * time.Minute, "jxl": 10 * time.Minute, "pagefind": 10 * time.Minute, "webp": 10 * time.Minute,
		"linkcheck": time.Hour, "code_execution": 4 * time.Minute,
	}, times)
}

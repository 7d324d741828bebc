package dump

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// methods are those of every type in a package's source, and "" for the type itself.
func methods(t *testing.T, pkg string) map[string]map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", pkg, "*.go"))
	require.NoError(t, err)
	found := map[string]map[string]bool{}
	note := func(of, method string) {
		if found[of] == nil {
			found[of] = map[string]bool{}
		}
		found[of][method] = true
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				note(n.Name.Name, "")
			case *ast.FuncDecl:
				if n.Recv == nil {
					return false
				}
				if pointer, ok := n.Recv.List[0].Type.(*ast.StarExpr); ok {
					if of, ok := pointer.X.(*ast.Ident); ok {
						note(of.Name, n.Name.Name)
					}
				}
				return false
			}
			return true
		})
	}
	return found
}

// A function that has moved, or has another name, would no longer be told from any other.
func TestWhatIsLookedForOnStacksExists(t *testing.T) {
	for _, w := range waits {
		parts := regexp.MustCompile(`^ddc/([a-z/]+)\.\(\*(\w+)\)(?:\.(\w+))?$`).FindStringSubmatch(w.function)
		if assert.NotNil(t, parts, w.function) {
			assert.True(t, methods(t, parts[1])[parts[2]][parts[3]], "%s is no function", w.function)
		}
	}
}

func TestOwnGoroutinesAreCountedAndShown(t *testing.T) {
	var out bytes.Buffer
	Stacks(&out)
	assert.Regexp(t, `^\d+ goroutines\n`, out.String())
	assert.Contains(t, out.String(), "dump.TestOwnGoroutinesAreCountedAndShown")
	assert.Equal(t, "is a pump", waitOf("goroutine 1 [syscall]:\nddc/transport/hub.(*Link).pump(0x1)\n\t/x.go:1"))
	assert.Empty(t, waitOf("goroutine 1 [syscall]:\nmain.main()\ncreated by \nddc/transport/hub.(*Link).pump(0x1)"), "who made it does not count")
}

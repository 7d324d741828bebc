package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/printable"
)

func TestScreenIsOneHoweverOftenItIsAskedFor(t *testing.T) {
	var out bytes.Buffer
	s := screenOf(&out)
	assert.Equal(t, s, screenOf(s))
	assert.Zero(t, s.width())
	require.NoError(t, s.Control(printable.EraseLine, ""))
	assert.Equal(t, "\r\x1b[K", out.String())
}

// mayWrite are the places that use the process's own output, each with the
// reason.
var mayWrite = map[string]string{
	"cmd/ddc/main.go":            "it makes the screens of them",
	"plugin/serve.go":            "a plugin's standard error is a pipe to the host, which makes it fit",
	"plugin/exhaustion.go":       "as serve.go, before the plugin ends itself",
	"internal/await/await.go":    "tests alone wait with it",
	"internal/await/watched.go":  "as await.go",
	"internal/dump/dump.go":      "through a printable.Writer",
	"conformance/bench/pair.go":  "the other process of a benchmark, which is this program",
	"conformance/main.go":        "the other processes of the suite's tests",
	"internal/fault/fault_on.go": "a program for tests alone, before it runs",
}

// By this nothing that is printed goes past the screen: the process's own
// output is used nowhere else, and no sequence for terminals is written out.
func TestNobodyPrintsPastTheScreen(t *testing.T) {
	seen := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel("../..", path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata" || d.Name() == "node_modules" ||
			name == "tools" || name == "bench" || name == "examples"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".pb.go"):
			return nil
		}
		for _, what := range printsIn(t, path) {
			if what == `\x1b` && strings.HasPrefix(name, "internal/printable/") {
				continue
			}
			seen[name] = true
			assert.Contains(t, mayWrite, name, "%s has %s: print to a screen", name, what)
		}
		return nil
	}))
	for name := range mayWrite {
		assert.True(t, seen[name], "%s prints nothing any more: take it off the list", name)
	}
}

// printsIn lists what a file uses that writes to the process's output.
func printsIn(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			of, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			name := of.Name + "." + n.Sel.Name
			printing := name == "os.Stdout" || name == "os.Stderr" || of.Name == "fmt" && strings.HasPrefix(n.Sel.Name, "Print") ||
				of.Name == "log" && of.Obj == nil && (strings.HasPrefix(n.Sel.Name, "Print") || strings.HasPrefix(n.Sel.Name, "Fatal"))
			if printing {
				found = append(found, name)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && f.Obj == nil && (f.Name == "print" || f.Name == "println") {
				found = append(found, f.Name)
			}
		case *ast.BasicLit:
			if n.Kind == token.STRING && (strings.Contains(n.Value, `\x1b`) || strings.Contains(n.Value, `\033`) || strings.Contains(n.Value, `\u001b`)) {
				found = append(found, `\x1b`)
			}
		}
		return true
	})
	return found
}

//go:build !ddcfault

package fault

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/build"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A build without the faults is, instruction for instruction, what the compiler
// makes of sources that every mention of a fault has been cut out of.
func TestOrdinaryBuildHoldsNoFault(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	overlay := map[string]string{}
	var packages []string
	for _, dir := range withPoints(t, root) {
		packages = append(packages, "./"+dir)
		for path, text := range cut(t, filepath.Join(root, dir)) {
			replacement := filepath.Join(t.TempDir(), filepath.Base(path))
			require.NoError(t, os.WriteFile(replacement, text, 0o600))
			overlay[path] = replacement
		}
	}
	require.Greater(t, len(packages), 3, "where are the points?")
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))

	for _, p := range packages {
		as, without := assembly(t, root, p), assembly(t, root, p, "-overlay", file)
		assert.Greater(t, len(as), 3, p)
		for name := range as {
			if !slices.Equal(instructions(as[name]), instructions(without[name])) {
				assert.Failf(t, "a fault leaves something behind", "%s is, as it is:\n%s\nand without faults:\n%s",
					name, strings.Join(as[name], "\n"), strings.Join(without[name], "\n"))
			}
		}
		assert.Len(t, without, len(as), p)
	}
}

// instructions are those that do something, sorted: where the compiler marks an
// inlined call with a no-op, and which of two registers it saves first, may
// hang on a line that it has dropped.
func instructions(function []string) []string {
	left := slices.DeleteFunc(slices.Clone(function), func(i string) bool { return i == "NOP" || i == "XCHGL\tAX, AX" })
	slices.Sort(left)
	return left
}

// withPoints lists the folders whose sources name this package.
func withPoints(t *testing.T, root string) []string {
	var found []string
	for _, pattern := range []string{"*", "*/*"} {
		dirs, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, dir := range dirs {
			name, err := filepath.Rel(root, dir)
			require.NoError(t, err)
			p, err := build.ImportDir(dir, 0)
			if err != nil || slices.Contains([]string{"conformance", "cmd"}, strings.Split(name, "/")[0]) {
				continue
			}
			if slices.Contains(p.Imports, "ddc/internal/fault") {
				found = append(found, name)
			}
		}
	}
	return found
}

// assembly is what the compiler makes of a package: the instructions of each
// function, without where in the source they come from.
func assembly(t *testing.T, root, pkg string, flags ...string) map[string][]string {
	t.Helper()
	args := slices.Concat([]string{"build", "-tags", "nodynamic", "-gcflags=" + "ddc/" + strings.TrimPrefix(pkg, "./") + "=-S"}, flags, []string{pkg})
	c := exec.Command("go", args...)
	c.Dir = root
	output, err := c.CombinedOutput()
	require.NoError(t, err, "%s", output)
	line := regexp.MustCompile(`^\t0x[0-9a-f]+ \d+ \([^)]*\)\t(.*)$`)
	begin := regexp.MustCompile(`^(\S+) STEXT`)
	numbered := regexp.MustCompile(`(autotmp|stmp)_\d+`) // temporaries, in the order in which the compiler met them
	functions := map[string][]string{}
	name := ""
	for text := range strings.SplitSeq(string(output), "\n") {
		if m := begin.FindStringSubmatch(text); m != nil {
			name = m[1]
		} else if m := line.FindStringSubmatch(text); m != nil && name != "" {
			functions[name] = append(functions[name], numbered.ReplaceAllString(m[1], "$1"))
		}
	}
	return functions
}

// cut takes the faults out of a package's sources.
func cut(t *testing.T, dir string) map[string][]byte {
	p, err := build.ImportDir(dir, 0)
	require.NoError(t, err)
	never := map[string]bool{}
	files := map[string]*ast.File{}
	set := token.NewFileSet()
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(set, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files[filepath.Join(dir, name)] = file
		if strings.HasSuffix(name, "_sound.go") { // what stands in for a fault's own code
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
					never[f.Name.Name] = true
				}
			}
		}
	}
	texts := map[string][]byte{}
	for path, file := range files {
		if !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote("ddc/internal/fault") }) {
			continue
		}
		c := cutter{never}
		ast.Inspect(file, c.visit)
		file.Comments = nil
		var text bytes.Buffer
		require.NoError(t, format.Node(&text, set, file))
		assert.NotContains(t, text.String(), "fault.", "%s: what is this?", path)
		texts[path] = withoutUnused(text.Bytes())
	}
	return texts
}

// withoutUnused drops the imports that only faults needed.
func withoutUnused(text []byte) []byte {
	for _, path := range []string{"ddc/internal/fault", "ddc/shm"} {
		if !bytes.Contains(text, []byte(filepath.Base(path)+".")) {
			text = bytes.Replace(text, []byte(strconv.Quote(path)), nil, 1)
		}
	}
	return text
}

// cutter folds what is false without faults.
type cutter struct{ never map[string]bool }

func (c cutter) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BlockStmt:
		n.List = c.statements(n.List)
	case *ast.CaseClause:
		n.List, n.Body = c.expressions(n.List), c.statements(n.Body)
	case *ast.CommClause:
		n.Body = c.statements(n.Body)
	case *ast.ReturnStmt:
		n.Results = c.expressions(n.Results)
	case *ast.AssignStmt:
		n.Rhs = c.expressions(n.Rhs)
	}
	return true
}

func (c cutter) expressions(list []ast.Expr) []ast.Expr {
	for i := range list {
		list[i] = c.fold(list[i])
	}
	return list
}

func (c cutter) statements(list []ast.Stmt) []ast.Stmt {
	var kept []ast.Stmt
	for _, s := range list {
		switch n := s.(type) {
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok && (c.of(call.Fun, "Widen") || c.of(call.Fun, "Die")) {
				continue
			}
		case *ast.IfStmt:
			n.Cond = c.fold(n.Cond)
			if is(n.Cond, "false") {
				switch other := n.Else.(type) {
				case *ast.BlockStmt:
					kept = append(kept, c.statements(other.List)...)
				case *ast.IfStmt:
					kept = append(kept, c.statements([]ast.Stmt{other})...)
				}
				continue
			}
		}
		kept = append(kept, s)
	}
	return kept
}

func (c cutter) fold(e ast.Expr) ast.Expr {
	no, yes := ast.NewIdent("false"), ast.NewIdent("true")
	switch n := e.(type) {
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); c.of(n.Fun, "On") || ok && c.never[f.Name] {
			return no
		}
	case *ast.SelectorExpr:
		if c.of(n, "Enabled") {
			return no
		}
	case *ast.ParenExpr:
		if n.X = c.fold(n.X); is(n.X, "false") || is(n.X, "true") {
			return n.X
		}
	case *ast.UnaryExpr:
		if n.X = c.fold(n.X); n.Op == token.NOT && is(n.X, "false") {
			return yes
		}
	case *ast.BinaryExpr:
		n.X, n.Y = c.fold(n.X), c.fold(n.Y)
		switch {
		case n.Op == token.LAND && (is(n.X, "false") || is(n.Y, "false")):
			return no
		case n.Op == token.LAND && is(n.X, "true"), n.Op == token.LOR && is(n.X, "false"):
			return n.Y
		case n.Op == token.LAND && is(n.Y, "true"), n.Op == token.LOR && is(n.Y, "false"):
			return n.X
		}
	}
	return e
}

func (cutter) of(e ast.Expr, name string) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && is(s.X, "fault") && s.Sel.Name == name
}

func is(e ast.Expr, name string) bool {
	i, ok := e.(*ast.Ident)
	return ok && i.Name == name
}

// The program that people run knows neither the variable nor the switch.
func TestProgramKnowsNoSwitch(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the whole program")
	}
	program := filepath.Join(t.TempDir(), "ddc")
	c := exec.Command("go", "build", "-tags", "nodynamic", "-o", program, "./cmd/ddc")
	c.Dir = "../.."
	output, err := c.CombinedOutput()
	require.NoError(t, err, "%s", output)
	binary, err := os.ReadFile(program)
	require.NoError(t, err)
	for _, trace := range []string{"DDC_FAULT_NARROW", "internal/fault.Switch", "ring doorbell: no memory for a token"} {
		assert.False(t, bytes.Contains(binary, []byte(trace)), "%q is in the program", trace)
	}
}

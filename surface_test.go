package ddc_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// public are the packages that a program of another module may link, or its
// tests.
var public = strings.Fields(`wake wake/eventfd wake/futex wake/pipe wake/socketpair wake/strategy ring slot shm transport transport/hub
	transport/inproc rpc rpc/stock plugin plugin/agreement plugin/host plugin/remote plugin/scaffold plugin/spec plugin/watch
	conformance conformance/peer inspect site/trial`)

// hidden are the exceptions, each with its reason.
var hidden = map[string]string{
	"shm.Word32: step.Uint32":       "its methods are sync/atomic's, and its comment says so",
	"shm.Word64: step.Uint64":       "as Word32",
	"hub.Event: trace.Event":        "its comment has the fields",
	"spec.ForTools: tool.Program":   "for ddc's own plugins; another's programs are in its Policy",
	"spec.Spec.Tools: tool.Program": "as ForTools",
}

// What is exported is for readers who cannot import a package below internal,
// and whose go doc does not show a type that is not exported.
func TestPublicSurfaceHidesNothing(t *testing.T) {
	set, files := sources(t)
	files = slices.DeleteFunc(files, func(f sourceFile) bool {
		return strings.HasSuffix(f.path, "_test.go") || !slices.Contains(public, path.Dir(f.path))
	})
	found := map[string]token.Position{}
	folders := byFolder(files)
	require.Len(t, folders, len(public), "a public package is gone, or has no file")
	for _, of := range folders {
		maps.Copy(found, surfaceOf(set, of))
	}
	for what, where := range found {
		assert.NotEmpty(t, hidden[what], "%s: %s: nobody outside of this module can look that up", where, what)
	}
	for what := range hidden {
		assert.NotEmpty(t, found[what], "%s is not in the public surface (any more): take it from hidden", what)
	}
}

func byFolder(files []sourceFile) map[string][]*ast.File {
	all := map[string][]*ast.File{}
	for _, f := range files {
		all[path.Dir(f.path)] = append(all[path.Dir(f.path)], f.syntax)
	}
	return all
}

// surface is what the exported names of one package say.
type surface struct {
	set      *token.FileSet
	own      map[string]bool // its types
	internal map[string]bool // what a file calls the internal packages that it imports
	found    map[string]token.Position
}

// surfaceOf finds what is wrong with the exported names of a package: types
// that are hidden, and comments that are missing.
func surfaceOf(set *token.FileSet, files []*ast.File) map[string]token.Position {
	s := &surface{set: set, own: map[string]bool{}, found: map[string]token.Position{}}
	for _, f := range files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.GenDecl); ok {
				for _, one := range d.Specs {
					if of, ok := one.(*ast.TypeSpec); ok {
						s.own[of.Name.Name] = true
					}
				}
			}
		}
	}
	for _, f := range files {
		s.internal = map[string]bool{}
		for _, i := range f.Imports {
			if of, _ := strconv.Unquote(i.Path.Value); strings.Contains(of, "internal/") {
				s.internal[path.Base(of)] = true
			}
		}
		for _, d := range f.Decls {
			s.declaration(f.Name.Name+".", d)
		}
	}
	return s.found
}

func (s *surface) declaration(pkg string, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		of := receiverOf(d)
		if !d.Name.IsExported() || of != "" && !ast.IsExported(of) {
			return
		}
		if of != "" {
			of += "."
		}
		s.commented(pkg+of+d.Name.Name, d, d.Doc)
		s.types(pkg+of+d.Name.Name, d.Type)
	case *ast.GenDecl:
		for _, one := range d.Specs {
			switch one := one.(type) {
			case *ast.TypeSpec:
				if one.Name.IsExported() {
					s.commented(pkg+one.Name.Name, one, d.Doc, one.Doc)
					s.declared(pkg+one.Name.Name, one.Type)
				}
			case *ast.ValueSpec:
				if one.Names[0].IsExported() {
					s.commented(pkg+one.Names[0].Name, one, d.Doc, one.Doc, one.Comment)
				}
			}
		}
	}
}

// declared looks at what a type is made of.
func (s *surface) declared(name string, of ast.Expr) {
	structure, ok := of.(*ast.StructType)
	if !ok {
		s.types(name, of)
		return
	}
	for _, field := range structure.Fields.List {
		for _, n := range field.Names {
			if n.IsExported() {
				s.types(name+"."+n.Name, field.Type)
			}
		}
	}
}

func (s *surface) commented(name string, at ast.Node, comments ...*ast.CommentGroup) {
	if !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c != nil }) {
		s.found[name+": no comment"] = s.set.Position(at.Pos())
	}
}

// types finds the types that an exported name mentions and that are hidden.
func (s *surface) types(name string, of ast.Node) {
	ast.Inspect(of, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && s.internal[pkg.Name] {
				s.found[name+": "+pkg.Name+"."+n.Sel.Name] = s.set.Position(n.Pos())
			}
			return false
		case *ast.Field: // a parameter's name is no type
			s.types(name, n.Type)
			return false
		case *ast.Ident:
			if !n.IsExported() && s.own[n.Name] {
				s.found[name+": "+n.Name] = s.set.Position(n.Pos())
			}
		}
		return true
	})
}

// The search itself: if it found nothing, it could be looking at nothing.
func TestSearchFindsWhatTheSurfaceHides(t *testing.T) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "a.go", `package a

import "x/internal/b"

type small int

// T is shown.
type T struct {
	Field  []small
	hidden small
	Other  int
}

// F is shown.
func F(small string, f func(*b.B)) (T, error) { return T{}, nil }

func (t T) M() map[string]small { return nil }

func (s small) Unseen() b.B { return b.B{} }

// V is shown.
var V = small(1)
`, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	assert.Equal(t, []string{"a.F: b.B", "a.T.Field: small", "a.T.M: no comment", "a.T.M: small"},
		slices.Sorted(maps.Keys(surfaceOf(set, []*ast.File{f}))))
}

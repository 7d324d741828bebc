package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"strings"
)

// walker goes through one file and collects what could be changed in it.
type walker struct {
	*source
	file     *ast.File
	text     []byte
	function string
	unused   map[ast.Expr]bool // calls whose results nobody takes
	ignored  map[ast.Expr]bool // results that nobody may look at
	found    []found
}

// found is a change that an operator proposes.
type found struct {
	function, operator string
	edits              []edit
}

// never is how files are named that hold what is called with a fault switched
// on, and is empty here.
const never = "_sound.go"

// mutants makes all mutants of a package that compile, in the order of its
// files and lines. made counts those that do not compile too.
func (s *source) mutants(root string) (all []*mutant, made int, err error) {
	for i, f := range s.files {
		if ast.IsGenerated(f) || strings.HasSuffix(s.names[i], never) {
			continue
		}
		file, err := filepath.Rel(root, s.names[i])
		if err != nil {
			return nil, 0, err
		}
		w := &walker{source: s, file: f, text: s.texts[i], unused: map[ast.Expr]bool{}, ignored: map[ast.Expr]bool{}}
		w.walk()
		seen := map[string]int{}
		changed := map[string]bool{}
		for _, change := range w.found {
			text := apply(w.text, change.edits)
			if changed[string(text)] {
				continue // another operator made the same
			}
			changed[string(text)] = true
			made++
			if !s.compiles(i, text) {
				continue
			}
			m := &mutant{source: s, file: filepath.ToSlash(file), function: change.function, operator: change.operator, edits: change.edits}
			m.line, m.before, m.after = differ(w.text, text)
			m.mutate = func() []byte { return apply(s.texts[i], m.edits) }
			first := m.key()
			m.again = seen[first]
			seen[first]++
			all = append(all, m)
		}
	}
	return all, made, nil
}

// walk visits declarations, from the top.
func (w *walker) walk() {
	for _, d := range w.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				w.function = functionName(d)
				w.visit(d.Body)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					w.function = d.Tok.String() + " " + v.Names[0].Name
					for _, value := range v.Values {
						w.visit(value)
					}
				}
			}
		}
	}
}

// functionName is "Ring", "Pool.Size" or "(*Pool).Size".
func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	star, pointer := t.(*ast.StarExpr)
	if pointer {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	name := t.(*ast.Ident).Name
	if pointer {
		return fmt.Sprintf("(*%s).%s", name, d.Name.Name)
	}
	return name + "." + d.Name.Name
}

// visit asks every operator about every node below n that is worth it.
func (w *walker) visit(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case nil:
			return false
		case *ast.ArrayType:
			return false // a length is the layout's, and the layout has its own check
		case ast.Stmt:
			if w.inert(n) {
				return false
			}
			w.statement(n)
		case ast.Expr:
			w.expression(n)
		}
		return true
	})
}

// annotations are calls in package step that tell the explorer something, and
// do nothing in production. Leaving one out blinds the checker, not the code.
var annotations = []string{"step.At(", "step.Poll(", "step.Recv(", "step.Send(", "step.Read(", "step.Write(", "fault."}

// inert says that a statement does nothing in production: it is an annotation,
// or runs only where a fault is switched on.
func (w *walker) inert(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt:
		for _, a := range annotations {
			if strings.HasPrefix(w.of(s), a) {
				return true
			}
		}
	case *ast.IfStmt:
		return s.Else == nil && w.never(s.Cond)
	}
	return false
}

// never says that a condition is false in production, where no fault is on.
func (w *walker) never(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return w.never(e.X)
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND:
			return w.never(e.X) || w.never(e.Y)
		case token.LOR:
			return w.never(e.X) && w.never(e.Y)
		}
	case *ast.CallExpr:
		return strings.HasPrefix(w.of(e), "fault.On(")
	}
	return false
}

// of is the text of a node.
func (w *walker) of(n ast.Node) string {
	start, end := w.span(n)
	return string(w.text[start:end])
}

func (w *walker) span(n ast.Node) (start, end int) {
	return w.fset.Position(n.Pos()).Offset, w.fset.Position(n.End()).Offset
}

// propose notes a change of the node's text.
func (w *walker) propose(operator string, n ast.Node, text string) {
	start, end := w.span(n)
	w.found = append(w.found, found{w.function, operator, []edit{{start, end, text}}})
}

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
)

// A schema is a package with all of its mutants in it at once, behind a switch
// at the head of each function:
//
//	func (p *Pool) Free(...) {
//		switch mutantOn {
//		case 17: { the body with defect 17 }; return
//		...
//		}
//		the body as it is
//	}
//
// It is compiled once for each checker, and the environment says which mutant
// runs: what a trial costs is then the tests, not the compiler.
type schema struct {
	files   map[string][]byte // by path from the module's root
	numbers map[string]int    // of the mutants in it, by key, from 1
	heads   map[string]int    // of functions with a switch, by file and name
}

// The environment variables of a schema.
const (
	switchVariable  = "DDC_MUTANT"         // the number of the mutant that is on
	reachedVariable = "DDC_MUTANT_REACHED" // a file, for the functions that ran
)

// switches is the file that a schema has more than its package. Its variable is
// set before any other of the package that needs it: the language says so.
const switches = `package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var mutantOn = func() int {
	if mutantsReached != "" {
		return -1
	}
	n, _ := strconv.Atoi(os.Getenv(%q))
	return n
}()

var mutantsReached = os.Getenv(%q)

var mutantHeads [%d]atomic.Bool

func mutantReached(head int) {
	if mutantHeads[head].Swap(true) {
		return
	}
	f, err := os.OpenFile(mutantsReached, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	if _, err := f.WriteString(strconv.Itoa(head) + "\n"); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
}
`

// head names a mutant's function among all of its layer.
func (m *mutant) head() string { return m.file + " " + m.function }

// schema puts mutants of this package into it. What is no change of a
// function's body, or compiles only as the whole of it, has no switch to stand
// behind, and is not in numbers.
func (s *source) schema(root string, mutants []*mutant) (*schema, error) {
	all := &schema{files: map[string][]byte{}, numbers: map[string]int{}, heads: map[string]int{}}
	for i, f := range s.files {
		name, err := filepath.Rel(root, s.names[i])
		if err != nil {
			return nil, err
		}
		name = filepath.ToSlash(name)
		var edits []edit
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil && !labelled(d) {
				if text := all.cases(s, i, d, name, mutants); text != "" {
					at := s.fset.Position(d.Body.Lbrace).Offset + 1
					edits = append(edits, edit{at, at, text})
				}
			}
		}
		if len(edits) > 0 {
			all.files[name] = apply(s.texts[i], edits)
		}
	}
	own := fmt.Sprintf(switches, s.files[0].Name.Name, switchVariable, reachedVariable, len(all.heads)+1)
	all.files[s.layer+"/mutants_on.go"] = []byte(own)
	return all, nil
}

// labelled says that a function has labels, which may not stand in it twice.
func labelled(d *ast.FuncDecl) bool {
	found := false
	ast.Inspect(d, func(n ast.Node) bool {
		_, ok := n.(*ast.LabeledStmt)
		found = found || ok
		return !found
	})
	return found
}

// cases is the switch at the head of function d, "" if it has no mutant.
func (all *schema) cases(s *source, file int, d *ast.FuncDecl, name string, mutants []*mutant) string {
	start, end := s.fset.Position(d.Body.Lbrace).Offset, s.fset.Position(d.Body.Rbrace).Offset+1
	var b strings.Builder
	for _, m := range mutants {
		if m.file != name || !within(m.edits, start, end) {
			continue
		}
		body := apply(s.texts[file][start:end], shifted(m.edits, -start))
		if !s.nests(file, start+1, body) {
			continue
		}
		if b.Len() == 0 {
			all.heads[m.head()] = len(all.heads) + 1
			fmt.Fprintf(&b, "\nswitch mutantOn {\ncase -1: mutantReached(%d)\n", all.heads[m.head()])
		}
		number := len(all.numbers) + 1
		all.numbers[m.key()] = number
		fmt.Fprintf(&b, "case %d:\n%s\n", number, body)
		if d.Type.Results == nil {
			b.WriteString("return\n")
		}
	}
	if b.Len() > 0 {
		b.WriteString("}\n")
	}
	return b.String()
}

// nests says whether a function's body compiles within the function, at its
// head. There, a := that stored into a parameter declares another variable,
// which nobody may use.
func (s *source) nests(file, at int, body []byte) bool {
	text := fmt.Sprintf("\nswitch {\ncase false:\n%s\n}\n", body)
	return s.compiles(file, apply(s.texts[file], []edit{{at, at, text}}))
}

func within(edits []edit, start, end int) bool {
	first := slices.MinFunc(edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	last := slices.MaxFunc(edits, func(a, b edit) int { return cmp.Compare(a.end, b.end) })
	return first.start > start && last.end < end
}

func shifted(edits []edit, by int) []edit {
	moved := make([]edit, len(edits))
	for i, e := range edits {
		moved[i] = edit{e.start + by, e.end + by, e.text}
	}
	return moved
}

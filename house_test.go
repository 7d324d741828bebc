package ddc_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// How large a thing may be. A type with more methods or fields than this holds
// what belongs to several, and a longer function or file is read by nobody.
const (
	mostMethods  = 40
	mostFields   = 20
	mostLines    = 70  // of a function
	mostFileSize = 500 // lines of a file
)

// sourceFile is a file of this module that somebody wrote.
type sourceFile struct {
	path   string // from the root, with slashes
	syntax *ast.File
}

// sources parses every file that somebody wrote, whatever its build tags.
func sources(t *testing.T) (*token.FileSet, []sourceFile) {
	t.Helper()
	set := token.NewFileSet()
	var files []sourceFile
	require.NoError(t, filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if file != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" || name == "out") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(set, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err == nil && !ast.IsGenerated(syntax) {
			files = append(files, sourceFile{filepath.ToSlash(file), syntax})
		}
		return err
	}))
	require.NotEmpty(t, files)
	return set, files
}

// receiverOf is the name of a method's type.
func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	for {
		switch typed := of.(type) {
		case *ast.StarExpr:
			of = typed.X
		case *ast.IndexExpr:
			of = typed.X
		case *ast.IndexListExpr:
			of = typed.X
		case *ast.Ident:
			return typed.Name
		default:
			return ""
		}
	}
}

// house is what a tree of files is measured by.
type house struct {
	set     *token.FileSet
	methods map[string]map[string]bool // by type; a method of two build tags counts once
	large   map[string]string          // what is too large, and how large
}

func (h *house) lines(n ast.Node) int {
	return h.set.Position(n.End()).Line - h.set.Position(n.Pos()).Line + 1
}

func (h *house) limit(what string, size, most int, unit string) {
	if size > most {
		h.large[what] = fmt.Sprintf("%d %s, at most %d", size, unit, most)
	}
}

func (h *house) measure(f sourceFile) {
	folder := path.Dir(f.path)
	h.limit(f.path, h.set.Position(f.syntax.FileEnd).Line-1, mostFileSize, "lines")
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			name := folder + "." + n.Name.Name
			if of := receiverOf(n); of != "" {
				key := folder + "." + of
				name = key + "." + n.Name.Name
				if h.methods[key] == nil {
					h.methods[key] = map[string]bool{}
				}
				h.methods[key][n.Name.Name] = true
			}
			h.limit(name, h.lines(n), mostLines, "lines")
		case *ast.TypeSpec:
			if of, ok := n.Type.(*ast.StructType); ok {
				h.limit(folder+"."+n.Name.Name+" fields", of.Fields.NumFields(), mostFields, "fields")
			}
		}
		return true
	})
}

func measured(set *token.FileSet, files []sourceFile) map[string]string {
	h := &house{set: set, methods: map[string]map[string]bool{}, large: map[string]string{}}
	for _, f := range files {
		h.measure(f)
	}
	for of, methods := range h.methods {
		h.limit(of+" methods", len(methods), mostMethods, "methods")
	}
	return h.large
}

func TestNothingIsTooLargeToBeReadAtOnce(t *testing.T) {
	large := measured(sources(t))
	for _, what := range slices.Sorted(maps.Keys(large)) {
		t.Errorf("%s: %s: split it", what, large[what])
	}
}

// The measuring itself: a test that finds nothing too large could be measuring
// nothing.
func TestMeasureFindsWhatIsTooLarge(t *testing.T) {
	set := token.NewFileSet()
	var text strings.Builder
	text.WriteString("package a\ntype T struct { " + strings.Repeat("_ int;", mostFields+1) + " }\n")
	for n := range mostMethods + 1 {
		fmt.Fprintf(&text, "func (t *T) m%d() {}\n", n)
	}
	text.WriteString("func f() {\n" + strings.Repeat("\n", mostLines) + "}\n" + strings.Repeat("//\n", mostFileSize))
	syntax, err := parser.ParseFile(set, "a.go", text.String(), parser.SkipObjectResolution)
	require.NoError(t, err)
	large := measured(set, []sourceFile{{"a/a.go", syntax}})
	assert.Equal(t, []string{"a.T fields", "a.T methods", "a.f", "a/a.go"}, slices.Sorted(maps.Keys(large)))
}

const ownPrefix = "ddc/"

// stackNames are functions in text: "hub.(*Link).pump".
var stackNames = regexp.MustCompile(`^(?:` + ownPrefix + `)?([\w/]+)\.\(\*(\w+)\)(?:\.(\w+))?`)

// Dumps and reports say what a goroutine waits for by the functions on its
// stack. A function that was renamed would be waited in unseen.
func TestFunctionsNamedInTextExist(t *testing.T) {
	set, files := sources(t)
	h := &house{set: set, methods: map[string]map[string]bool{}, large: map[string]string{}}
	for _, f := range files {
		h.measure(f)
	}
	exists := func(folder, of, method string) bool {
		for key, methods := range h.methods {
			if (key == folder+"."+of || strings.HasSuffix(key, "/"+folder+"."+of)) && (method == "" || methods[method]) {
				return true
			}
		}
		return false
	}
	named := 0
	for _, f := range files {
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, _ := strconv.Unquote(literal.Value)
				if m := stackNames.FindStringSubmatch(text); m != nil {
					named++
					assert.True(t, exists(m[1], m[2], m[3]), "%s: there is no %s", set.Position(n.Pos()), text)
				}
			}
			return true
		})
	}
	assert.Positive(t, named, "no function is named: this test checks nothing")
}

// names are what a package declares: types, functions, values, and methods and
// fields after their type's name.
func names(files []sourceFile) map[string]bool {
	all := map[string]bool{}
	for _, f := range files {
		pkg := f.syntax.Name.Name
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if of := receiverOf(n); of != "" {
					all[pkg+"."+of+"."+n.Name.Name] = true
				} else {
					all[pkg+"."+n.Name.Name] = true
				}
				return false
			case *ast.TypeSpec:
				all[pkg+"."+n.Name.Name] = true
				fields := &ast.FieldList{}
				switch of := n.Type.(type) {
				case *ast.StructType:
					fields = of.Fields
				case *ast.InterfaceType:
					fields = of.Methods
				}
				for _, field := range fields.List {
					for _, name := range field.Names {
						all[pkg+"."+n.Name.Name+"."+name.Name] = true
					}
				}
			case *ast.ValueSpec:
				for _, name := range n.Names {
					all[pkg+"."+name.Name] = true
				}
			}
			return true
		})
	}
	return all
}

// The glossary is of the code: a word whose bearer is gone misleads.
func TestGlossaryNamesWhatExists(t *testing.T) {
	content, err := os.ReadFile("docs/ARCHITECTURE.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(content), "| word | meaning | where |\n|---|---|---|\n")
	require.True(t, found, "docs/ARCHITECTURE.md has no table of words")
	table, _, _ = strings.Cut(table, "\n\n")
	_, files := sources(t)
	exist := names(files)
	before := ""
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		require.Len(t, cells, 3, "a line of the table: %s", line)
		assert.Less(t, before, cells[0], "the words are in order")
		before = cells[0]
		for where := range strings.SplitSeq(cells[2], ", ") {
			where = strings.Trim(where, "`")
			_, err := os.Stat(where)
			assert.True(t, exist[where] || err == nil, "%s: there is no %s", cells[0], where)
		}
	}
	assert.NotEmpty(t, before, "the table is empty")
}

// A wait that nobody tells of ends with the test binary's time, after minutes.
func TestTestsThatWaitAreWatched(t *testing.T) {
	without := map[string]string{
		"internal/proc": "internal/await imports it", "internal/await": "it is its own",
		"conformance/scenario": "it has a function of that name", "conformance/interop": "a module of its own", "conformance/bench/peers": "a module of its own",
	}
	set, files := sources(t)
	for _, f := range files {
		if _, may := without[path.Dir(f.path)]; may {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if of, ok := call.Fun.(*ast.SelectorExpr); ok && of.Sel.Name == "VerifyTestMain" {
				_, bare := call.Args[0].(*ast.Ident)
				assert.False(t, bare, "%s: goleak.VerifyTestMain(await.Watched(m)) says where a test waits", set.Position(call.Pos()))
			}
			return true
		})
	}
}

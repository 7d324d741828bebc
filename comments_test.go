package ddc_test

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// widest is how many columns a comment has at most. A drawing or a command,
// which begins with a tab, may be wider.
const widest = 80

// A reader of a package begins with its comment.
func TestEveryPackageBeginsWithWhatItIsFor(t *testing.T) {
	_, files := sources(t)
	comments := map[string]string{}
	for _, f := range files {
		folder := path.Dir(f.path)
		if strings.HasSuffix(f.path, "_test.go") {
			continue
		}
		comments[folder] += "" // it is there
		if f.syntax.Doc == nil {
			continue
		}
		assert.Empty(t, comments[folder], "%s has two comments, one in %s", folder, f.path)
		comments[folder] = raw(f.syntax.Doc)
	}
	for folder, comment := range comments {
		assert.NotEmpty(t, comment, "package %s has no comment", folder)
		for line := range strings.Lines(comment) {
			line = strings.TrimSuffix(line, "\n")
			assert.True(t, len([]rune(line)) <= widest || strings.HasPrefix(line, "//\t"), "%s, %d columns at most: %s", folder, widest, line)
		}
	}
}

// outputOf begins what an Example prints, which is as wide as it is.
var outputOf = regexp.MustCompile(`(?i)^//\s*(unordered )?output:`)

// A comment of some lines is read beside its code, and beside another file.
func TestCommentsAreWrapped(t *testing.T) {
	set, files := sources(t)
	for _, f := range files {
		if ast.IsGenerated(f.syntax) {
			continue
		}
		code := strings.Split(read(t, f.path), "\n")
		for _, group := range f.syntax.Comments {
			if slices.ContainsFunc(group.List, func(c *ast.Comment) bool { return outputOf.MatchString(c.Text) }) {
				continue
			}
			for _, c := range group.List {
				at := set.Position(c.Pos())
				indent := code[at.Line-1][:at.Column-1]
				drawn := strings.HasPrefix(c.Text, "//\t") || strings.HasPrefix(c.Text, "//go:") || strings.Contains(c.Text, "    ")
				if strings.Trim(indent, "\t") != "" || drawn || strings.HasPrefix(c.Text, "/*") {
					continue
				}
				assert.LessOrEqual(t, 4*len(indent)+len([]rune(c.Text)), widest, "%s has more columns, with four for a tab: %s", at, c.Text)
			}
		}
	}
}

// raw is a comment as it is written.
func raw(doc *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range doc.List {
		fmt.Fprintln(&b, c.Text)
	}
	return b.String()
}

// What a program of another module links is shown by an Example, which is run.
func TestEachLayerHasAnExample(t *testing.T) {
	_, files := sources(t)
	shown := map[string]bool{}
	for _, f := range files {
		for _, d := range f.syntax.Decls {
			if function, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(function.Name.Name, "Example") {
				shown[path.Dir(f.path)] = true
			}
		}
	}
	for _, folder := range strings.Fields(`wake wake/strategy ring slot shm transport transport/inproc transport/hub rpc rpc/stock
		plugin plugin/host plugin/remote plugin/scaffold plugin/watch conformance inspect site/trial`) {
		assert.True(t, shown[folder], "package %s has no Example", folder)
	}
}

var vetted = regexp.MustCompile(`for tags in ([\w, ]+); do go vet`)

// Code of a tag that lint does not know is vetted by nobody.
func TestLintVetsEachTag(t *testing.T) {
	makefile := read(t, "Makefile")
	loop := vetted.FindStringSubmatch(makefile)
	if !assert.NotNil(t, loop, "the Makefile's lint has no loop over tags") {
		return
	}
	known := append(strings.FieldsFunc(loop[1], func(r rune) bool { return r == ' ' || r == ',' }), "nodynamic")
	_, files := sources(t)
	for _, f := range files {
		for _, group := range f.syntax.Comments {
			for _, c := range group.List {
				expression, err := constraint.Parse(c.Text)
				if err != nil {
					continue
				}
				expression.Eval(func(tag string) bool {
					given := []string{"race", "linux", "amd64", "arm64"} // by the compiler, or its flags
					assert.True(t, slices.Contains(append(given, known...), tag), "%s: make lint vets nothing with the tag %s", f.path, tag)
					return true
				})
			}
		}
	}
}

// A test that reads what is beside the repository claims nothing elsewhere.
// Sites of one's own come by DDC_SITES.
func TestNothingIsReadBesideTheRepository(t *testing.T) {
	beside := "shared" + "/sites"
	set, files := sources(t)
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok {
				assert.NotContains(t, literal.Value, beside, "%s", set.Position(n.Pos()))
			}
			return true
		})
	}
}

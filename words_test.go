package ddc_test

import (
	"go/ast"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// riddles begin or end sentences whose subject comes last, or never.
var riddles = []*regexp.Regexp{
	regexp.MustCompile(`^Of (?:the|these|those|two|several|all|what|its|their|each|an?|both|such|\d+)\b`),
	regexp.MustCompile(`^Whoever\b`),
	regexp.MustCompile(`^(?:What|Who) (?:is|are) to\b`),
	regexp.MustCompile(`^(?:What|Which|Who|Whose|Whom|Whether|How)\b[^,?:]*, [^,]*\b(?:says|tells|knows|can tell|will tell)(?: in [\w ]+)?\.?$`),
	regexp.MustCompile(`^That (?:it|he|they) [^,]*\b(?:says|tells) nothing\b`),
}

// sentenceEnd is what is between two sentences, or two parts of one that could
// be sentences.
var sentenceEnd = regexp.MustCompile(`[.:;?!]\s+`)

// riddlesOf are the sentences of a paragraph that are turned round.
func riddlesOf(paragraph string) []string {
	var found []string
	for _, sentence := range sentenceEnd.Split(strings.Join(strings.Fields(paragraph), " "), -1) {
		if slices.ContainsFunc(riddles, func(r *regexp.Regexp) bool { return r.MatchString(sentence) }) {
			found = append(found, sentence)
		}
	}
	return found
}

func TestSentencesThatAreTurnedRoundAreFound(t *testing.T) {
	for _, riddle := range []string{
		"Of several alike\nthe nth counts.", "Of 12 pages two are there.", "Whoever starts a process starts it before.", "It is sent. What is to be sent waits.",
		"Which programs there are, each plugin says\nin its Spec.", "What ails the ring, the next push will tell.", "That it runs while it looks says nothing of it.",
	} {
		assert.NotEmpty(t, riddlesOf(riddle), riddle)
	}
	for _, plain := range []string{
		"Of course it is.", "Of gives the problems of an error.", "The plugin says which programs it drives.", "Tell whoever waits.",
		"What is kept is small, as the page says elsewhere.", "Which of them is it, who knows?",
	} {
		assert.Empty(t, riddlesOf(plain), plain)
	}
}

// A reader of a comment or page meets the subject first.
func TestSentencesBeginWithTheirSubject(t *testing.T) {
	set, files := sources(t)
	for _, f := range files {
		for _, group := range f.syntax.Comments {
			for paragraph := range strings.SplitSeq(group.Text(), "\n\n") {
				assert.Empty(t, riddlesOf(paragraph), "%s: say first what the sentence is about", set.Position(group.Pos()))
			}
		}
	}
	texts := pages(t)
	delete(texts, "CHANGELOG.md") // tells what was
	require.NoError(t, filepath.WalkDir("docs/guide", func(file string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, ".md") {
			texts[file] = read(t, file)
		}
		return err
	}))
	for file, page := range texts {
		for paragraph := range strings.SplitSeq(page, "\n\n") {
			assert.Empty(t, riddlesOf(paragraph), "%s: say first what the sentence is about", file)
		}
	}
}

// oneIdea are words that once stood for several ideas, and the folders that may
// call something so, with all below them: each means there what
// docs/ARCHITECTURE.md says, or nothing at all.
var oneIdea = map[string][]string{
	"ending": {"transport/hub"},
	"gate":   {"wake", "transport/hub", "conformance/scenario", "conformance/explore", "conformance/bench"},
	"post":   {"rpc"},
	"board":  nil, "lane": nil, "crew": nil, "meddle": nil, "owing": nil,
}

func TestOneWordStandsForOneIdea(t *testing.T) {
	set, files := sources(t)
	used := map[string]bool{}
	for _, f := range files {
		folder := path.Dir(f.path)
		for _, name := range declared(f.syntax) {
			word := strings.TrimSuffix(strings.ToLower(name.Name), "s")
			places, kept := oneIdea[word]
			if !kept {
				continue
			}
			used[word] = true
			assert.True(t, slices.ContainsFunc(places, func(p string) bool { return folder == p || strings.HasPrefix(folder, p+"/") }),
				"%s: %s has another meaning elsewhere", set.Position(name.Pos()), name.Name)
		}
	}
	for word, places := range oneIdea {
		assert.Equal(t, places != nil, used[word], "%s is used, or is not", word)
	}
}

// declared are the names that a file gives to something, also inside functions.
func declared(file *ast.File) []*ast.Ident {
	var all []*ast.Ident
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			all = append(all, n.Name)
		case *ast.TypeSpec:
			all = append(all, n.Name)
		case *ast.ValueSpec:
			all = append(all, n.Names...)
		case *ast.Field:
			all = append(all, n.Names...)
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if name, ok := left.(*ast.Ident); ok {
					all = append(all, name)
				}
			}
		case *ast.RangeStmt:
			for _, left := range []ast.Expr{n.Key, n.Value} {
				if name, ok := left.(*ast.Ident); ok {
					all = append(all, name)
				}
			}
		}
		return true
	})
	return all
}

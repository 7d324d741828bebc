package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ddc/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(await.Watched(m)) }

// tiny is a module of one package, whose tests let one mutant through that is
// no defect (at the limit either branch returns the same), and one that is.
var tiny = map[string]string{
	"go.mod": "module tiny\n\ngo 1.26\n",
	"clamp/clamp.go": `package clamp

func Clamp(n, limit int) int {
	if n > limit {
		return limit
	}
	return n
}

func Drain(n int) int {
	for n > 0 {
		n--
	}
	return n
}

func Same(n int) int { return n - 0*n }

func Untested(n int) int { return n * 2 }
`,
	"clamp/clamp_test.go": `package clamp

import "testing"

func TestClamp(t *testing.T) {
	if Clamp(9, 5) != 5 || Clamp(3, 5) != 3 || Drain(3) != 0 || Same(4) != 4 {
		t.Fatal("wrong")
	}
}
`,
	"equivalent.txt": `# Reasons.
clamp.Clamp
- if n > limit {
+ if n >= limit {
  At the limit
  both are the same.
`,
}

func write(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
	}
	return root
}

func optionsFor(root string) options {
	return options{
		root: root, layers: "clamp", results: "results.json", reasons: "equivalent.txt", page: "page.md",
		parallel: 2, budget: 5 * time.Minute,
		available: []checker{{name: "own", what: "its own tests", packages: func(layer string) []string { return []string{layer} }}},
	}
}

// keyOf finds the one mutant with this function and these lines.
func keyOf(t *testing.T, root, function, after string) string {
	t.Helper()
	var keys []string
	for _, m := range listOf(t, root) {
		if m.function == function && strings.Contains(diff(nil, m.after), after) {
			keys = append(keys, m.key())
		}
	}
	require.Len(t, keys, 1, "%s: %s", function, after)
	return keys[0]
}

func listOf(t *testing.T, root string) []*mutant {
	t.Helper()
	sources, err := load(t.Context(), root, "", []string{"clamp"})
	require.NoError(t, err)
	mutants, _, err := sources[0].mutants(root)
	require.NoError(t, err)
	return mutants
}

func TestEachMutantGetsTheOutcomeThatIsItsOwn(t *testing.T) {
	root := write(t, tiny)
	before, err := os.ReadFile(filepath.Join(root, "clamp/clamp.go"))
	require.NoError(t, err)
	want := map[string]string{
		keyOf(t, root, "Clamp", "+ if n >= limit {"):    survived,
		keyOf(t, root, "Clamp", "+ if !(n > limit) {"):  caught,
		keyOf(t, root, "Untested", "return n * 3"):      survived,
		keyOf(t, root, "Same", "return n + 0*n"):        sameCode,
		keyOf(t, root, "Same", "return n - 1*n"):        caught,
		keyOf(t, root, "Drain", "+ if false { n-- }"):   timedOut,
		keyOf(t, root, "Clamp", "+ if (n > limit) && "): caught,
	}
	o := optionsFor(root)
	hang := keyOf(t, root, "Drain", "+ if false { n-- }")
	for key := range want {
		if key != hang {
			o.only += "," + key
		}
	}
	var out bytes.Buffer
	require.NoError(t, mutate(t.Context(), o, &out))
	o.only, o.budget = hang, 8*time.Second // it uses all of its budget, of which a sound one needs little on a busy machine too
	require.NoError(t, mutate(t.Context(), o, &out))

	r, err := open(filepath.Join(root, "results.json"))
	require.NoError(t, err)
	got := map[string]string{}
	for key, one := range r.results {
		got[key] = one.Outcome
		assert.Equal(t, one.Outcome == survived, len(one.Asked) > 0, "who let it through is said of survivors")
		if one.Outcome == caught {
			assert.Equal(t, "TestClamp", one.Test)
		}
	}
	assert.Equal(t, want, got, out.String())

	after, err := os.ReadFile(filepath.Join(root, "clamp/clamp.go"))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "the tree stays as it is")

	text, err := os.ReadFile(filepath.Join(root, "page.md"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "At the limit both are the same.")
	assert.Regexp(t, `\| clamp \| \d+ \| 6 \| 0 \| 4 \| 1 \| 0 \| 1 \| 1 \| 1 \| 80\.0 % \(37\.6 to 96\.4\) \|`, string(text))
	unexplained, explained, _ := strings.Cut(string(text), "## Survivors that are no defects")
	assert.Contains(t, unexplained, "+ func Untested(n int) int { return n * 3 }")
	assert.Contains(t, explained, "+ if n >= limit {")

	assert.Empty(t, r.missing(hang, o.available), "what was tried is not tried again")
	more := append(o.available, checker{name: "other"})
	assert.Empty(t, r.missing(hang, more), "a caught one needs no other checker")
	assert.Len(t, r.missing(keyOf(t, root, "Untested", "return n * 3"), more), 1, "a survivor is shown to a new one")
}

// A checker that fails on the code as it is would catch everything.
func TestCheckerThatFailsOnSoundCodeStopsTheRun(t *testing.T) {
	files := map[string]string{}
	for name, text := range tiny {
		files[name] = strings.ReplaceAll(text, "Drain(3) != 0", "Drain(3) == 0")
	}
	root := write(t, files)
	err := mutate(t.Context(), optionsFor(root), &bytes.Buffer{})
	require.ErrorContains(t, err, "nothing changed")
	assert.NoFileExists(t, filepath.Join(root, "results.json"))
}

func TestRunThatIsBrokenOffLeavesNoHalfResult(t *testing.T) {
	root := write(t, tiny)
	o := optionsFor(root)
	o.only = keyOf(t, root, "Drain", "+ if false { n-- }")
	ctx, cancel := context.WithCancel(t.Context())
	trials := 0
	packages := o.available[0].packages
	o.available[0].packages = func(layer string) []string {
		if trials++; trials == 2 { // the first is the code as it is
			cancel()
		}
		return packages(layer)
	}
	require.ErrorIs(t, mutate(ctx, o, &bytes.Buffer{}), context.Canceled)
	assert.NoFileExists(t, filepath.Join(root, "results.json"), "what was not judged has no result")
}

func TestCheckerThatThereIsNoneOfIsNamed(t *testing.T) {
	root := write(t, tiny)
	o := optionsFor(root)
	o.checkers = "own,luck"
	require.ErrorContains(t, mutate(t.Context(), o, &bytes.Buffer{}), `there is no "luck"`)
}

func TestSampleIsTheSameForOneSeed(t *testing.T) {
	root := write(t, tiny)
	all := listOf(t, root)
	drawn := func(seed uint64) (keys []string) {
		for _, m := range (options{sample: 4, seed: seed}).pick(listOf(t, root)) {
			keys = append(keys, m.key())
		}
		return keys
	}
	assert.Len(t, drawn(1), 4)
	assert.Equal(t, drawn(1), drawn(1))
	assert.NotEqual(t, drawn(1), drawn(2))
	assert.Len(t, (options{sample: 1000}).pick(all), len(all))
}

// A result is found again though its lines have moved, and is dropped when the
// code it was made of is no more.
func TestResultsFollowTheCode(t *testing.T) {
	root := write(t, tiny)
	r := &record{path: filepath.Join(root, "results.json"), results: map[string]result{}}
	before := listOf(t, root)
	r.list("clamp", len(before), before)
	for _, m := range before {
		one := resultOf(m)
		one.Outcome = caught
		require.NoError(t, r.add(one))
	}
	path := filepath.Join(root, "clamp/clamp.go")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	moved := strings.Replace(string(text), "package clamp\n", "package clamp\n\n// One line more.\n", 1)
	moved = strings.Replace(moved, "n * 2", "n * 7", 1)
	require.NoError(t, os.WriteFile(path, []byte(moved), 0o644))
	now := listOf(t, root)
	r.list("clamp", len(now), now)
	missing := 0
	for _, m := range now {
		one, ok := r.results[m.key()]
		if !ok {
			missing++
			assert.Equal(t, "Untested", m.function)
			continue
		}
		assert.Equal(t, m.line, one.Line)
	}
	assert.Equal(t, 3, missing, "n / 7, n * 8 and n * 6")
	assert.Len(t, r.results, len(now)-missing, "those of n * 2 are dropped")
}

func TestPageIsWhatResultsAndReasonsSay(t *testing.T) {
	r, err := open("results.json")
	require.NoError(t, err)
	reasons, err := readReasons("equivalent.txt")
	require.NoError(t, err)
	text, err := os.ReadFile("../../docs/MUTATIONS.md")
	require.NoError(t, err)
	assert.Equal(t, page(r, reasons, checkers), string(text), "go run ./tools/mutate -page writes it")
}

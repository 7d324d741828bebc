package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/internal/await"
)

// mixed has what a switch must get right: a function without a result, one that
// falls through to its end, one with a named result, a deferred call, a label,
// which may not stand in one function twice, and a constant outside of any.
var mixed = map[string]string{
	"go.mod": "module mixed\n\ngo 1.26\n",
	"clamp/clamp.go": `package clamp

const step = 2

type counter struct{ n int }

func (c *counter) add(by int) {
	if by < 0 {
		return
	}
	c.n += by * step
}

func (c *counter) drain() (left int, err error) {
	defer func() { c.n = 0 }()
	return c.n, nil
}

func find(rows [][]int, want int) (at int) {
outer:
	for i, row := range rows {
		for _, n := range row {
			if n == want {
				at = i
				break outer
			}
		}
	}
	return
}
`,
	"clamp/clamp_test.go": `package clamp

import "testing"

func TestCounter(t *testing.T) {
	c := &counter{n: 1}
	c.add(-5)
	c.add(3)
	if left, _ := c.drain(); left != 7 || c.n != 0 {
		t.Fatal("wrong")
	}
}

func TestFind(t *testing.T) {
	if find([][]int{{1}, {2, 3}, {3}}, 3) != 1 {
		t.Fatal("wrong")
	}
}
`,
}

// outcomes judges each mutant of root, with those that are in switched behind a
// switch, and the others built alone.
func outcomes(t *testing.T, root string, all, switched []*mutant) map[string]string {
	o := optionsFor(root)
	s, err := all[0].schema(root, switched)
	require.NoError(t, err)
	tr := &trier{
		root: root, scratch: t.TempDir(), cache: &cache{}, builds: o.available, budget: 5 * time.Minute,
		schemas: map[string]*schema{"clamp": s}, judges: map[string]*judge{}, say: t.Logf,
	}
	got := map[string]string{}
	for _, m := range all {
		v, err := tr.check(t.Context(), o.available[0], m)
		require.NoError(t, err)
		got[m.key()] = v.outcome + " " + v.test
	}
	return got
}

func TestMutantBehindASwitchIsJudgedAsOneThatIsBuiltAlone(t *testing.T) {
	root := write(t, mixed)
	all := listOf(t, root)
	s, err := all[0].schema(root, all)
	require.NoError(t, err)
	for _, m := range all {
		assert.Equal(t, m.function != "find" && m.function != "const step", s.numbers[m.key()] > 0, m.function)
	}
	alone := outcomes(t, root, all, nil)
	assert.Equal(t, alone, outcomes(t, root, all, all))
	kinds := map[string]bool{}
	for _, outcome := range alone {
		kinds[outcome] = true
	}
	assert.Equal(t, map[string]bool{"survived ": true, "caught TestCounter": true, "caught TestFind": true}, kinds)
}

// One that does not compile behind a switch must not take the others with it.
func TestMutantThatNeedsTheScopeOfItsFunctionIsBuiltAlone(t *testing.T) {
	root := write(t, map[string]string{
		"go.mod": "module scope\n\ngo 1.26\n",
		"clamp/clamp.go": `package clamp

func Few(n int) bool {
	n, some := n-1, n > 1 // n is the parameter here, and another n within a block
	return some && n < 9
}
`,
		"clamp/clamp_test.go": `package clamp

import "testing"

func TestFew(t *testing.T) {
	if !Few(9) || Few(10) || Few(1) {
		t.Fatal("wrong")
	}
}
`,
	})
	all := listOf(t, root)
	s, err := all[0].schema(root, all)
	require.NoError(t, err)
	shadowed := keyOf(t, root, "Few", "+ return some\n")
	for _, m := range all {
		assert.Equal(t, m.key() != shadowed, s.numbers[m.key()] > 0, diff(m.before, m.after))
	}
	for key, outcome := range outcomes(t, root, all, all) {
		assert.NotEqual(t, stillborn+" ", outcome, key)
	}
}

func TestMutantMeetsOnlyTestsThatRunItsFunction(t *testing.T) {
	root := write(t, mixed)
	all := listOf(t, root)
	s, err := all[0].schema(root, all)
	require.NoError(t, err)
	m := all[slices.IndexFunc(all, func(m *mutant) bool { return m.function == "(*counter).add" })]
	j := &judge{schema: s, caught: map[string]int{}}
	here := map[int]bool{s.heads[m.head()]: true}
	fast := &rung{tests: []string{"^TestCounter$"}, cost: time.Second, reached: here}
	assert.True(t, j.meets(fast, m))
	assert.False(t, j.meets(&rung{tests: []string{"^TestFind$"}}, m))
	assert.True(t, j.meets(&rung{}, all[0]), "a constant is in no function")

	slow := &rung{tests: []string{"^TestSlow$"}, cost: 3 * time.Second, reached: here}
	p := &program{rungs: []*rung{slow, fast}}
	assert.Equal(t, []*rung{fast, slow}, j.order(p), "the quick one first")
	for range 9 {
		j.credit(slow)
	}
	assert.Equal(t, []*rung{slow, fast}, j.order(p), "what has caught others is worth its time")
}

// The machine is too busy from the third run on, for the code as it is too.
func TestRunThatHangsWithNothingChangedCatchesNothing(t *testing.T) {
	for name, hangs := range map[string]string{
		"for ever":      `select {}`,
		"until it ends": `t.Fatal("still waiting for the answer after 10s")`,
	} {
		t.Run(name, func(t *testing.T) { hangsFromTheThirdRunOn(t, hangs) })
	}
}

func hangsFromTheThirdRunOn(t *testing.T, hangs string) {
	root := write(t, map[string]string{
		"go.mod":         "module busy\n\ngo 1.26\n",
		"clamp/clamp.go": "package clamp\n\nfunc Twice(n int) int { return n * 2 }\n",
		"clamp/clamp_test.go": strings.ReplaceAll(`package clamp

import (
	"os"
	"testing"
)

func TestTwice(t *testing.T) {
	f, err := os.OpenFile("runs", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("."); err != nil {
		t.Fatal(err)
	}
	runs, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if runs.Size() > 2 {
		HANGS
	}
	if Twice(0) != 0 {
		t.Fatal("wrong")
	}
}
`, "HANGS", hangs),
		"equivalent.txt": "",
	})
	o := optionsFor(root)
	o.budget = 8 * time.Second // a run that does not hang has that too, on a busy machine
	o.only = keyOf(t, root, "Twice", "return n * 3")
	require.NoError(t, mutate(t.Context(), o, testWriter{t}))
	r, err := open(filepath.Join(root, "results.json"))
	require.NoError(t, err)
	assert.Equal(t, undecided, r.results[o.only].Outcome)
	assert.Len(t, r.missing(o.only, o.available), 1, "it is due again")
}

// overdue is a test whose time is over.
type overdue struct {
	testing.TB
	said *string
}

func (o overdue) Deadline() (time.Time, bool) { return time.Now(), true }
func (o overdue) Fatal(args ...any)           { *o.said = fmt.Sprint(args...); runtime.Goexit() }

func TestWaitThatIsGivenUpIsAHang(t *testing.T) {
	said, ended := "", make(chan struct{})
	go func() {
		defer close(ended)
		await.Until(overdue{t, &said}, "what never comes", func() bool { return false })
	}()
	await.Closed(t, "the wait to be given up", ended)
	assert.True(t, hung(said), said)
	assert.False(t, hung("--- FAIL: TestTwice (0.00s)"))
}

type testWriter struct{ *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.Logf("%s", p)
	return len(p), nil
}

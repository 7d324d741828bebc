package js

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// names are so many statements, each of a name of its own.
func names(n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "a%d;", i)
	}
	return all.String()
}

// deepScripts take minutes, or all memory, of a parser that is not kept from
// them: esbuild compares a name with those of all scopes around it, for each of
// them, and the other parser lists a name in each.
func deepScripts() map[string]string {
	deep := strings.Repeat
	return map[string]string{
		"functions":           deep("function a(){", 4000) + deep("}", 4000),
		"arrows":              "x=" + deep("a=>", 20_000) + "1",
		"many arrows":         "x=" + deep("a=>", 300_000) + "1",
		"arrows with values":  "x=" + deep("(a=", 10_000) + "1" + deep(")=>1", 10_000),
		"conditions":          "x=" + deep("a?b:", 200_000) + "c",
		"ifs":                 deep("if(a)", 10_000) + "b",
		"classes":             "x=" + deep("class{a=", 2000) + "1" + deep("}", 2000),
		"templates":           "x=" + deep("`${", 10_000) + "1" + deep("}`", 10_000),
		"names in functions":  deep("(function(){", 400) + names(40_000) + deep("})()", 400),
		"names in blocks":     deep("{", 900) + names(40_000) + deep("}", 900),
		"names in arrows":     "x=" + deep("a=>", 900) + "{" + names(40_000) + "}",
		"names, hidden":       deep("x=function(){}/1;(function(){/1;", 400) + names(40_000) + deep("})()", 400),
		"names, and no lexer": "b:{}/'/.x;" + deep("(function(){", 400) + names(40_000) + deep("})()", 400),
	}
}

func TestDeepScriptsCostWhatTheirLengthDoes(t *testing.T) {
	for name, script := range deepScripts() {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			_, _, err := scan(script)
			if err != nil {
				require.ErrorIs(t, err, errNoScript)
			}
			t.Logf("%d bytes: %v", len(script), time.Since(begun).Round(time.Millisecond))
			assert.Less(t, time.Since(begun), 2*time.Minute, "the time of its call is over")
		})
	}
}

func TestListedCountsEachNameByTheScopesAroundIt(t *testing.T) {
	for script, want := range map[string]int{
		"":                        0,
		"a; b; a":                 0,
		"{ a; { b; a } c }":       2 + 2 + 1,
		"x = a => b => (c, d)":    0 + 0 + 1 + 3 + 3,
		"f(a => 1, b)":            0 + 1 + 1,
		"a = /x{1}=>/; b":         2,
		"`${a}` + {b: 1}":         1 + 1,
		"'{{{' /* {{{ */; a // {": 0,
	} {
		assert.Equal(t, want, listed(script), script)
	}
	assert.Equal(t, 3*2, listed("a{ b{ 'c"), "each of the names may be in all scopes")
	assert.Greater(t, listed(deepScripts()["names, hidden"]), maxListed)
}

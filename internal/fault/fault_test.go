package fault

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryNameHasOneEntryThatIsWhole(t *testing.T) {
	files, err := filepath.Glob("catalogue_*.go")
	require.NoError(t, err)
	var source strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		source.Write(text)
	}
	seen := map[Name]bool{}
	for _, e := range Catalogue() {
		assert.False(t, seen[e.Name], "%s twice", e.Name)
		seen[e.Name] = true
		assert.Contains(t, source.String(), `"`+string(e.Name)+`"`)
		assert.NotEmpty(t, e.Defect, e.Name)
		assert.NotEmpty(t, e.Seen, e.Name)
		assert.NotEmpty(t, e.On, e.Name)
		assert.NotEmpty(t, e.Shows, e.Name)
		assert.Equal(t, len(e.On) < len(everyone) || e.On[0] == epolls[0], e.Immune != "", "%s: whoever is immune is so for a reason", e.Name)
		assert.True(t, e.Rule >= 0 && e.Rule <= 16, e.Name)
		if e.Rare {
			assert.NotEmpty(t, e.Window, "%s is rare because of its window", e.Name)
		}
	}
	assert.Equal(t, strings.Count(source.String(), " Name = "), len(seen), "a name without an entry")
}

func TestACompoundIsOfFaultsThatAreInTheCatalogue(t *testing.T) {
	compounds := 0
	for _, e := range Catalogue() {
		parts := e.Name.Parts()
		assert.Equal(t, len(parts) > 1, e.Also != 0, "%s: a compound breaks two rules", e.Name)
		if len(parts) == 1 {
			continue
		}
		compounds++
		var rules []int
		for _, name := range parts {
			part, ok := ByName(string(name))
			require.True(t, ok, name)
			rules = append(rules, part.Rule)
		}
		assert.Equal(t, []int{e.Rule, e.Also}, rules, e.Name)
	}
	assert.Positive(t, compounds)
}

func TestEverySuspicionOfTheReportHasAFault(t *testing.T) {
	for _, s := range Suspicions() {
		found := false
		for _, e := range Catalogue() {
			found = found || e.Stands == s
		}
		assert.True(t, found, s)
	}
}

func TestAFaultOfAStrategyBitesThroughAnEventLoopToo(t *testing.T) {
	moved, ok := ByName("moved-doorbell")
	require.True(t, ok)
	assert.True(t, moved.Bites("pipe"))
	assert.True(t, moved.Bites("pipe+epoll"))
	assert.False(t, moved.Bites("futex"))
	cleared, ok := ByName("cleared-readiness")
	require.True(t, ok)
	assert.True(t, cleared.Bites("pipe+epoll"))
	assert.False(t, cleared.Bites("pipe"))
}

func TestNothingIsOnByItself(t *testing.T) {
	for _, e := range Catalogue() {
		assert.False(t, On(e.Name), e.Name)
	}
}

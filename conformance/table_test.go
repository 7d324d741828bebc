package conformance_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/conformance/broken"
	"ddc/conformance/scenario"
	"ddc/internal/fault"
	"ddc/wake/strategy"
)

// A waker that the catalogue does not know is one on which no fault is tried.
func TestCatalogueKnowsEveryStrategy(t *testing.T) {
	e, ok := fault.ByName(string(fault.CheckBeforeAnnounce)) // bites on all
	require.True(t, ok)
	assert.ElementsMatch(t, strategy.Names(), e.On, "internal/fault/fault.go lists them")
	for _, s := range strategy.All() {
		files, err := s.Make()
		require.NoError(t, err)
		assert.Equal(t, len(files) > 0, slices.Contains(fault.Files(), s.Name()), "%s: internal/fault/fault.go lists those with files", s.Name())
		for _, f := range files {
			require.NoError(t, f.Close())
		}
	}
}

func TestTableHasACatchForEveryFaultOnEveryStrategyWhereItCanBite(t *testing.T) {
	programs := map[string]scenario.Rule{}
	for _, p := range scenario.Wakers() {
		programs[p.Name] = p.Rule
	}
	for _, p := range scenario.Transports() {
		programs[p.Name] = p.Rule
	}
	for _, c := range broken.Table() {
		_, known := fault.ByName(string(c.Fault))
		assert.True(t, known, c.Fault)
		assert.Contains(t, programs, c.Program)
	}
	for _, e := range fault.Catalogue() {
		for _, strategy := range e.On {
			assert.True(t, slices.ContainsFunc(broken.Table(), func(c broken.Catch) bool { return c.Fault == e.Name && c.In(strategy) }),
				"nothing catches %s on %s", e.Name, strategy)
		}
	}
}

package conformance_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"ddc/conformance/broken"
	"ddc/conformance/scenario"
	"ddc/internal/fault"
)

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

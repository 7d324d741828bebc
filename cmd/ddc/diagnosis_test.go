package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/inspect"
	"ddc/internal/fault"
)

// "make diagnosis" writes the page, and fails where a diagnosis is not right.
func TestPageOfDiagnosesKnowsEveryFaultAndEveryDiagnosis(t *testing.T) {
	page, err := os.ReadFile("../../docs/DIAGNOSIS.md")
	require.NoError(t, err)
	for _, name := range fault.Names() {
		assert.Contains(t, string(page), "| `"+name+"` |", "run make diagnosis")
	}
	for _, kind := range []inspect.Kind{
		inspect.LostWakeup, inspect.LostFrame, inspect.Deadlock, inspect.PeerDead, inspect.Corrupt, inspect.Halted, inspect.SlotsExhausted,
		inspect.HandlerStuck, inspect.BackPressure, inspect.Healthy,
	} {
		assert.Contains(t, string(page), "`"+string(kind), "the page says what each diagnosis means")
	}
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/conformance/matrix"
	"ddc/internal/fault"
)

func TestMatrixKnowsItsFaultsAndStrategies(t *testing.T) {
	o := ddc(t, "wake", "matrix", "--fault", "no-ring-on-spce")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "did you mean no-ring-on-space?")
	o = ddc(t, "wake", "matrix", "--wake", "pipe,eventdf")
	assert.Equal(t, exitUsage, o.code)
	assert.Contains(t, o.stderr, "did you mean eventfd?")
	assert.Equal(t, exitUsage, ddc(t, "wake", "matrix", "--calls", "0").code)
}

func TestMatrixSaysHowToGetTheProgramWithFaults(t *testing.T) {
	if fault.Enabled {
		t.Skip("this is the program with faults")
	}
	o := ddc(t, "wake", "matrix", "--fault", "plain-store")
	assert.Equal(t, exitMachinery, o.code)
	assert.Contains(t, o.stderr, `run "make build"`)
	assert.Equal(t, exitMachinery, ddc(t, "wake", "cell").code, "it is not for people")
}

// writeJSON writes a file and gives its path.
func writeJSON(t *testing.T, object any) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.json")
	text, err := json.Marshal(object)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o666))
	return path
}

func TestVerdictIsWrittenFromFiles(t *testing.T) {
	matrix := writeJSON(t, matrix.Report{Cells: []matrix.Cell{
		{Fault: matrix.NoFault, Strategy: matrix.Inproc, Outcome: matrix.Outcome{Verdict: matrix.Immune}, Agrees: true},
		{Fault: matrix.NoFault, Strategy: "pipe", Outcome: matrix.Outcome{Verdict: matrix.Immune, Answered: 7}, Agrees: true},
	}})
	bench := writeJSON(t, map[string]any{"rows": []map[string]any{{"strategy": "pipe", "parked": map[string]any{"p50_ns": 4200}}}})
	page := filepath.Join(t.TempDir(), "below", "page.html")
	o := ddc(t, "wake", "verdict", "--matrix", matrix, "--bench", bench, "--html", page)
	require.Zero(t, o.code, o.stderr)
	first, _, _ := strings.Cut(o.stdout, "\n")
	assert.Contains(t, first, "# PARTIAL verdict", "it is two cells of a matrix")
	assert.Contains(t, o.stdout, "**Latency: `pipe`.** A parked round trip takes 4.2 µs")
	content, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(content), "<svg")

	output := filepath.Join(t.TempDir(), "VERDICT.md")
	require.Zero(t, ddc(t, "wake", "verdict", "--matrix", matrix, "--bench", bench, "-o", output, "--html", "").code)
	content, err = os.ReadFile(output)
	require.NoError(t, err)
	assert.Equal(t, o.stdout, string(content))
}

// brief describes the system of the hang's report.
const brief = "../../docs/systems/brief.kdl"

func TestVerdictOnADescriptionRunsNothing(t *testing.T) {
	o := ddc(t, "wake", "verdict", "--system", brief)
	require.Zero(t, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	assert.Contains(t, o.stdout, "# Verdict: why the reported site builder hangs")
	assert.Contains(t, o.stdout, "No fault was run for it.")

	matrix := writeJSON(t, matrix.Report{Planned: 9, Cells: []matrix.Cell{
		{Fault: matrix.NoFault, Strategy: matrix.Inproc, Outcome: matrix.Outcome{Verdict: matrix.Immune}, Agrees: true},
	}})
	o = ddc(t, "wake", "verdict", "--system", brief, "--matrix", matrix)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "# PARTIAL verdict: why the reported site builder hangs (1 of 9 cells were run)")
	assert.Contains(t, o.stdout, "## Appendix")
}

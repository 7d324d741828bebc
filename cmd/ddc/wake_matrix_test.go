package main

import (
	"encoding/json"
	"os"
	"path/filepath"
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
	o := ddc(t, "wake", "verdict", "--matrix", matrix, "--bench", bench, "-o", "-", "--html", page)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "# Verdict")
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

func TestVerdictRefusesWhatIsNoneOfItsFiles(t *testing.T) {
	other := writeJSON(t, map[string]any{"pages": 3})
	for _, flag := range []string{"--matrix", "--bench"} {
		o := ddc(t, "wake", "verdict", flag, other)
		assert.Equal(t, exitUsage, o.code, flag)
		assert.Contains(t, o.stderr, flag)
	}
	assert.Equal(t, exitUsage, ddc(t, "wake", "verdict", "--explore", other).code)
	assert.Equal(t, exitUsage, ddc(t, "wake", "verdict", "--explore", filepath.Join(t.TempDir(), "none.json")).code)
}

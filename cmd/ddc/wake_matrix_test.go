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

func TestExampleOfADescriptionIsOne(t *testing.T) {
	o := ddc(t, "wake", "verdict", "--example")
	require.Zero(t, o.code, o.stderr)
	path := filepath.Join(t.TempDir(), "my-system.kdl")
	require.NoError(t, os.WriteFile(path, []byte(o.stdout), 0o666))
	o = ddc(t, "wake", "verdict", "--system", path)
	require.Zero(t, o.code, o.stderr)
	assert.Contains(t, o.stdout, "The description does not say")
}

func TestWrongDescriptionIsWrongUsage(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "wrong.kdl", "system \"mine\" {\n\tmechanism \"supression\" #true source=\"the code\"\n\tseen \"ring\" \"emtpy\" source=\"a dump\"\n}\n")
	o := ddc(t, "wake", "verdict", "--system", filepath.Join(folder, "wrong.kdl"))
	assert.Equal(t, exitUsage, o.code)
	assert.Empty(t, o.stdout)
	assert.Contains(t, o.stderr, "wrong.kdl:2: mechanism \"supression\" is unknown (did you mean suppression?)")
	assert.Contains(t, o.stderr, "wrong.kdl:3: ring \"emtpy\" is unknown (did you mean empty?)")
	for _, args := range [][]string{
		{"--system", filepath.Join(folder, "none.kdl")}, {"--system", folder}, {"--example", "--system", brief}, {"--run", "--matrix", brief},
	} {
		assert.Equal(t, exitUsage, ddc(t, append([]string{"wake", "verdict"}, args...)...).code, args)
	}
}

// A missing program is reported before the benchmark, not after it.
func TestVerdictThatIsToRunSaysFirstThatTheProgramIsMissing(t *testing.T) {
	if fault.Enabled {
		t.Skip("this is the program with faults")
	}
	for _, args := range [][]string{{"wake", "verdict"}, {"wake", "verdict", "--system", brief, "--run"}} {
		o := ddc(t, args...)
		assert.Equal(t, exitMachinery, o.code)
		assert.Contains(t, o.stderr, `run "make build"`)
		assert.Empty(t, o.stdout)
	}
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

package template_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ddc/site/template"
)

// probe is a line of testdata/probes.jsonl: one construct, and what it gives.
// The lines were made with an independent interpreter of Jinja beside this one.
// Before is what that one gave where the two differ; each such difference is
// meant:
//
//   - A macro sees the variables of the line that calls it, as in the original
//     dialect; there, those of its file's top level.
//   - A template that is included shows its own blocks, not those of the same
//     name of the page around it.
//   - super() also reaches blocks that stand in blocks.
//   - The keys of a dict are texts as they are printed: true, not True.
//   - loop is a dict of the five fields that the dialect names.
//   - What a condition asks for may be undefined, as in Tera.
//   - Division by zero, and arithmetic with what is no number, are errors;
//     there they give nothing (TestArithmeticThatCannotBeIsAnError).
//   - Endless recursion is placed at the call that goes too deep.
type probe struct {
	Page   string            `json:"page"`
	Files  map[string]string `json:"files"`
	Want   string            `json:"want"`
	Error  string            `json:"error"`
	Before string            `json:"before"`
}

func probes(t testing.TB) []probe {
	t.Helper()
	source, err := os.ReadFile("testdata/probes.jsonl")
	require.NoError(t, err)
	var all []probe
	for line := range bytes.Lines(source) {
		var p probe
		require.NoError(t, json.Unmarshal(line, &p))
		all = append(all, p)
	}
	return all
}

func (p probe) sources() files {
	sources := files{"page.html": p.Page}
	for name, source := range p.Files {
		sources[name] = source
	}
	return sources
}

func TestEachConstructGivesWhatAnotherInterpreterGave(t *testing.T) {
	for _, p := range probes(t) {
		got := ""
		set, err := template.Load(p.sources())
		if err == nil {
			got, err = set.Render(t.Context(), "page.html", values(), template.Funcs{})
		}
		assert.Equal(t, p.Want, got, p.Page)
		if p.Error == "" {
			assert.NoError(t, err, p.Page)
		} else {
			assert.EqualError(t, err, p.Error, p.Page)
		}
	}
}

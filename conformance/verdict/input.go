package verdict

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"ddc/conformance/bench"
	"ddc/conformance/matrix"
)

// Input is what the verdict rests on: a description of a system, a matrix, or
// both. The rest is optional.
type Input struct {
	System  *System
	Matrix  *matrix.Report
	Explore []Exploration
	Bench   []bench.Row
	// Works says which strategies work on the machine of the benchmark.
	Works []bench.Availability
}

// Exploration is one scenario that the model checker has searched.
type Exploration struct {
	Scenario  string `json:"scenario"`
	Strategy  string `json:"strategy"`
	Fault     string `json:"fault"` // "" for none
	Schedules int64  `json:"schedules"`
	Steps     int64  `json:"steps"`
	Exhausted bool   `json:"exhausted"`
	// Bound is what limited the search if it was not exhaustive.
	Bound   any     `json:"bound"`
	Seconds float64 `json:"seconds"`
	// Finding is what is wrong, or "" if nothing is. Interleaving shows it, and
	// Replay runs it again.
	Finding      string `json:"finding"`
	Interleaving string `json:"interleaving"`
	Replay       string `json:"replay"`
}

// ReadMatrix reads what ddc wake matrix --json wrote.
func ReadMatrix(path string) (*matrix.Report, error) {
	var r matrix.Report
	if err := readJSON(path, &r); err != nil {
		return nil, err
	}
	if len(r.Cells) == 0 {
		return nil, fmt.Errorf("%s: no cells: it is not what ddc wake matrix --json writes", path)
	}
	return &r, nil
}

// ReadExplore reads what the model checker wrote (make explore).
func ReadExplore(path string) ([]Exploration, error) {
	var all []Exploration
	return all, readJSON(path, &all)
}

// ReadBench reads what ddc wake bench --json wrote.
func ReadBench(path string) ([]bench.Row, error) {
	var object struct {
		Rows []bench.Row `json:"rows"`
	}
	if err := readJSON(path, &object); err != nil {
		return nil, err
	}
	if len(object.Rows) == 0 {
		return nil, fmt.Errorf("%s: no rows: it is not what ddc wake bench --json writes", path)
	}
	return object.Rows, nil
}

// maxReport bounds a file of results: a whole matrix is some megabytes.
const maxReport = 256 << 20

func readJSON(path string, into any) error {
	content, err := readFile(path, maxReport)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// readFile reads a file that must not be larger than limit.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was read only
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%s: larger than %d bytes, which no such file is", path, limit)
	}
	return content, nil
}

//go:build explore

package explore

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

var jsonFile = flag.String("explore.json", "", "write what was searched to this file")

// Row is a search as ddc wake verdict reads it.
type Row struct {
	Scenario     string  `json:"scenario"`
	Strategy     string  `json:"strategy"`
	Fault        string  `json:"fault"`
	Schedules    int     `json:"schedules"`
	Steps        int     `json:"steps"`
	Exhausted    bool    `json:"exhausted"`
	Bound        string  `json:"bound"`
	Seconds      float64 `json:"seconds"`
	Finding      string  `json:"finding"`
	Interleaving string  `json:"interleaving"`
	Replay       string  `json:"replay"`
}

// rows are the searches of this test run, which go test makes one after the
// other.
var rows []Row

func report(row Row, extent Extent, r Result) {
	row.Schedules, row.Steps, row.Exhausted = r.Schedules, r.Steps, r.Exhausted
	row.Bound, row.Seconds = extent.String(), r.Took.Seconds()
	if f := r.Finding; f != nil {
		row.Finding, row.Interleaving, row.Replay = fmt.Sprintf("%s: %s", f.Kind, f.Text), f.Columns, f.Replay
	}
	rows = append(rows, row)
	if testing.Verbose() {
		what := row.Scenario
		if row.Fault != "" {
			what = fmt.Sprintf("%s (%s)", row.Fault, what)
		}
		fmt.Printf("%-18s %-46s %-14s %9d schedules %11d steps, longest %4d %8.2fs\n",
			row.Strategy, what, row.Bound, r.Schedules, r.Steps, r.Longest, row.Seconds)
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if err := goleak.Find(); err != nil { // tasks that no run has ended
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if *jsonFile != "" {
		if err := writeRows(*jsonFile); err != nil {
			fmt.Fprintln(os.Stderr, "write what was searched:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// writeRows adds the rows to those that a run with other tags has written to
// the file: of one search, the last one counts.
func writeRows(path string) error {
	var before []Row
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &before)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	merged := slices.DeleteFunc(before, func(old Row) bool {
		return slices.ContainsFunc(rows, func(r Row) bool {
			return r.Scenario == old.Scenario && r.Strategy == old.Strategy && r.Fault == old.Fault
		})
	})
	if text, err = json.MarshalIndent(append(merged, rows...), "", "\t"); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

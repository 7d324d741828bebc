//go:build explore

package explore

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
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

// rows are the searches of this test run, which go test makes one after the other.
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
	if *jsonFile != "" {
		text, err := json.MarshalIndent(rows, "", "\t")
		if err == nil {
			err = os.WriteFile(*jsonFile, text, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "write what was searched:", err)
			code = 1
		}
	}
	os.Exit(code)
}

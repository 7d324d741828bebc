package trace

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Chrome writes a trace as chrome://tracing and ui.perfetto.dev read it: a JSON
// array of events (the "Trace Event Format"). It is written as it comes, and
// may be cut off anywhere: both read it all the same.
type Chrome struct {
	w     *bufio.Writer
	begun bool
	err   error
}

// NewChrome writes to w, which must stay open until Close.
func NewChrome(w io.Writer) *Chrome { return &Chrome{w: bufio.NewWriter(w)} }

// Mark is one event of a Chrome trace. Times are in microseconds.
type Mark struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	At       float64        `json:"ts"`
	Lasts    float64        `json:"dur,omitempty"`
	Process  int            `json:"pid"`
	Thread   int            `json:"tid"`
	ID       string         `json:"id,omitempty"`
	Bind     string         `json:"bp,omitempty"`
	Args     map[string]any `json:"args,omitempty"`
}

// Micro is a time of Now in the unit of a Mark.
func Micro(ns int64) float64 { return float64(ns) / 1e3 }

// Add writes a mark.
func (c *Chrome) Add(m Mark) {
	if c.err != nil {
		return
	}
	text, err := json.Marshal(m)
	if err != nil {
		c.err = err
		return
	}
	separator := ",\n"
	if !c.begun {
		c.begun, separator = true, "[\n"
	}
	_, _ = c.w.WriteString(separator) // the writer keeps its first error, for Close
	_, _ = c.w.Write(text)
}

// Close ends the array.
func (c *Chrome) Close() error {
	end := "\n]\n"
	if !c.begun {
		end = "[]\n"
	}
	_, _ = c.w.WriteString(end)
	if err := c.w.Flush(); err != nil && c.err == nil {
		c.err = err
	}
	if c.err != nil {
		return fmt.Errorf("write trace: %w", c.err)
	}
	return nil
}

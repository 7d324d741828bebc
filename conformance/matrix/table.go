package matrix

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"ddc/internal/printable"
)

// Table prints the matrix for people, then the words of each cell that is not
// immune, and then what differs from the catalogue.
func (r *Report) Table(w io.Writer) error {
	columns := r.Columns()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "FAULT\t%s\n", strings.ToUpper(strings.Join(columns, "\t")))
	for _, name := range r.Faults() {
		fmt.Fprint(t, name)
		for _, s := range columns {
			text := "-"
			if c := r.Cell(name, s); c != nil {
				text = c.Short()
			}
			fmt.Fprintf(t, "\t%s", text)
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	if err := r.inARowTable(w); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nA number is that of the call at which it showed; ! is what the catalogue does not expect.")
	for _, c := range r.Disagreements() {
		fmt.Fprintf(w, "! %s on %s: %s\n", c.Fault, c.Strategy, c.Difference())
	}
	_, err := fmt.Fprintf(w, "%s in %v, %d not as expected\n", printable.Count(len(r.Cells), "cell"), r.Took.Round(time.Second), len(r.Disagreements()))
	if err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}

// Short is a cell in a word or two: "hung 311".
func (c *Cell) Short() string {
	text := string(c.Verdict)
	switch {
	case c.Verdict == Immune && c.Expected.Bites:
		text = "not seen"
	case c.Verdict == Hung || c.Verdict == Failed || c.Verdict == Corrupt:
		text += fmt.Sprintf(" %d", c.Answered+1)
	}
	if !c.Agrees {
		text += " !"
	}
	return text
}

// Difference says how a cell differs from what the catalogue expects.
func (c *Cell) Difference() string {
	expected := "immune, since " + c.Expected.Reason
	if c.Expected.Bites {
		var shows []string
		for _, v := range c.Expected.Shows {
			shows = append(shows, string(v))
		}
		expected = strings.Join(shows, " or ")
	}
	at := ""
	if c.Stage != "" {
		at = " in stage \"" + c.Stage + "\""
	}
	return fmt.Sprintf("%s%s (%s); expected %s", c.Verdict, at, c.Why, expected)
}

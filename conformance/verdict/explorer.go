package verdict

import (
	"fmt"
	"html/template"
	"slices"

	"ddc/conformance/matrix"
)

// matrix writes the table for Markdown, and the one that unfolds for the page.
func (d *document) matrix(in *Input, fragment template.HTML) {
	d.picture(fragment)
	d.picture(in.Matrix.OnsetPlot())
	d.picture(in.Matrix.LatencyPlot())
	columns := in.Matrix.Columns()
	var rows [][]string
	for _, name := range in.Matrix.Faults() {
		row := []string{"`" + name + "`"}
		for _, s := range columns {
			text := "–"
			if c := in.Matrix.Cell(name, s); c != nil {
				text = c.Short()
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	d.blocks = append(d.blocks, block{head: append([]string{"fault"}, columns...), rows: rows, markdownOnly: true})
	d.blocks = append(d.blocks, block{markdownOnly: true, text: "A number is that of the call at which it showed. \"not seen\" is a cell in which the fault could bite and did not, \"!\" what the catalogue does not expect, – was not run."})
}

// explorer reports what the model checker has searched.
func (d *document) explorer(in *Input) {
	d.section("Every interleaving: the explorer")
	if len(in.Explore) == 0 {
		d.say("No search was given. `make explore` searches, and writes out/explore.json, which `ddc wake verdict` takes.")
		return
	}
	var sound, found [][]string
	schedules, exhausted := int64(0), 0
	for _, x := range in.Explore {
		extent := "to the bound " + fmt.Sprint(x.Bound)
		if x.Exhausted {
			extent = "exhausted"
		}
		row := []string{x.Scenario, x.Strategy, fmt.Sprint(x.Schedules), fmt.Sprint(x.Steps), extent, fmt.Sprintf("%.1f s", x.Seconds)}
		switch {
		case x.Fault == "" || x.Fault == matrix.NoFault:
			schedules += x.Schedules
			if x.Exhausted {
				exhausted++
			}
			if x.Finding != "" {
				row[4] = "**defect**: " + firstLine(x.Finding)
			}
			sound = append(sound, row)
		case x.Finding != "":
			found = append(found, []string{"`" + x.Fault + "`", x.Scenario, x.Strategy, fmt.Sprint(x.Schedules), firstLine(x.Finding)})
		default:
			found = append(found, []string{"`" + x.Fault + "`", x.Scenario, x.Strategy, fmt.Sprint(x.Schedules), "–"})
		}
	}
	d.say("Without a fault %d schedules of the real code were run, and %d of %d scenarios exhausted.", schedules, exhausted, len(sound))
	d.table([]string{"scenario", "strategy", "schedules", "steps", "extent", "time"}, sound)
	d.table([]string{"fault", "scenario", "strategy", "schedules until found", "finding"}, found)
	d.interleaving(in)
}

// interleaving shows an interleaving that the explorer found, if possible for a
// fault that reproduces the report's evidence.
func (d *document) interleaving(in *Input) {
	exact := names(in.matches(), reported)
	var best *Exploration
	for i := range in.Explore {
		x := &in.Explore[i]
		if x.Finding == "" || x.Interleaving == "" || x.Fault == "" {
			continue
		}
		better := best == nil || slices.Contains(exact, x.Fault) && !slices.Contains(exact, best.Fault) ||
			slices.Contains(exact, x.Fault) == slices.Contains(exact, best.Fault) && len(x.Interleaving) < len(best.Interleaving)
		if better {
			best = x
		}
	}
	if best == nil {
		return
	}
	d.part("One of them, step by step")
	d.say("`%s` on %s in %s: %s.", best.Fault, best.Strategy, best.Scenario, firstLine(best.Finding))
	d.dump(best.Interleaving)
	if best.Replay != "" {
		d.say("Replay: `%s`", best.Replay)
	}
}

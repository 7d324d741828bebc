package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ddc/internal/diagnostic"
	"ddc/internal/kdl"
	"ddc/internal/suggest"
)

// spot is a place in the file.
type spot struct{ line, col, length int }

func spotOf(v kdl.Value) spot { return spot{v.Line, v.Col, v.Length} }

// decoder turns nodes into settings and collects what is wrong with them.
type decoder struct {
	file   string
	errors diagnostic.Errors
	// warnings are of settings that nobody knows.
	warnings diagnostic.Errors
	// cache and dependencies are the places of the paths that checkPaths
	// checks. dependencies is by the index of the dependency.
	cache        place
	dependencies []place
}

func (d *decoder) fail(at spot, message, hint string, related ...diagnostic.Note) {
	d.errors = append(d.errors, diagnostic.Problem{File: d.file, Line: at.line, Col: at.col, Length: at.length, Message: message, Hint: hint, Related: related})
}

func (d *decoder) note(at spot, message string) diagnostic.Note {
	return diagnostic.Note{File: d.file, Line: at.line, Col: at.col, Length: at.length, Message: message}
}

// quoted adds to each fault the source line that it is about.
func quoted(faults diagnostic.Errors, file, source string) error {
	if len(faults) == 0 {
		return nil
	}
	faults = diagnostic.Sorted(faults)
	diagnostic.Quote(faults, file, source)
	return faults
}

// setting is a name with values. It is a node, or a property of one, since
// files may write both `rust command="cargo"` and `rust { command "cargo" }`.
type setting struct {
	name   string
	values []kdl.Value
	node   *kdl.Node // nil for a property
	spot
}

// settings gives the properties and the children of a node.
func settings(n *kdl.Node) []setting {
	var all []setting
	for _, p := range n.Props {
		all = append(all, setting{name: p.Key, values: []kdl.Value{p.Value}, spot: spotOf(p.Value)})
	}
	for _, child := range n.Children {
		all = append(all, setting{name: child.Name, values: child.Args, node: child, spot: spot{child.Line, child.Col, child.Length}})
	}
	return all
}

// inner gives the settings inside a block, which itself takes no value.
func (d *decoder) inner(block setting) []setting {
	if block.node == nil || len(block.values) > 0 {
		d.fail(block.spot, block.name+" takes no value but a block, as in: "+block.name+" { ... }", "")
		return nil
	}
	return settings(block.node)
}

// once refuses names that are given twice, except those in repeatable.
func (d *decoder) once(all []setting, repeatable ...string) {
	first := map[string]spot{}
	for _, s := range all {
		if slices.Contains(repeatable, s.name) {
			continue
		}
		if before, again := first[s.name]; again {
			d.fail(s.spot, s.name+" is given again", "", d.note(before, "it stands here"))
			continue
		}
		first[s.name] = s.spot
	}
}

// unknown warns of a setting: it may be of another version, or mistyped.
func (d *decoder) unknown(s setting, what string, known ...string) {
	hint := "there are " + strings.Join(known, ", ")
	if len(known) == 1 {
		hint = "there is only " + known[0]
	}
	if near := suggest.Nearest(s.name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	if instead := elsewhere[s.name]; instead != "" && what == "setting" {
		hint = instead
	}
	d.warnings = append(d.warnings, diagnostic.Problem{File: d.file, Line: s.line, Col: s.col, Length: s.length, Message: "unknown " + what + " " + quote(s.name), Hint: hint})
}

// single gives the one value of a setting that is no block.
func (d *decoder) single(s setting) (kdl.Value, bool) {
	if s.node != nil && len(s.node.Props)+len(s.node.Children) > 0 {
		d.fail(s.spot, s.name+" takes a value, no properties and no block", "")
		return kdl.Value{}, false
	}
	if len(s.values) != 1 {
		d.fail(s.spot, fmt.Sprintf("%s takes one value, not %d", s.name, len(s.values)), "")
		return kdl.Value{}, false
	}
	return s.values[0], true
}

// value reads one value of the type that into points to.
func (d *decoder) value(v kdl.Value, name string, into any) {
	ok := false
	want := ""
	switch into := into.(type) {
	case *string:
		want = "a string"
		*into, ok = v.Any.(string)
	case *bool:
		want = "#true or #false"
		*into, ok = v.Any.(bool)
	case *int64:
		want = "a whole number"
		*into, ok = v.Any.(int64)
	}
	if !ok {
		d.fail(spotOf(v), fmt.Sprintf("%s must be %s, not %s", name, want, describe(v.Any)), "")
	}
}

func (d *decoder) text(s setting, into *string) {
	if v, ok := d.single(s); ok {
		d.value(v, s.name, into)
	}
}

func (d *decoder) boolean(s setting, into *bool) {
	if v, ok := d.single(s); ok {
		d.value(v, s.name, into)
	}
}

// folder reads a path, which may not be empty.
func (d *decoder) folder(s setting, into *string) {
	before := len(d.errors)
	d.text(s, into)
	if *into == "" && len(d.errors) == before {
		d.fail(s.spot, s.name+" must name a folder; it is empty", "")
	}
}

// texts reads one string or more.
func (d *decoder) texts(s setting) []string {
	if s.node != nil && len(s.node.Props)+len(s.node.Children) > 0 {
		d.fail(s.spot, s.name+" takes values, no properties and no block", "")
		return nil
	}
	if len(s.values) == 0 {
		d.fail(s.spot, s.name+" needs a value", "")
	}
	all := make([]string, len(s.values))
	for i, v := range s.values {
		d.value(v, s.name, &all[i])
	}
	return all
}

// longest bounds durations, far below what would overflow.
const longest = 24 * time.Hour

func (d *decoder) duration(s setting, unit time.Duration, into *time.Duration) {
	if n, ok := d.between(s, 0, int64(longest/unit)); ok {
		*into = time.Duration(n) * unit
	}
}

// largest bounds a text by what one message to a plugin may hold, in MiB.
const largest = 250

// size reads a number of MiB.
func (d *decoder) size(s setting, into *int64) {
	if n, ok := d.between(s, 1, largest); ok {
		*into = n << 20
	}
}

// between reads a whole number from least to most.
func (d *decoder) between(s setting, least, most int64) (n int64, ok bool) {
	v, ok := d.single(s)
	if !ok {
		return 0, false
	}
	before := len(d.errors)
	if d.value(v, s.name, &n); len(d.errors) > before {
		return 0, false
	}
	if n < least || n > most {
		d.fail(spotOf(v), fmt.Sprintf("%s must lie between %d and %d, not %d", s.name, least, most, n), "")
		return 0, false
	}
	return n, true
}

func describe(value any) string {
	switch value := value.(type) {
	case nil:
		return "#null"
	case string:
		return "the string " + quote(value)
	case bool:
		return "#" + strconv.FormatBool(value)
	default:
		return fmt.Sprintf("the number %v", value)
	}
}

func quote(text string) string { return strconv.Quote(text) }

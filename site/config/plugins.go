package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"ddc/internal/diagnostic"
)

// Plugin is a program that the configuration names as a plugin. Whether it is
// run is for the user to say, not for the site: see cmd/ddc.
type Plugin struct {
	Name string
	// Command is the program as written, relative to the project's root. If it
	// is empty the program is ddc-plugin-NAME, from the user's PATH.
	Command string
	Args    []string
	// Stages are those that count of what the plugin does; none for all.
	Stages []string
	// Line, Col and Length are where the configuration names it.
	Line, Col, Length int
}

func (p Plugin) spot() spot { return spot{line: p.Line, col: p.Col, length: p.Length} }

// Fault is a problem with a plugin, where the configuration names it.
func (p Plugin) Fault(message, hint string) diagnostic.Problem {
	return diagnostic.Problem{File: Name, Line: p.Line, Col: p.Col, Length: p.Length, Message: message, Hint: hint}
}

// Stages are what a plugin of the site's own may do.
var Stages = []string{"markdown", "html", "shortcode", "function", "files", "check"}

// pluginNames are names that can stand in flags and in a program's name.
var pluginNames = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// mostPlugins bounds how many plugins a site has.
const mostPlugins = 16

func pluginField(all *[]Plugin) field {
	fields := func(p *Plugin) map[string]field {
		return map[string]field{
			"command": {doc: "its program, relative to the project; if not given, ddc-plugin-NAME on the PATH", read: func(d *decoder, s setting) {
				if d.text(s, &p.Command); p.Command == "" {
					d.fail(s.spot, "command must name a program", "leave it out for ddc-plugin-"+p.Name+" on the PATH")
				}
				d.checked(place{s.name, s.spot}, func() error { return nameable(p.Command) })
			}},
			"args":  {doc: "what the program is started with", read: func(d *decoder, s setting) { p.Args = d.texts(s) }},
			"stage": {doc: "which of the things that it does count: markdown, html, shortcode, function, files, check; if not given, all", read: func(d *decoder, s setting) { d.stages(s, p) }},
		}
	}
	doc := `a plugin of the site's own, as in: plugin "shout" { command "./shout" }; of the name of one of ddc's, it takes that one's place`
	return field{doc: doc, inner: fields(&Plugin{}), read: func(d *decoder, s setting) {
		p := Plugin{Line: s.line, Col: s.col, Length: s.length}
		if len(s.values) != 1 {
			d.fail(s.spot, fmt.Sprintf("plugin takes one name, not %d", len(s.values)), `as in: plugin "shout" { command "./shout" }`)
			return
		}
		before := len(d.errors)
		if d.value(s.values[0], "the name of a plugin", &p.Name); len(d.errors) > before {
			return
		}
		if !pluginNames.MatchString(p.Name) {
			d.fail(spotOf(s.values[0]), quote(p.Name)+" is no name for a plugin", "use small letters, digits, - and _, and begin with a letter")
			return
		}
		inner := settings(s.node)
		d.once(inner)
		known := len(d.warnings)
		d.fields(inner, "setting of the plugin "+p.Name, fields(&p))
		// Without its command, which may be mistyped, another program would be
		// run.
		d.errors, d.warnings = append(d.errors, d.warnings[known:]...), d.warnings[:known]
		i := slices.IndexFunc(*all, func(other Plugin) bool { return other.Name == p.Name })
		switch {
		case i >= 0:
			d.fail(s.spot, "the plugin "+p.Name+" is given again", "give one of them another name", d.note((*all)[i].spot(), "it stands here"))
		case len(*all) == mostPlugins:
			d.fail(s.spot, fmt.Sprintf("a site has at most %d plugins", mostPlugins), "")
		default:
			*all = append(*all, p)
		}
	}}
}

func (d *decoder) stages(s setting, p *Plugin) {
	seen := map[string]bool{}
	for i, name := range d.texts(s) {
		if !slices.Contains(Stages, name) {
			d.fail(spotOf(s.values[i]), "there is no stage "+quote(name), "there are "+strings.Join(Stages, ", "))
			continue
		}
		seen[name] = true
	}
	p.Stages = slices.Sorted(maps.Keys(seen))
}

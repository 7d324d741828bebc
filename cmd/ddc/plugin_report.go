package main

import (
	"fmt"
	"strings"

	"ddc/internal/printable"
)

// ownReport says what a site's own plugin was, and did.
type ownReport struct {
	Name    string `json:"name"`
	Program string `json:"program"`
	// Replaces says that it took the place of ddc's plugin of that name. Then
	// it has neither version nor stages.
	Replaces bool     `json:"replaces"`
	Version  string   `json:"version"`
	Stages   []string `json:"stages"`
	// Allowed is what the user lets it do besides computing.
	Allowed []string `json:"allowed"`
}

// newOwnReports lists those that take the place of ddc's, and then those that
// took part, in the order in which a page comes to them.
func newOwnReports(r report) []ownReport {
	list := []ownReport{}
	for _, p := range r.own {
		if p.replaces() {
			list = append(list, ownReport{Name: p.Name, Program: p.path(), Replaces: true, Stages: []string{}, Allowed: p.rights.words()})
		}
	}
	if r.result == nil {
		return list
	}
	for _, d := range r.result.Extensions {
		p := r.own.named(d.Name)
		list = append(list, ownReport{Name: d.Name, Program: p.path(), Version: d.Version, Stages: d.Stages, Allowed: p.rights.words()})
	}
	return list
}

func (o ownReport) String() string {
	text := "plugin " + o.Name
	if o.Version != "" {
		text += " " + printable.Line(o.Version)
	}
	text += " (" + printable.Line(shortest(o.Program)) + "): "
	if o.Replaces {
		text += "in the place of ddc's"
	} else {
		text += strings.Join(o.Stages, ", ")
	}
	if len(o.Allowed) > 0 {
		text += fmt.Sprintf("; allowed: %s", strings.Join(o.Allowed, ", "))
	}
	return text
}

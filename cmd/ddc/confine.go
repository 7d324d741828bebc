package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"ddc/plugin/spec"
	"ddc/plugins"
	"ddc/site/config"
)

// siteOf is the part of the configuration that plugins' specs may depend on.
func siteOf(cfg *config.Config, jobs int) spec.Site {
	s := spec.Site{Jobs: jobs, Samples: spec.Samples{Time: cfg.CodeExecution.Timeout, Cache: cfg.CodeExecution.CacheDir}}
	for _, d := range cfg.CodeExecution.Dependencies {
		if d.Path == "" {
			s.Samples.Fetched = true
			continue
		}
		s.Samples.Sources = append(s.Samples.Sources, d.Path)
	}
	return s
}

// confinement says how the host confines each plugin: not at all with
// --no-sandbox, and then code_execution confines nothing either.
func (f buildFlags) confinement(site spec.Site) (func(name string) spec.Confinement, error) {
	if f.noSandbox {
		return nil, os.Setenv("DDC_SANDBOX", "off") // code_execution confines by itself
	}
	return confine(site), nil
}

// confine says what each plugin may do, according to its spec. A plugin without
// one may only compute.
func confine(site spec.Site) func(name string) spec.Confinement {
	return func(name string) spec.Confinement {
		s, err := specOf(name)
		if err != nil {
			return spec.Confinement{}
		}
		if s.Prepare != nil {
			s.Prepare(site)
		}
		return s.Confinement(site)
	}
}

// passOn sets the variables that give plugins what they need from files that
// they may not read.
func passOn(log *slog.Logger) error {
	for _, s := range plugins.All() {
		if s.Environ == nil {
			continue
		}
		for _, variable := range s.Environ(log) {
			name, value, _ := strings.Cut(variable, "=")
			if err := os.Setenv(name, value); err != nil {
				return fmt.Errorf("pass on %s: %w", name, err)
			}
		}
	}
	return nil
}

// confinements describes, for people, what the plugins may do.
func confinements(site spec.Site) string {
	allowed := map[string][]string{}
	for _, s := range plugins.All() {
		p := s.Confinement(site).Policy
		if p.Network {
			allowed["network"] = append(allowed["network"], s.Name)
		}
		if p.Programs {
			allowed["programs"] = append(allowed["programs"], s.Name)
		}
	}
	return "network: " + strings.Join(allowed["network"], ", ") + "; programs: " + strings.Join(allowed["programs"], ", ")
}

package main

import (
	"context"
	"path/filepath"

	"ddc/site"
	"ddc/site/config"
)

// files are what says which program may run: the program, and the trust in it.
func (p *ownPlugin) files() []string {
	files := []string{p.is.Load().named}
	if trusted, err := trustFile(p); err == nil {
		files = append(files, filepath.Dir(trusted))
	}
	return files
}

// renew looks at the site's own programs again, and has those that have changed
// run from now on. Nobody may be asking the site meanwhile, or it would take
// answers of one program for those of the other. If one of them may not run,
// all stay as they are. A program that is gone, or half written, is a fault
// like that.
func (s *started) renew(ctx context.Context, cfg *config.Config, f buildFlags) ([]site.Extension, error) {
	found, err := f.ownPlugins(cfg)
	if err != nil {
		return nil, err
	}
	for i, p := range s.own {
		p.Plugin = found[i].Plugin // where the configuration names it now
		if *p.is.Load() == *found[i].is.Load() {
			continue
		}
		p.is.Store(found[i].is.Load())
		// The old program ends though its caller gives up waiting for the site.
		if err := s.machine.host.Plugin(p.Name).Restart(context.WithoutCancel(ctx)); err != nil {
			s.machine.log.Warn("end of a program that has changed", "plugin", p.Name, "cause", err)
		}
	}
	s.remembered.renew(s.own.versions(f.noSandbox))
	return s.plugins(f).Extensions, nil
}

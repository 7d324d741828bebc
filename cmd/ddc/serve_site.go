package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"ddc/internal/diagnostic"
	"ddc/site"
	"ddc/site/config"
	"ddc/site/serve"
)

// served is a site that is built whole, into a folder of its own, whenever its
// sources have changed.
type served struct {
	plugins site.Plugins
	options site.Options
	dir     string
	flags   serveFlags
	folder  string
	calls   atomic.Int64
	pages   atomic.Int64

	mu     sync.RWMutex
	config *config.Config
	faults diagnostic.Errors
	names  map[string]bool
	warned []diagnostic.Problem
}

var _ serve.Site = (*served)(nil)

func openServed(s *started, f serveFlags, out *printer) (*served, error) {
	folder, err := s.machine.heir.TempDir(os.TempDir(), "ddc-serve-")
	if err != nil {
		return nil, err
	}
	v := &served{
		plugins: site.Connect(s.onlookers.conns(s.machine.host.Conn)), config: s.config, flags: f, folder: folder,
		options: buildOptions(s.machine, s.onlookers, f.buildFlags, s.times.ofPlugin("sass"), s.remembered, out),
		dir:     s.config.Root,
	}
	progress := v.options.Progress
	v.options.Progress = func(e site.Event) {
		if e.Done {
			v.calls.Add(1)
		}
		if progress != nil {
			progress(e)
		}
	}
	return v, nil
}

func (v *served) close() { _ = os.RemoveAll(v.folder) } // the heir tries again

func (v *served) output() string { return filepath.Join(v.folder, "site") }

func (v *served) Sources() serve.Sources {
	v.mu.RLock()
	defer v.mu.RUnlock()
	s := serve.Sources{Root: v.config.Root, Folders: []string{v.config.Content}}
	for _, name := range []string{"templates", "sass", "static", "data"} {
		s.Folders = append(s.Folders, v.config.Folder(name))
	}
	if v.config.File != "" {
		s.Files = []string{v.config.File}
	}
	return s
}

func (v *served) Refresh(ctx context.Context, changed []string) error {
	v.mu.RLock()
	cfg := v.config
	v.mu.RUnlock()
	if slices.Contains(changed, cfg.File) {
		fresh, err := v.flags.load(v.dir)
		if err != nil {
			return err
		}
		cfg = fresh
	}
	private := *cfg
	private.Output = v.output()
	private.Site.Base = config.Base{} // the server has the site at its root
	result, err := site.Build(ctx, &private, v.plugins, v.options)
	var faults diagnostic.Errors
	if err != nil && !errors.As(err, &faults) {
		return err
	}
	names := map[string]bool{}
	if err == nil {
		v.pages.Add(int64(result.Pages))
		err = filepath.WalkDir(v.output(), func(file string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && d.Name() != ".ddc" {
				names[strings.TrimPrefix(file, v.output()+"/")] = true
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.config, v.faults, v.warned = cfg, faults, nil
	if faults == nil {
		v.names, v.warned = names, result.Warnings
	}
	return nil
}

var hashed = regexp.MustCompile(`\.[0-9acdeo]{12}\.\w+$`)

func (v *served) File(_ context.Context, name string) (serve.File, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.faults != nil && path.Ext(name) == ".html" {
		return serve.File{}, v.faults
	}
	if !v.names[name] {
		return serve.File{}, fs.ErrNotExist
	}
	data, err := os.ReadFile(filepath.Join(v.output(), name))
	f := serve.File{Data: data, Hashed: hashed.MatchString(name)}
	if name == "index.html" {
		f.Warnings = v.warned
	}
	return f, err
}

func (v *served) Routes(context.Context) ([]string, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.faults != nil {
		return nil, v.faults
	}
	var routes []string
	for name := range v.names {
		if path.Base(name) == "index.html" {
			routes = append(routes, "/"+strings.TrimSuffix(name, "index.html"))
		}
	}
	slices.Sort(routes)
	return routes, nil
}

func (v *served) Work() serve.Work {
	return serve.Work{Pages: int(v.pages.Load()), Calls: int(v.calls.Load())}
}

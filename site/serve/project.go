package serve

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ddc/site"
	"ddc/site/config"
)

// Project is a Site that is read from a project's folder. It is opened anew when
// its configuration changes.
type Project struct {
	load    func() (*config.Config, error)
	plugins site.Plugins
	options site.Options
	// folder is a private one: a server writes nothing to the site's output.
	folder string

	// mu is held by those who ask the site, and alone by Refresh while it opens
	// another.
	mu     sync.RWMutex
	config *config.Config
	site   *site.Site // nil until the first Refresh
	before Work       // of sites that are closed
}

var _ Site = (*Project)(nil)

// OpenProject opens the project of a configuration; load reads it again when its
// file has changed. What waits to be served lies in a private folder, which is
// the caller's. The caller closes the project.
func OpenProject(cfg *config.Config, load func() (*config.Config, error), p site.Plugins, o site.Options, folder string) *Project {
	return &Project{load: load, plugins: p, options: o, folder: folder, config: cfg}
}

// Close closes the project's site.
func (p *Project) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closeSite()
}

func (p *Project) closeSite() error {
	if p.site == nil {
		return nil
	}
	p.before = p.work()
	err := p.site.Close()
	p.site = nil
	if err != nil {
		return fmt.Errorf("close the site: %w", err)
	}
	return nil
}

// Sources are the site's folders, the files beside them that it looks for, and
// its configuration.
func (p *Project) Sources() Sources {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s := Sources{Root: p.config.Root}
	if p.config.File != "" {
		s.Files = []string{p.config.File}
	}
	if p.site != nil {
		s.Folders, s.Files = p.site.Folders(), append(s.Files, p.site.Strays()...)
	}
	return s
}

// Prefix is the path that the site's addresses begin with, as its configuration
// has it.
func (p *Project) Prefix() string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.config.Site.Base.Prefix
}

// Refresh takes changes in.
func (p *Project) Refresh(ctx context.Context, paths []string) (changed []string, err error) {
	p.mu.RLock()
	site, configuration := p.site, p.config.File
	p.mu.RUnlock()
	if site == nil || slices.Contains(paths, configuration) {
		return p.open(paths)
	}
	return site.Refresh(ctx, paths...)
}

// open opens the site as its configuration is now. Should it be at fault, what
// was open stays.
func (p *Project) open(paths []string) (changed []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cfg := p.config
	if p.site != nil {
		if cfg, err = p.load(); err != nil {
			return nil, err
		}
	}
	private := *cfg
	private.Output = filepath.Join(p.folder, "site")
	opened, err := site.Open(&private, p.plugins, p.options)
	if err != nil {
		return nil, err
	}
	err = p.closeSite()
	p.config, p.site = cfg, opened
	for _, path := range paths {
		changed = append(changed, told(cfg.Root, path))
	}
	return changed, err
}

// told is how a file is named for people.
func told(root, file string) string {
	relative, err := filepath.Rel(root, file)
	if err != nil || strings.HasPrefix(relative, "..") {
		return file
	}
	return filepath.ToSlash(relative)
}

// File makes a file.
func (p *Project) File(ctx context.Context, name string) (*site.File, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.site == nil {
		return nil, errStarting
	}
	return p.site.File(ctx, name)
}

// Routes are all pages.
func (p *Project) Routes(ctx context.Context) ([]site.Route, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.site == nil {
		return nil, errStarting
	}
	return p.site.Routes(ctx)
}

// Work counts what was done so far.
func (p *Project) Work() Work {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.work()
}

// pageQuery is the query whose values are final pages.
const pageQuery = "final"

func (p *Project) work() Work {
	w := p.before
	if p.site == nil {
		return w
	}
	counts := p.site.Counts()
	w.Pages += counts.Computed[pageQuery]
	for _, calls := range counts.Calls {
		w.Calls += calls
	}
	return w
}

package serve

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"ddc/site"
	"ddc/site/config"
)

// Project is a Site that is read from a project's folder. It is opened anew
// when its configuration changes.
type Project struct {
	load    func() (*config.Config, error)
	plugins site.Plugins
	options site.Options
	memory  Memory // nil for none

	// mu is held by those who ask the site, and alone by Refresh while it opens
	// another.
	mu     sync.RWMutex
	config *config.Config
	site   *site.Site // nil until the first Refresh
	closed func()     // tells memory that it is closed
	before Work       // of sites that are closed
	// doubtful says that nobody knows whether the plugins are the programs that
	// the site takes them for; refused, that these could not be looked at, or
	// may not run.
	doubtful, refused bool
}

var _ Site = (*Project)(nil)

// OpenProject opens the project of a configuration; load reads it again when
// its file has changed. What waits to be served lies in a private folder, which
// is the caller's: a server writes nothing to the site's output. Memory may be
// nil. The caller closes the project.
func OpenProject(cfg *config.Config, load func() (*config.Config, error), p site.Plugins, o site.Options, folder string, memory Memory) *Project {
	o.Unfinished.Beside = filepath.Join(folder, "site")
	return &Project{load: load, plugins: p, options: o, memory: memory, config: cfg, doubtful: true}
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
	p.closed()
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
	for _, e := range p.plugins.Extensions {
		s.Files = append(s.Files, e.Files...)
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
func (p *Project) Refresh(ctx context.Context, paths []string, anywhere bool) (changed []string, err error) {
	p.mu.RLock()
	site := p.site
	alone := p.isOpenedBy(paths) || p.doubtful || len(p.programsAmong(paths)) > 0
	p.mu.RUnlock()
	if alone {
		return p.takeIn(ctx, paths)
	}
	if anywhere {
		return site.Refresh(ctx, paths...)
	}
	return site.RefreshOnly(ctx, paths...)
}

// isOpenedBy says whether a change of those paths has the site opened anew.
func (p *Project) isOpenedBy(paths []string) bool {
	return p.site == nil || slices.Contains(paths, p.config.File)
}

// programsAmong are those of the paths that say which programs the site's own
// plugins are.
func (p *Project) programsAmong(paths []string) (programs []string) {
	for _, path := range paths {
		if slices.ContainsFunc(p.plugins.Extensions, func(e site.Extension) bool {
			return slices.ContainsFunc(e.Files, func(file string) bool { return config.Within(file, path) })
		}) {
			programs = append(programs, path)
		}
	}
	return programs
}

// takeIn takes changes in that are more than the site itself can: while nobody
// asks it, it is opened anew, or its plugins are. Should the configuration be
// at fault, what was open stays.
func (p *Project) takeIn(ctx context.Context, paths []string) (changed []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cfg, anew := p.config, p.isOpenedBy(paths)
	if p.site != nil && anew {
		if cfg, err = p.load(); err != nil {
			return nil, err
		}
	}
	rebuilt, replaced, err := p.renew(ctx, paths)
	if err == nil && anew {
		for _, path := range paths {
			changed = append(changed, told(cfg.Root, path))
		}
		return changed, p.open(ctx, cfg)
	}
	if p.site == nil {
		return nil, err
	}
	if len(rebuilt) > 0 && !replaced {
		p.site.Reprogram(p.plugins.Extensions)
	}
	changed, failure := p.site.Refresh(ctx, paths...)
	if failure == nil && replaced {
		failure = p.open(ctx, cfg) // each of its values may be one of that plugin's
	}
	if err == nil {
		err = failure
	}
	return append(changed, rebuilt...), err
}

// renew has the site's own plugins be what their programs are now. Rebuilt are
// those that have changed, or that were refused so far; replaced says that one
// is in the place of one of ddc's.
func (p *Project) renew(ctx context.Context, paths []string) (rebuilt []string, replaced bool, err error) {
	if p.plugins.Renew == nil {
		p.doubtful = false
		return nil, false, nil
	}
	p.doubtful = true
	now, err := p.plugins.Renew(ctx)
	if err != nil {
		p.refused = true
		return nil, false, err
	}
	for i, e := range now {
		if e.Version != p.plugins.Extensions[i].Version {
			rebuilt = append(rebuilt, told(p.config.Root, e.Files[0]))
			replaced = replaced || e.Client == nil
		}
	}
	if p.refused && len(rebuilt) == 0 {
		for _, path := range p.programsAmong(paths) {
			rebuilt = append(rebuilt, told(p.config.Root, path))
		}
	}
	p.plugins.Extensions, p.doubtful, p.refused = now, false, false
	return rebuilt, replaced, nil
}

// open opens the site of a configuration.
func (p *Project) open(ctx context.Context, cfg *config.Config) error {
	options, closed := p.options, func() {}
	if p.memory != nil {
		closed = p.memory.Open(ctx, cfg, &options)
	}
	opened, err := site.Open(ctx, cfg, p.plugins, options)
	if err != nil {
		closed()
		return err
	}
	err = p.closeSite()
	p.config, p.site, p.closed = cfg, opened, closed
	return err
}

// told is how a file is named for people.
func told(root, file string) string {
	relative, err := filepath.Rel(root, file)
	if err != nil || strings.HasPrefix(relative, "..") {
		return file
	}
	return filepath.ToSlash(relative)
}

// opened asks the site, which stays open meanwhile.
func opened[A any](p *Project, question func(*site.Site) (A, error)) (answer A, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.site == nil {
		return answer, errStarting
	}
	return question(p.site)
}

// File makes a file.
func (p *Project) File(ctx context.Context, name string) (*site.File, error) {
	return opened(p, func(s *site.Site) (*site.File, error) { return s.File(ctx, name) })
}

// Draft is a page as it is likely to be.
func (p *Project) Draft(ctx context.Context, name string) (text string, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.site == nil {
		return "", false
	}
	return p.site.Draft(ctx, name)
}

// Routes are all pages.
func (p *Project) Routes(ctx context.Context) ([]site.Route, error) {
	return opened(p, func(s *site.Site) ([]site.Route, error) { return s.Routes(ctx) })
}

// Absent are those of some addresses at which there is no page.
func (p *Project) Absent(ctx context.Context, addresses []string) ([]string, error) {
	return opened(p, func(s *site.Site) ([]string, error) { return s.Absent(ctx, addresses) })
}

// Check says what is wrong with the pages.
func (p *Project) Check(ctx context.Context) (*site.Checked, error) {
	return opened(p, func(s *site.Site) (*site.Checked, error) { return s.Check(ctx) })
}

// Work counts what was done so far.
func (p *Project) Work() Work {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.work()
}

// Keep keeps what the site knows.
func (p *Project) Keep(ctx context.Context, last bool) (done bool, err error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.site == nil || p.memory == nil {
		return true, nil
	}
	if last { // the answers first: they are soon written, and dear to ask for again
		return true, errors.Join(p.memory.Kept(ctx), p.site.Keep(ctx))
	}
	done, err = p.site.KeepIfIdle(ctx)
	if done && err == nil {
		err = p.memory.Kept(ctx)
	}
	return done, err
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

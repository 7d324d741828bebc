// Package site builds a static site: it drives the plugins through the phases
// of a build and knows nothing of how they are reached.
//
//	plugins := site.Connect(func(name string) grpc.ClientConnInterface { return host.Conn(name) })
//	result, err := site.Build(ctx, cfg, plugins, site.Options{})
//
// The phases, each in a file of its own, and what one hands to the next:
//
//	scan      sources and their texts, the data files, the templates
//	parse     front matter, the tree of sections, HTML of every body; meanwhile samples
//	          are run, pictures encoded, fonts unpacked, style sheets and scripts read
//	render    every page through its template, and what it links to
//	assets    fonts cut down to what the pages show; inlines: styles and scripts in pages
//	links     what leads nowhere
//	finish    pages with marks for the files that they name, minified
//	names     files that the site refers to named by their content, and the marks replaced
//	search    the index over the final pages
//	write     everything put in the place of the last output, in one step
//
// A fault in the site's sources ends the build with Errors, at the end of its
// phase, when all the phase's other faults are known too. The last good output
// stays. The output is a function of the sources (with their modification
// times, if a template shows them, and the time, if one asks for it) and of the
// plugins: neither Jobs nor the order of answers changes a byte of it.
//
// A build holds every page and style sheet in memory, every font unpacked, and
// the pictures that are being encoded, of which Options.Memory bounds the sum;
// a picture's variants are written when all are made, other files copied.
package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"ddc/internal/diagnostic"
	"ddc/internal/query"
	"ddc/site/config"
	"ddc/site/content"
	"ddc/site/output"
	"ddc/site/template"
)

// Options configure a build.
type Options struct {
	// Jobs is how many files are worked on at once, each with one call, or, for
	// a picture, one call for each format. 0 is twice the number of processors,
	// since in a call the host mostly waits.
	Jobs int
	// Memory bounds what pictures and fonts may take at once, in bytes, in this
	// process and the plugins together; 0 is 3 GiB. See admission.go.
	Memory int64
	// Message bounds what one call sends, in bytes; 0 is 256 MiB.
	Message int64
	// Live bounds what is alive on this process's heap, in bytes. Beyond it
	// Abort is called, which must end the build's context with the Errors that
	// it gets. A nil Abort means no bound.
	Live  int64
	Abort func(error)
	// CheckLinks asks external links whether they still answer.
	CheckLinks bool
	// Strict makes broken links errors, and what nobody knows in the
	// configuration and in front matter.
	Strict bool
	// Drafts builds drafts as well.
	Drafts bool
	// SassTime is how long Sass may take to compile; 0 leaves it to the plugin.
	// What takes longer is the site's fault: most likely it has a loop without
	// end.
	SassTime time.Duration
	// Now is what templates take for the time of the build; zero is for the time at which it begins.
	Now time.Time
	// NoCodeExec runs no code samples.
	NoCodeExec bool
	// Answers, if not nil, are those that plugins gave in earlier builds.
	Answers *Answers
	// Changes compares pages with those of the output that is replaced, and
	// fills in Result.Changes. It costs a read of every old page, and a call
	// for each page that differs, up to maxChanges.
	Changes bool
	// Progress, if not nil, hears what the plugins do, one event at a time.
	// Calls wait for it.
	Progress func(Event)
	// TempDir makes a temporary folder in parent for the unfinished output. Its
	// name begins with prefix. nil is os.MkdirTemp.
	TempDir func(parent, prefix string) (string, error)
	// Log, if not nil, gets what code samples print, if the configuration asks
	// for it, and what the output's file system lacks.
	Log *slog.Logger
}

// Result is what a build has made.
type Result struct {
	// Pages counts HTML pages; Files counts all files, pages included.
	Pages, Files int
	Bytes        int64
	// Samples counts the code samples by what confined them, or "cached".
	Samples map[string]int
	// Warnings are sorted by file and line.
	Warnings []Problem
	// Changes lists pages that differ from the previous output, by path, if Options.Changes.
	Changes []Change
}

// build is the state of one build. A field is written in the phase whose file
// defines its type, and only read afterwards.
type build struct {
	Plugins
	cfg     *config.Config
	options Options
	project *content.Project
	stage   *output.Stage
	ask     *query.Ask // what is remembered is asked for through it

	sources   sources
	templates *template.Set
	data      map[string]any
	root      *content.Node
	pages     []*page
	statics   []*static
	// byPath finds a static file by its path below the static folder.
	byPath map[string]*static
	known  map[string]*page
	// absent are the routes of pages that are not built: for a draft its file,
	// for one with faulty front matter nothing.
	absent map[string]string
	// bySource are all pages by the path of their sources, drafts among them.
	bySource map[string]*page
	// beside are the files in the content folder that are no pages.
	beside []content.File
	// asides are what is made of these, by path below the content folder.
	asides map[string]*static
	// inline has the styles and scripts in pages, rewritten; scripts are those
	// that are scripts.
	inline  map[inline]string
	scripts []string

	slots    chan struct{}
	memory   *semaphore.Weighted
	textRoom *semaphore.Weighted // see admit
	progress sync.Mutex

	mu       sync.Mutex
	problems []Problem
	// unresolved are references of which nobody knows yet whether they are dead.
	unresolved []unknownReference
	warnings   []Problem
	wardens    map[string]int // of code samples
	hashed     map[string]bool
	held       int64              // bytes of sources
	longest    hand               // of the sources
	hands      map[*hand]struct{} // what is worked on
}

// Build makes the site that cfg describes. The error is Errors if the site is
// at fault; then the result has only the warnings. Any other error says that
// the machinery failed or ctx ended.
func Build(ctx context.Context, cfg *config.Config, p Plugins, o Options) (*Result, error) {
	if o.Jobs <= 0 {
		o.Jobs = 2 * runtime.GOMAXPROCS(0)
	}
	if o.Memory <= 0 {
		o.Memory = defaultMemory
	}
	if o.Message <= 0 {
		o.Message = defaultMessage
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &build{Plugins: p, cfg: cfg, options: o,
		slots: make(chan struct{}, o.Jobs), memory: semaphore.NewWeighted(o.Memory), textRoom: semaphore.NewWeighted(o.Memory / textsShare),
		hashed: map[string]bool{}, hands: map[*hand]struct{}{}}
	defer b.guard().Stop()
	project, err := content.Open(b.folder())
	if err != nil {
		return nil, Errors{{File: cfg.Root, Message: err.Error(), Hint: "check the folder's permissions"}}
	}
	defer project.Close()
	b.project = project
	if err := b.checkOutput(); err != nil {
		return nil, err
	}
	if b.stage, err = output.Begin(cfg.Output, o.TempDir); err != nil {
		if errors.Is(err, output.ErrForeign) {
			return nil, Errors{{File: cfg.Output, Message: "the output folder is not empty and was not made by ddc",
				Hint: "choose another with -o, or empty it"}}
		}
		return nil, fmt.Errorf("prepare the output: %w", err)
	}
	defer b.stage.Abort()
	result, err := b.remembering(ctx)
	var faults Errors
	if errors.As(err, &faults) {
		b.quote(faults)
		result, err = &Result{Warnings: b.told()}, faults
	}
	return result, err
}

// remembering runs the build with what is remembered, if anything is.
func (b *build) remembering(ctx context.Context) (result *Result, err error) {
	if b.options.Answers == nil {
		return b.run(ctx)
	}
	err = b.options.Answers.engine.Run(ctx, func(ctx context.Context, ask *query.Ask) (err error) {
		b.ask = ask
		result, err = b.run(ctx)
		return err
	})
	return result, err
}

// told are the warnings so far.
func (b *build) told() []Problem {
	b.mu.Lock()
	defer b.mu.Unlock()
	warnings := diagnostic.Sorted(b.warnings)
	b.quote(warnings)
	return warnings
}

func (b *build) run(ctx context.Context) (*Result, error) {
	if err := b.phase(ctx, b.scan); err != nil {
		return nil, err
	}
	if err := b.fronts(ctx); err != nil {
		return nil, err
	}
	if err := b.phase(ctx, b.parse, b.readStatics); err != nil {
		return nil, b.andLinks(ctx, err, b.render)
	}
	if err := b.phase(ctx, b.render); err != nil {
		return nil, b.andLinks(ctx, err)
	}
	if err := b.phase(ctx, b.cutFonts, b.inlines); err != nil {
		return nil, b.andLinks(ctx, err)
	}
	if err := b.phase(ctx, b.finish, b.links); err != nil {
		return nil, err
	}
	if err := b.phase(ctx, b.names); err != nil {
		return nil, err
	}
	var changes []Change
	findChanges := func(ctx context.Context) (err error) {
		changes, err = b.changes(ctx)
		return err
	}
	if err := b.phase(ctx, b.search, findChanges); err != nil {
		return nil, err
	}
	if err := b.write(); err != nil {
		return nil, err
	}
	for _, note := range b.stage.Notes() {
		b.options.Log.Info(note)
	}
	files, bytes := b.stage.Written()
	return &Result{Pages: len(b.pages), Files: files, Bytes: bytes, Samples: b.wardens, Warnings: b.told(), Changes: changes}, nil
}

// folder is the folder that a build may read: the project, or, if -c names a
// content folder elsewhere, that folder's parent.
func (b *build) folder() string {
	if config.Within(b.cfg.Root, b.cfg.Content) {
		return b.cfg.Root
	}
	return filepath.Dir(b.cfg.Content)
}

// sourceFolders are the folders that a site is made of, beside its content.
var sourceFolders = [...]string{"templates", "sass", "static", "data"}

// checkOutput refuses an output folder that would replace sources, or be read
// as a source.
func (b *build) checkOutput() error {
	output := resolved(b.cfg.Output)
	sources := []string{b.cfg.Content}
	for _, name := range sourceFolders {
		sources = append(sources, b.cfg.Folder(name))
	}
	for _, source := range sources {
		source = resolved(source)
		if config.Within(output, source) || config.Within(source, output) {
			return Errors{{File: b.cfg.Output, Message: "the output folder would replace or lie in the sources in " + source,
				Hint: "choose another with -o, or \"output\" in " + config.Name}}
		}
	}
	if config.Within(output, resolved(b.folder())) || b.cfg.File != "" && config.Within(output, resolved(b.cfg.File)) {
		return Errors{{File: b.cfg.Output, Message: "the output folder would replace the project",
			Hint: "choose another with -o, or \"output\" in " + config.Name}}
	}
	return nil
}

// resolved follows the links in the part of a path that exists.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolved(parent), filepath.Base(path))
}

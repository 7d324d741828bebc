package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"ddc/internal/activity"
	"ddc/internal/diagnostic"
	"ddc/internal/printable"
	"ddc/site"
	"ddc/site/config"
	"ddc/site/serve"
)

const serveHelp = `Show the site in DIR in a browser while you write it. Each save is seen at once:
the open pages change in place, and keep their scroll position and what was typed
into them. What is shown is what "ddc build" would write, but for one script.

A fault in the site is shown over the page, on top of its last good version, and
goes when it is mended. Dead links are marked. Nothing is written to the output
folder.

Code samples are not run, unless --code-exec says so: a site may come from
anybody, and a save should not run what it says.

Only this machine can see the site. --host names another address to listen on, or
a name by which the server is asked: --host 0.0.0.0 shows it to the network.
Without --port it is 8080, or the next that is free.`

// serveFlags are those of ddc serve, besides those of a build.
type serveFlags struct {
	buildFlags
	port      int
	portGiven bool
	hosts     []string
	open      bool
	poll      bool
	codeExec  bool
}

func newServe() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:     "serve [DIR]",
		Short:   "Show a site while it is written",
		Long:    serveHelp,
		Example: "  ddc serve my-site\n  ddc serve my-site --port 3000 --open",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: outermost(func(c *cobra.Command, args []string) error {
			dir := folderIn(args)
			f.portGiven = c.Flags().Changed("port")
			return show(c.Context(), dir, f, printerOf(c, f.buildFlags))
		}),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.IntVarP(&f.port, "port", "p", defaultPort, "port to listen on; 0 for any")
	flags.StringSliceVar(&f.hosts, "host", nil, "address to listen on, instead of this machine's own; or another name of the server")
	flags.BoolVar(&f.open, "open", false, "open the site in a browser")
	flags.BoolVar(&f.codeExec, "code-exec", false, "run code samples")
	flags.BoolVar(&f.poll, "poll", false, "look for changes twice a second, where the file system does not tell of them")
	f.register(c)
	return c
}

// show serves a site until it is interrupted, which is how a server ends.
func show(ctx context.Context, dir string, f serveFlags, out *printer) error {
	begun := time.Now()
	if f.port < 0 || f.port > 65535 {
		return usagef("--port %d: a number up to 65535", f.port)
	}
	f.noCodeExec = f.noCodeExec || !f.codeExec
	door, err := listen(ctx, f, out)
	if err != nil {
		return err
	}
	calls := activity.New()
	s, err := start(ctx, dir, f.buildFlags, calls, out)
	if err != nil {
		return errors.Join(err, door.close())
	}
	r := report{config: s.config, wake: s.choice.all, transport: s.machine.host.Transport(), plugins: []pluginReport{}, hangs: []hangReport{}}
	r.err = serveWith(s, f, door, calls, out, begun)
	r.hangs, r.err = s.onlookers.over(r.err)
	// What was answered is kept by now, as far as there was time for it.
	r.err = errors.Join(r.err, s.remembered.close(ctx, false, out.logger))
	r.err = errors.Join(r.err, s.machine.stop(s.onlookers.ctx))
	r.err = errors.Join(r.err, s.onlookers.stop(&r, out.logger))
	if r.err != nil {
		return out.printError(context.WithoutCancel(ctx), r.err)
	}
	return nil
}

func serveWith(s *started, f serveFlags, door *door, calls *activity.Activity, out *printer, begun time.Time) (err error) {
	w := s.onlookers
	folder, err := s.machine.heir.TempDir(os.TempDir(), "ddc-serve-")
	if err != nil {
		return errors.Join(err, door.close())
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	current := s.config
	load := func() (*config.Config, error) {
		cfg, err := f.load(s.config.Root)
		if err == nil {
			err = s.own.unchanged(cfg)
		}
		if err == nil {
			current = cfg
		}
		return cfg, err
	}
	if f.allPlugins {
		if err := s.machine.host.Start(w.ctx, s.own.names()...); err != nil {
			return errors.Join(err, door.close())
		}
	}
	plugins := s.plugins(f.buildFlags)
	if len(s.own) > 0 {
		plugins.Renew = func(ctx context.Context) ([]site.Extension, error) { return s.renew(ctx, current, f.buildFlags) }
	}
	project := serve.OpenProject(s.config, load, plugins, s.options(f.buildFlags, out), folder, s.memory())
	defer func() { err = errors.Join(err, project.Close()) }()
	door.url += strings.TrimPrefix(s.config.Site.Base.Prefix+"/", "/")
	server := serve.New(project, serve.Options{
		Hosts: f.hosts, Differ: plugins.HtmlDiff, Poll: f.poll, Calls: calls, Log: out.logger, Said: out.change,
		Ready: sync.OnceFunc(func() { ready(w.ctx, door, f, out, time.Since(begun)) }),
	})
	err = server.Run(w.ctx, door.listeners...)
	if cause := context.Cause(w.ctx); err == nil && !errors.Is(cause, context.Canceled) {
		return cause // the watchdog's
	}
	return err
}

// memory is what a server remembers; nil for nothing.
func (s *started) memory() serve.Memory {
	if s.remembered == nil {
		return nil
	}
	s.remembered.atOnce = true
	return s.remembered
}

// ready says where the site is.
func ready(ctx context.Context, door *door, f serveFlags, out *printer, took time.Duration) {
	if !out.quiet {
		if out.json {
			_ = printJSON(out.stdout, map[string]any{"event": "ready", "url": door.url, "ms": took.Milliseconds()}) // as below
		} else {
			fmt.Fprintf(out.stdout, "%s is ready, in %s. Ctrl-C ends it.\n", door.url, duration(took)) // standard output that is gone does not end a server
		}
	}
	if f.open {
		openBrowser(ctx, door.url, out)
	}
}

// openBrowser asks the desktop to open an address. The browser that this starts
// is none of our processes; the program that asks for it ends at once.
func openBrowser(ctx context.Context, address string, out *printer) {
	if err := exec.CommandContext(ctx, "xdg-open", address).Run(); err != nil {
		out.logger.Warn("no browser could be opened", "cause", err)
	}
}

// change prints what came of a change: a line, and what is wrong.
func (p *printer) change(c serve.Change) {
	p.endProgress()
	if p.json {
		p.changeJSON(c)
		return
	}
	for _, w := range c.Warnings {
		p.stderr.problem(diagnostic.Warning, w)
	}
	for _, fault := range c.Faults {
		p.stderr.problem(diagnostic.Error, fault)
	}
	if c.Err != nil {
		p.stderr.problem(diagnostic.Error, diagnostic.Problem{Message: c.Err.Error()})
	}
	if len(c.Files) > 0 && !p.quiet {
		fmt.Fprintf(p.stdout, "%s: %s, %s, %d ms\n", printable.Line(listed(c.Files)), printable.Count(c.Work.Pages, "page"), printable.Count(c.Work.Calls, "call"), c.Took.Milliseconds())
	}
}

func (p *printer) changeJSON(c serve.Change) {
	faults := problems(c.Faults)
	if c.Err != nil {
		faults = append(faults, problemsOf(c.Err)...)
	}
	_ = printJSON(p.stdout, struct { // a reader that has gone does not end a server
		Event    string               `json:"event"`
		Files    []string             `json:"files"`
		Pages    int                  `json:"pages"`
		Calls    int                  `json:"calls"`
		MS       int64                `json:"ms"`
		Warnings []diagnostic.Problem `json:"warnings"`
		Errors   []diagnostic.Problem `json:"errors"`
	}{"change", append([]string{}, c.Files...), c.Work.Pages, c.Work.Calls, c.Took.Milliseconds(), problems(c.Warnings), faults})
}

// mostListed bounds how many changed files are named.
const mostListed = 3

func listed(files []string) string {
	if len(files) <= mostListed {
		return strings.Join(files, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(files[:mostListed], ", "), len(files)-mostListed)
}

// isAddress says whether a --host is something to listen on.
func isAddress(host string) bool { return net.ParseIP(host) != nil }

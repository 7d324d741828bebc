package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"ddc/internal/activity"
	"ddc/internal/diagnostic"
	"ddc/plugin/host"
	"ddc/plugin/spec"
	"ddc/plugin/watch"
	"ddc/site"
	"ddc/site/config"
	"ddc/transport/hub"
	"ddc/wake"
	"ddc/wake/strategy"
)

const buildHelp = `Build the site in DIR (or the folder above it that has .config/dodeca.kdl; by
default the working directory).

The output is written beside its place and swapped in at the end: a build that
fails leaves the last good site as it was. The same sources give the same
bytes, whatever the strategy, the transport or the number of jobs.

--wake names the strategy of all plugins, and NAME=STRATEGY that of one:
--wake futex,fonts=pipe. Without it $DDC_WAKE counts, then the configuration's
"wake", then futex. With --transport inproc the plugins run in this process and
nobody wakes anybody: a hang that stays was never a lost wake-up. With --transport
grpc each plugin is a process as ever, and is called by ordinary gRPC over a socket:
a hang that stays was never the shared memory's. For both, --wake, --spin, --isolate
and --on-hang mean nothing, and "ddc inspect" finds nothing to look at.

A link that lies still over work that nobody will be woken for is reported: what
is wrong, and the link's last events, go into a file, and the build ends with
exit code 3 (--on-hang). "ddc inspect" sees the same from outside.

A plugin that dies, or does not answer within --call-timeout, is started again,
and its calls are made again. A call that a plugin has died of three times, or has
hung in twice, ends the build, and the error names it. Pictures that could not be worked on within
--memory-limit go without the variants that are too large, with a warning.

What was made is remembered in .cache/answers of the project, or in the folder
that $DDC_CACHE names ("off" for none), and is not made again while what it was
made of, the settings and the tools are the same: up to 1 GiB for pages, and as
much for what plugins have answered. "ddc clean --cache" forgets it, --no-cache
does without.

Each plugin runs in a sandbox, and each code sample in a narrower one. A layer of
it that the kernel does not have is left out (-v and --json say which hold); one
that it has and that cannot be applied ends the build with exit code 3. What the
configuration names as cache_dir, or as the path of a dependency, must lie in the
project, or in a folder listed in $DDC_ALLOW_OUTSIDE. $DDC_SAMPLES_WRITE lists
folders that samples may write to besides their own.`

// buildFlags are the flags of ddc build.
type buildFlags struct {
	siteFlags
	confineFlags
	transportFlags
	jobs               int
	memoryLimit        string
	callTimeout        string
	replicas           string
	allPlugins         bool
	checkLinks, strict bool
	noCodeExec         bool
	noCache, noSearch  bool
	json               bool
	verbose, quiet     bool
	onHang, trace      string
	hangAfter          time.Duration
}

// confineFlags say what plugins may do.
type confineFlags struct {
	noSandbox, isolate bool
	allow              []string
}

// siteFlags say what is built, and where it will be reached.
type siteFlags struct {
	content, output, baseURL string
	drafts                   bool
	// dry says that nothing is written.
	dry bool
}

// transportFlags say how plugins are reached.
type transportFlags struct {
	wake, transport, spin string
	remoteFlags
}

// transports are what may carry the calls.
var transports = []string{"shm", "inproc", "grpc"}

// hasHub says whether a build has shared memory, and so wake-ups.
func (f transportFlags) hasHub() bool { return f.transport == "shm" }

func newBuild() *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use:     "build [DIR]",
		Short:   "Build a site",
		Long:    buildHelp,
		Example: "  ddc build docs -o /tmp/out --no-code-exec\n  ddc build --wake eventfd,image=futex --spin off -v",
		Args:    usage(cobra.MaximumNArgs(1)),
		RunE: outermost(func(c *cobra.Command, args []string) error {
			dir := folderIn(args)
			return build(c.Context(), dir, f, printerOf(c, f))
		}),
	}
	f.register(c)
	return c
}

// register gives a command the flags of a build.
func (f *buildFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.content, "content", "c", "", "folder of the pages, instead of the configuration's")
	flags.StringVarP(&f.output, "output", "o", "", "folder to write to, instead of the configuration's")
	flags.StringVar(&f.wake, "wake", "", "wake strategy: "+strings.Join(strategy.Names(), ", ")+"; NAME=STRATEGY for one plugin")
	flags.StringVar(&f.transport, "transport", "shm", "what carries the calls: shm, inproc or grpc")
	flags.StringVar(&f.spin, "spin", "auto", "how long to spin before sleeping: auto, off or a duration such as 20us")
	f.remoteFlags.register(flags)
	flags.IntVarP(&f.jobs, "jobs", "j", 0, "calls under way at once; 0 for twice the processors")
	flags.StringVar(&f.replicas, "replicas", "", "how many processes of a plugin may run, such as minify=2,image=3; by default as\nmany as there are processors, of those plugins that others wait for")
	flags.StringVar(&f.memoryLimit, "memory-limit", "", "what the build and all that it starts may take, such as 2GiB; by default\nthe limit of the control group, or 4GiB")
	flags.StringVar(&f.callTimeout, "call-timeout", "", "how long a plugin may take to answer, such as 5m, before it is restarted;\nNAME=TIME for one plugin; by default minutes, by plugin")
	flags.BoolVar(&f.allPlugins, "all-plugins", false, "start all plugins at once, not with their first calls")
	flags.BoolVar(&f.checkLinks, "check-links", false, "ask external links whether they still answer")
	flags.BoolVar(&f.strict, "strict", false, "make broken links errors, and settings and keys that nobody knows")
	flags.BoolVar(&f.drafts, "drafts", false, "build drafts as well")
	flags.StringVar(&f.baseURL, "base-url", "", "where the site will be reached, such as https://example.org/blog or /blog,\ninstead of the configuration's base_url")
	flags.BoolVar(&f.noCodeExec, "no-code-exec", false, "run no code samples")
	flags.BoolVar(&f.noSearch, "no-search", false, "make no index for searching the site")
	flags.BoolVar(&f.noCache, "no-cache", false, "remember nothing from build to build")
	flags.StringArrayVar(&f.allow, "allow", nil, "run the site's own plugins of these names (NAME,...); NAME=RIGHT,... lets one do\nmore than compute: net, run, read:PATH, write:PATH, env:NAME")
	flags.BoolVar(&f.noSandbox, "no-sandbox", false, "let plugins, and the programs they start, do whatever you may")
	flags.BoolVar(&f.isolate, "isolate", false, "give each plugin shared memory of its own, out of the others' reach")
	flags.BoolVar(&f.json, "json", false, "print one JSON object on standard output")
	flags.StringVar(&f.onHang, "on-hang", string(watch.AbortHang), "when a link hangs, once it is reported: report and wait on, abort, or rescue (ring again)")
	flags.DurationVar(&f.hangAfter, "hang-after", 0, "how long a lost wake-up must last before it is reported; 0 for 5s")
	flags.StringVar(&f.trace, "trace", "", "write calls, waits and wake-ups to FILE, for ui.perfetto.dev")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say more: what plugins log, what each did, which pages changed")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "say only what is wrong: warnings and errors")
	complete(c)
}

// check says what is wrong with the flags themselves.
func (f buildFlags) check() error {
	if f.jobs < 0 {
		return usagef("--jobs %d: a number from 1, or 0 for the default", f.jobs)
	}
	if f.quiet && f.verbose {
		return usagef("--quiet and --verbose: leave one of the two out")
	}
	if !slices.Contains(transports, f.transport) {
		return usagef("--transport %q is none of %s", f.transport, strings.Join(transports, ", "))
	}
	if f.isolate && f.trace != "" {
		return usagef("--trace follows one hub, and with --isolate each plugin has its own: leave one of the two out")
	}
	if err := f.checkWatch(); err != nil {
		return err
	}
	if _, err := f.places(); err != nil {
		return err
	}
	if f.wake == "" {
		return nil
	}
	if _, err := parseWake(f.wake, nil); err != nil {
		return usagef("--wake: %w", err)
	}
	return nil
}

// load reads the configuration, and puts the flags in the place of its
// settings.
func (f siteFlags) load(dir string) (*config.Config, error) {
	o := config.Overrides{Content: f.content, Output: f.output}
	if f.baseURL != "" {
		var err error
		if o.Base, err = config.ParseBase(f.baseURL); err != nil {
			return nil, usagef("--base-url %q %w", f.baseURL, err)
		}
	}
	cfg, err := config.Load(dir, o)
	if err != nil {
		return nil, loadError(err)
	}
	return cfg, nil
}

// build runs one build and prints its result.
func build(ctx context.Context, dir string, f buildFlags, out *printer) error {
	begun := time.Now()
	s, err := start(ctx, dir, f, nil, out)
	if err != nil {
		return err
	}
	m, w, cfg := s.machine, s.onlookers, s.config
	r := report{config: cfg, own: s.own, wake: s.choice.all, transport: m.host.Transport(), memory: m.keeper()}
	r.result, r.err = buildWith(s, f, out)
	r.plugins, r.layers = statsOf(m.host)
	r.callTimes = s.clock.times()
	r.sandbox = f.held(s.on, r.layers)
	r.hangs, r.err = w.over(r.err)
	r.answers = s.remembered.counts()
	r.err = errors.Join(r.err, s.remembered.close(w.ctx, m.abandoned, out.logger))
	r.err = errors.Join(r.err, m.stop(w.ctx))
	r.peakMemory, r.took = m.peak, time.Since(begun)
	r.err = errors.Join(r.err, w.stop(&r, out.logger))
	return out.finished(ctx, r)
}

// started is all that a build, or a server, needs.
type started struct {
	config     *config.Config
	own        ownPlugins
	choice     wakeChoice
	times      callTimes
	on         spec.Site
	machine    *machine
	onlookers  *onlookers
	remembered *remembrance
	clock      *callClock // nil without --json
}

// start reads the configuration and starts what a build runs on. Its errors
// have been reported, or are for the caller to return. If calls is not nil,
// what looks at the plugins from time to time rests while there are none.
func start(ctx context.Context, dir string, f buildFlags, calls *activity.Activity, out *printer) (*started, error) {
	if err := errors.Join(f.check(), checkFolder(dir, f.content, f.output, f.trace)); err != nil {
		return nil, err
	}
	if err := leaveFolder(); err != nil {
		return nil, err
	}
	spin, err := wake.ParseSpin(f.spin)
	if err != nil {
		return nil, usageError{err}
	}
	s := &started{}
	if s.config, err = f.load(dir); err != nil {
		return nil, out.failed(ctx, err)
	}
	if s.choice, err = chooseWake(f.wake, os.Getenv("DDC_WAKE"), s.config); err != nil {
		return nil, out.failed(ctx, err)
	}
	if s.own, err = f.ownPlugins(s.config); err != nil {
		return nil, out.failed(ctx, err)
	}
	command, err := self()
	if err != nil {
		return nil, out.failed(ctx, err)
	}
	shares, err := shareMemory(f.memoryLimit)
	if err != nil {
		return nil, usagef("--memory-limit: %w", err)
	}
	replicas, err := parseReplicas(f.replicas, shares)
	if err != nil {
		return nil, usagef("--replicas: %w", err)
	}
	if s.times, err = parseCallTimes(f.callTimeout, namesOf(s.config)); err != nil {
		return nil, usagef("--call-timeout: %w", err)
	}
	s.on = siteOf(s.config, jobsOf(f))
	options := host.Options{
		CallTimeout: s.times.all, CallTimeoutOf: s.times.withDefaults(s.on),
		Command: command, Wake: s.choice.all, WakeOf: s.choice.of, Spin: spin,
		Calls:  host.Calls{Replicas: replicas, Then: thenOf},
		Logger: out.logger, Level: out.level, Isolate: f.isolate || s.own.apart(f), Hub: hub.Options{Trace: f.trace != ""}, GRPC: f.transport == "grpc",
	}
	if options.Confine, err = f.confinement(s.on); err != nil {
		return nil, out.failed(ctx, err)
	}
	s.own.into(&options)
	if err := passOn(out.logger); err != nil {
		return nil, out.failed(ctx, err)
	}
	if f.transport == "inproc" {
		options.Local = openService
		slog.SetDefault(out.logger) // services log as if they had a process to themselves
	}
	if err := s.run(ctx, f, options, shares, calls, out); err != nil {
		return nil, out.failed(ctx, err)
	}
	return s, nil
}

// run starts the plugins' host, and what looks at it.
func (s *started) run(ctx context.Context, f buildFlags, options host.Options, shares memoryShares, calls *activity.Activity, out *printer) error {
	r, err := connectRemotes(ctx, &f.remoteFlags, shares, func(name string) time.Duration { return cmp.Or(options.CallTimeoutOf[name], s.times.ofPlugin(name)) })
	if err != nil {
		return err
	}
	options.Calls.Remote = r.plugin
	if f.json && calls == nil { // a build, not a server
		s.clock = &callClock{}
		options.Calls.Unary = []grpc.UnaryClientInterceptor{s.clock.measure}
	}
	if s.machine, err = startMachine(options, s.config.Output, shares, calls, out.logger); err != nil {
		return errors.Join(err, r.close())
	}
	s.machine.remotes = r
	if s.onlookers, err = startWatch(ctx, f, s.machine.host, calls, out); err != nil {
		return errors.Join(err, s.machine.stop(ctx))
	}
	s.remembered = remember(s.onlookers.ctx, s.config, f.noCache, answerers{r, s.own, f.noSandbox}, out.logger)
	return nil
}

func buildWith(s *started, f buildFlags, out *printer) (*site.Result, error) {
	m, w := s.machine, s.onlookers
	if f.allPlugins {
		if err := m.host.Start(w.ctx, s.own.names()...); err != nil {
			return nil, err
		}
	}
	defer out.endProgress()
	options := s.options(f, out)
	closed := s.remembered.Open(w.ctx, s.config, &options)
	if options.IsCold() {
		m.host.Ahead(first)
	}
	result, ended, err := orAbandon(w.ctx, unwind, func() (*site.Result, error) {
		return site.Build(w.ctx, s.config, s.plugins(f), options)
	})
	if m.abandoned = !ended; ended {
		closed()
	}
	return result, err
}

// plugins are those that a site is built with.
func (s *started) plugins(f buildFlags) site.Plugins {
	conn := s.onlookers.conns(s.machine.host.Conn)
	all := site.Connect(conn)
	all.Extensions = s.own.extensions(conn, f.noSandbox)
	return all
}

func (s *started) options(f buildFlags, out *printer) site.Options {
	m, w := s.machine, s.onlookers
	return site.Options{
		Jobs: f.jobs, CheckLinks: f.checkLinks, Strict: f.strict, Drafts: f.drafts, Dry: f.dry, NoCodeExec: f.noCodeExec, NoSearch: f.noSearch, Changes: f.verbose, SassTime: s.times.ofPlugin("sass") / 2,
		Memory: m.shares.work, Limit: m.shares.limit, Answers: s.remembered.answers(), Message: int64(m.shares.requests().Bytes), Heap: site.Heap{Live: m.shares.live, Abort: w.abort},
		Unfinished: site.Unfinished{TempDir: m.heir.TempDir, Room: m.shares.room}, Progress: out.progress(), Steps: out.steps(), Log: out.logger,
	}
}

// held describes, for people, what confines the plugins.
func (f buildFlags) held(on spec.Site, layers host.Layers) string {
	switch {
	case f.transport == "inproc":
		return "none (plugins run in this process)"
	case f.noSandbox:
		return "none (--no-sandbox)"
	}
	return layers.String() + "; " + confinements(on)
}

// loadError marks errors of loading as the site's or the caller's fault.
func loadError(err error) error {
	if errors.Is(err, config.ErrNotFound) || errors.As(err, new(diagnostic.Errors)) {
		return err
	}
	return pathError(err)
}

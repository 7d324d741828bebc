package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"ddc/internal/activity"
	"ddc/plugin/host"
	"ddc/plugin/remote"
	"ddc/plugin/spec"
	"ddc/plugin/watch"
	"ddc/wake"
)

const workerHelp = `Run plugins for builds on other machines. A build calls them with --remote:

  ddc worker --listen :7443 --plugins image,webp,jxl --tls /etc/ddc
  ddc build my-site --remote image,webp,jxl=dns:///workers:7443 --tls ~/.ddc

The name of a target may stand for any number of workers: calls go to those that
are well, and are made again elsewhere if one ends. Start as many as there is work
for, by whatever runs your containers: deploy/ of the repository has the files for
Kubernetes.

Each plugin is a process in a sandbox, as in a build. Off this machine both ends
show certificates that the other's ca.crt has signed; whoever it has signed may
call. --listen unix:PATH is a socket for this user alone.

Workers and builds must be the same program, with the same external tools: so the
site comes out the same, wherever a call was made. Others are refused.

SIGTERM ends a worker: it says that it is not well (gRPC's health service), takes
no more calls, and gives those under way the time of --drain.`

// workerFlags are those of ddc worker.
type workerFlags struct {
	listen      string
	plugins     []string
	tls         tlsFlags
	jobs        int
	memoryLimit string
	callTimeout string
	wake        string
	drain       time.Duration
	noSandbox   bool
	verbose     bool
	quiet       bool
	json        bool
}

// mostDrain bounds --drain: the process waits no longer than this for its own
// end.
const mostDrain = time.Hour

func newWorker() *cobra.Command {
	var f workerFlags
	c := &cobra.Command{
		Use:     "worker --listen ADDRESS --plugins NAME,NAME",
		Short:   "Run plugins for builds on other machines",
		Long:    workerHelp,
		Example: "  ddc worker --listen unix:/run/ddc.sock --plugins image",
		Args:    usage(cobra.NoArgs),
		RunE: outermost(func(c *cobra.Command, _ []string) error {
			return work(c.Context(), f, newPrinter(screenOf(c.OutOrStdout()), screenOf(c.ErrOrStderr()), buildFlags{json: f.json, verbose: f.verbose, quiet: f.quiet}))
		}),
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.listen, "listen", "", "address to listen on, HOST:PORT or unix:PATH")
	flags.StringSliceVar(&f.plugins, "plugins", nil, "the plugins to run, by name")
	f.tls.register(flags)
	flags.IntVarP(&f.jobs, "jobs", "j", 0, "calls under way at once; 0 for twice the processors")
	flags.StringVar(&f.memoryLimit, "memory-limit", "", "what the worker and all that it starts may take, such as 2GiB; by default\nthe limit of the control group, or 4GiB")
	flags.StringVar(&f.callTimeout, "call-timeout", "", "how long a plugin may take to answer, as for a build")
	flags.StringVar(&f.wake, "wake", "", "wake strategy between the worker and its plugins, as for a build")
	flags.DurationVar(&f.drain, "drain", 30*time.Second, "how long calls under way may take once the worker is to end")
	flags.BoolVar(&f.noSandbox, "no-sandbox", false, "let plugins, and the programs they start, do whatever you may")
	flags.BoolVar(&f.json, "json", false, "print one JSON object on standard output once the worker is ready")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say more: each call, and what plugins log")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "say only what is wrong")
	c.AddCommand(newWorkerHealth())
	return c
}

// newWorkerHealth is for probes that cannot show a certificate.
func newWorkerHealth() *cobra.Command {
	var certificates tlsFlags
	var limit time.Duration
	c := &cobra.Command{
		Use:     "health TARGET",
		Short:   "Ask a worker whether it is well",
		Long:    "Ask a worker whether it is well, by gRPC's health service. It is if the exit code\nis 0. TARGET is as for --remote of a build.",
		Example: "  ddc worker health --tls /etc/ddc dns:///localhost:7443",
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			files, err := certificates.files()
			if err != nil {
				return err
			}
			if err := remote.CheckTarget(args[0], files != nil); err != nil {
				return usageError{plainHint(err)}
			}
			ctx, cancel := context.WithTimeout(c.Context(), limit)
			defer cancel()
			return remote.Check(ctx, args[0], files)
		},
	}
	certificates.register(c.Flags())
	c.Flags().DurationVar(&limit, "within", 3*time.Second, "how long the worker may take to answer")
	return c
}

func (f *workerFlags) check() error {
	switch {
	case f.listen == "":
		return usagef("--listen is missing: HOST:PORT or unix:PATH")
	case len(f.plugins) == 0:
		return usagef("--plugins is missing: the plugins to run, such as image,webp,jxl")
	case f.drain < 0 || f.drain > mostDrain:
		return usagef("--drain %v: a time up to %v", f.drain, mostDrain)
	case f.jobs < 0:
		return usagef("--jobs %d: a number from 1, or 0 for the default", f.jobs)
	}
	return nil
}

// work runs a worker until ctx is done.
func work(ctx context.Context, f workerFlags, out *printer) error {
	if err := f.check(); err != nil {
		return err
	}
	names, err := remotable("--plugins", f.plugins)
	if err != nil {
		return err
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	files, err := f.tls.files()
	if err != nil {
		return err
	}
	options, shares, err := f.hostOptions(out)
	if err != nil {
		return err
	}
	l, err := remote.Listen(f.listen, files != nil)
	if err != nil {
		if errors.Is(err, remote.ErrPlain) {
			return usagef("--listen: %w", plainHint(err))
		}
		if errors.As(err, new(*net.AddrError)) {
			return usagef("--listen: %w: write HOST:PORT or unix:PATH", err)
		}
		return pathError(err)
	}
	calls := activity.New()
	options.Calls.Unary = append(options.Calls.Unary, counting(calls))
	m, err := startMachine(options, "", shares, calls, out.logger)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server, err := newServer(f, files, m, names, out.logger)
	if err != nil {
		return errors.Join(err, l.Close(), m.stop(context.Background()))
	}
	dog := watch.Start(m.host, watch.Options{
		Calls: calls, OnHang: watch.ReportHang, Say: func(line string) { out.logger.Warn(line) },
	})
	err = errors.Join(f.ready(l.Addr(), names, out), server.Serve(ctx, l))
	dog.Stop()
	reports, _ := statsOf(m.host)
	err = errors.Join(err, m.stop(context.WithoutCancel(ctx)))
	for _, p := range reports {
		out.logger.Info("plugin", "name", p.Name, "calls", p.Calls, "errors", p.Errors, "restarts", p.Restarts)
	}
	if err != nil {
		return out.printError(context.WithoutCancel(ctx), err)
	}
	return nil
}

// counting says that somebody works while a call is under way.
func counting(calls *activity.Activity) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		calls.Begin()
		defer calls.End()
		return invoke(ctx, method, request, reply, conn, opts...)
	}
}

// hostOptions are those of the plugins' host.
func (f *workerFlags) hostOptions(out *printer) (o host.Options, shares memoryShares, err error) {
	if err := leaveFolder(); err != nil {
		return o, shares, err
	}
	if shares, err = shareMemory(f.memoryLimit); err != nil {
		return o, shares, usagef("--memory-limit: %w", err)
	}
	times, err := parseCallTimes(f.callTimeout, pluginNames())
	if err != nil {
		return o, shares, usagef("--call-timeout: %w", err)
	}
	o = host.Options{Wake: "", Spin: wake.SpinAuto, Logger: out.logger, Level: out.level}
	if f.wake != "" {
		choice, err := parseWake(f.wake, pluginNames())
		if err != nil {
			return o, shares, usagef("--wake: %w", err)
		}
		o.Wake, o.WakeOf = choice.all, choice.of
	}
	if o.Command, err = self(); err != nil {
		return o, shares, err
	}
	on := spec.Site{Jobs: f.jobsOr()}
	o.CallTimeout, o.CallTimeoutOf = times.all, times.withDefaults(on)
	if o.Confine, err = (buildFlags{confineFlags: confineFlags{noSandbox: f.noSandbox}}).confinement(on); err != nil {
		return o, shares, err
	}
	return o, shares, nil
}

func (f *workerFlags) jobsOr() int { return jobsOf(buildFlags{jobs: f.jobs}) }

func newServer(f workerFlags, files *remote.TLS, m *machine, names []string, log *slog.Logger) (*remote.Server, error) {
	identity, err := ownIdentity()
	if err != nil {
		return nil, err
	}
	o := remote.ServerOptions{
		TLS: files, Identity: identity, Jobs: f.jobsOr(), MaxMessage: m.shares.requests().Bytes, Drain: f.drain, Logger: log,
	}
	for _, name := range names {
		s, err := specOf(name)
		if err != nil {
			return nil, err
		}
		tools, err := toolsDigest(name)
		if err != nil {
			return nil, err
		}
		o.Plugins = append(o.Plugins, remote.Served{
			Name: name, Conn: m.host.Conn(name), Methods: slices.Sorted(maps.Keys(s.Answers)), Tools: tools,
		})
	}
	return remote.NewServer(o)
}

// ready says where the worker listens.
func (f *workerFlags) ready(a net.Addr, names []string, out *printer) error {
	address := a.String()
	if a.Network() == "unix" {
		address = "unix:" + address
	}
	switch {
	case out.json:
		return printJSON(out.stdout, map[string]any{"event": "ready", "address": address, "plugins": names})
	case out.quiet:
		return nil
	}
	_, err := fmt.Fprintf(out.stdout, "%s: %s. SIGTERM or Ctrl-C ends it.\n", address, strings.Join(names, ", "))
	return err
}

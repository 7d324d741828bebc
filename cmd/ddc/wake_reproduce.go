package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ddc/inspect"
	"ddc/internal/forker"
	"ddc/internal/subject"
	"ddc/plugin"
	"ddc/plugin/host"
	"ddc/plugin/watch"
)

const reproduceHelp = `Reproduce the hang of the report from end to end, with no fault in the program:
a plugin runs the code samples of a page, one after the other. Five end well. The
sixth starts a process that never ends, as "ddc serve" in a shell sample does; with
--nested it is a build inside the build, which waits in turn.

Nothing of the transport is at fault, and it looks as if it were: the plugin
sleeps, the host waits, the rings are empty. So the command says what ddc inspect
says of it, and what the watchdog of a build does; "kill -USR1" and its process
id has it say the same on standard error. Then the call's limit ends the plugin,
and all that it had started.

Exit codes: 0 it hung and was named, 1 it did not, 2 wrong usage, 3 the machinery failed.`

// The page, and how many of its samples run well, as in the report.
const (
	reproducePage   = "content/guide/quick-start.md"
	goodSamples     = 5
	reproducePlugin = "code_execution"
	neverEnds       = "exec sleep infinity"
	reproduceLeast  = 8 * time.Second // of a call: a handler is called stuck after five
	reproduceBound  = 30 * time.Second
	reproduceLooks  = 250 * time.Millisecond
	reproduceWatch  = time.Second // until the watchdog reports what stays stuck
)

type reproduceFlags struct {
	wake   string
	nested bool
	limit  time.Duration
}

func newWakeReproduce() *cobra.Command {
	f := reproduceFlags{}
	c := &cobra.Command{
		Use:     "reproduce",
		Short:   "Reproduce the hang of the report: a handler that never ends",
		Long:    reproduceHelp,
		Example: "  ddc wake reproduce\n  ddc wake reproduce --wake socketpair --nested",
		Args:    usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if f.limit < reproduceLeast || f.limit > reproduceBound {
				return usagef("--limit %v: %v to %v", f.limit, reproduceLeast, reproduceBound)
			}
			return reproduce(c.Context(), f, screenOf(c.OutOrStdout()))
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.wake, "wake", "", "strategy of the plugin; none is the default's")
	flags.BoolVar(&f.nested, "nested", false, "the sixth sample is a build inside the build")
	flags.DurationVar(&f.limit, "limit", 8*time.Second, "how long a call may take until its plugin is killed")
	c.AddCommand(&cobra.Command{
		Use:    "plugin",
		Hidden: true,
		Args:   usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			plugin.Main(plugin.Func(func(r grpc.ServiceRegistrar) { r.RegisterService(&samplesDesc, samples{}) }))
			return nil
		},
	})
	return c
}

// samples is a plugin like the report's: its handler has a goroutine of its
// own, and waits for the sample's process without a limit. Our own, package
// plugins/code_execution, has limits, and refuses a build inside a build.
type samples struct{}

const executeSamples = "/ddc.reproduce.CodeExecution/ExecuteSamples"

var samplesDesc = grpc.ServiceDesc{
	ServiceName: "ddc.reproduce.CodeExecution",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "ExecuteSamples", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		request := new(wrapperspb.StringValue)
		if err := decode(request); err != nil {
			return nil, err
		}
		var output bytes.Buffer
		c := exec.Command("sh", "-c", request.Value)
		c.Stdout = &output
		if err := forker.Run(c); err != nil {
			return nil, fmt.Errorf("run the sample: %w", err)
		}
		return wrapperspb.String(output.String()), nil
	}}},
}

// reproduction is the scenario under way.
type reproduction struct {
	reproduceFlags
	host    *host.Host
	program string
	out     screen
	begun   time.Time
	reports chan string // the watchdog's
}

func reproduce(ctx context.Context, f reproduceFlags, out screen) (err error) {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	h, err := host.New(host.Options{
		Wake: f.wake, CallTimeout: f.limit, Attempts: 1,
		Command: func(string) (string, []string) { return program, []string{"wake", "reproduce", "plugin"} },
	})
	if err != nil {
		return usageError{err}
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	r := &reproduction{reproduceFlags: f, host: h, program: program, out: out, begun: time.Now(), reports: make(chan string, 1)}
	defer watch.DumpOnSignal(h)()
	defer watch.Start(h, watch.Options{OnHang: watch.ReportHang, Bound: reproduceWatch, Say: r.reported}).Stop()
	return r.run(ctx)
}

// reported keeps what the watchdog says, which comes between other lines. It
// reports a call once.
func (r *reproduction) reported(line string) {
	select {
	case r.reports <- line:
	default:
	}
}

// say prints a line with its time.
func (r *reproduction) say(format string, args ...any) {
	fmt.Fprintf(r.out, "%5.1f s  %s\n", time.Since(r.begun).Seconds(), fmt.Sprintf(format, args...))
}

func (r *reproduction) run(ctx context.Context) error {
	fmt.Fprintf(r.out, "%d samples of %s, one after the other, by one plugin over %s\n", goodSamples+1, reproducePage, r.host.WakeOf(reproducePlugin))
	for n := 1; n <= goodSamples; n++ {
		if err := r.execute(ctx, n, fmt.Sprintf("echo sample %d", n)); err != nil {
			return fmt.Errorf("sample %d: %w", n, err)
		}
		r.say("sample %d, line %d: ran well", n, line(n))
	}
	return r.sixth(ctx)
}

// line is where in the page a sample stands.
func line(n int) int { return 14 * n }

// execute has a sample run.
func (r *reproduction) execute(ctx context.Context, n int, source string) error {
	ctx = subject.With(ctx, fmt.Sprintf("%s:%d", reproducePage, line(n)))
	return r.host.Plugin(reproducePlugin).Invoke(ctx, executeSamples, wrapperspb.String(source), new(wrapperspb.StringValue))
}

// sixth makes the call that never ends. It looks at the call from outside until
// a diagnosis names it, and then waits for its time limit.
func (r *reproduction) sixth(ctx context.Context) error {
	n := goodSamples + 1
	source, what := neverEnds, "starts a process that never ends"
	if r.nested {
		source, what = fmt.Sprintf("exec '%s' wake reproduce --limit %v", r.program, reproduceBound), "starts a build inside the build"
	}
	r.say("sample %d, line %d: %s", n, line(n), what)
	ended := make(chan error, 1)
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		ended <- r.execute(calling, n, source)
	}()
	named, err := r.look(ctx, ended)
	if err != nil {
		return err
	}
	if named == nil {
		r.say("sample %d ended before anybody could call it stuck", n)
		return errReported{exitSite}
	}
	r.say("ddc inspect %d says of %s:", os.Getpid(), named.Name)
	fmt.Fprintf(r.out, "           %s\n", named.Text)
	fmt.Fprintf(r.out, "           rings: %d frames unread by the plugin, %d by the host; the plugin's doorbell: %s, token %s\n",
		named.ToPlugin.Unread, named.ToHost.Unread, named.ToPlugin.Bell.Sleeper, named.ToPlugin.Bell.Token)
	fmt.Fprintf(r.out, "           so no wake-up is lost: the plugin waits for its own child\n")
	for {
		select {
		case line := <-r.reports:
			r.say("the watchdog says: %s", line)
		case err = <-ended:
			r.say("the call's limit ended it: %v", err)
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look looks at this process's own hub, as ddc inspect does, until a handler is
// called stuck or the call ends.
func (r *reproduction) look(ctx context.Context, ended chan error) (*inspect.LinkReport, error) {
	hubs, err := inspect.Open(strconv.Itoa(os.Getpid()))
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, h := range hubs {
			_ = h.Close() // it was only read
		}
	}()
	before := look(hubs)
	for {
		select {
		case err := <-ended:
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(reproduceLooks):
		}
		now := look(hubs)
		for i := range hubs {
			report := inspect.NewReport("", before[i], now[i])
			for _, l := range report.Links {
				if l.Kind == inspect.HandlerStuck {
					return &l, nil
				}
			}
		}
		before = now
	}
}
